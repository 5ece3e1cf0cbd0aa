import { MAX_PRICE_TICKS, PPM } from '../../core/money/instrument.ts';
import { Side } from '../../core/protocol/kinds.ts';
import type { Depth } from '../market-data/depth.ts';
import type { TradeTape } from '../market-data/trade-tape.ts';

/** How far a market order may move the price, unless configured otherwise: 5 %. */
export const DEFAULT_MARKET_PROTECTION_PPM = 50_000;

/**
 * The worst price that a market order may trade at: the best price of the other side, or the last one when nobody
 * stands there, moved against the order by a fixed part. A thin book must not cost a trader everything.
 */
export class ProtectionPrices {
  readonly #depth: Depth;
  readonly #tape: TradeTape;
  readonly #protectionPpm: number;

  /** @param protectionPpm 0 … 999_999 */
  constructor(depth: Depth, tape: TradeTape, protectionPpm: number = DEFAULT_MARKET_PROTECTION_PPM) {
    this.#depth = depth;
    this.#tape = tape;
    this.#protectionPpm = protectionPpm;
  }

  /** @returns 1 … MAX_PRICE_TICKS, rounded towards the trader's side; undefined when there is no price to go by */
  priceTicks(instrumentId: number, side: Side): number | undefined {
    const [best] = side === Side.BUY ? this.#depth.asks(instrumentId, 1) : this.#depth.bids(instrumentId, 1);
    const reference = best?.priceTicks ?? this.#tape.last(instrumentId)?.priceTicks;
    return reference === undefined ? undefined : this.around(reference, side);
  }

  /** @returns the same around a price, such as that of a stop, which is where the order will begin to trade */
  around(referenceTicks: number, side: Side): number {
    // Below 2^31 × 2 × 10^6: exact in a double.
    if (side === Side.BUY)
      return Math.min(Math.floor((referenceTicks * (PPM + this.#protectionPpm)) / PPM), MAX_PRICE_TICKS);
    return Math.max(Math.ceil((referenceTicks * (PPM - this.#protectionPpm)) / PPM), 1);
  }
}
