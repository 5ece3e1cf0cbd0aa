import { Money } from 'bigint-money';
import type { Asset } from '../../core/money/asset.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import { formatDecimal } from '../../core/money/decimal.ts';
import type { Instrument } from '../../core/money/instrument.ts';
import type { MarketData } from '../market-data/market-data.ts';
import { formatPrice } from '../rest/formatting.ts';
import { isFiat } from './networks.ts';

const FIAT_DECIMALS = 2;

/** One step from an asset to another at a market's price. */
interface Step {
  readonly instrument: Instrument;
  readonly isSale: boolean; // from base to quote: times the price; else divided by it
  readonly to: Asset;
}

/**
 * What amounts would be worth in another asset, at last prices: to be looked at, never to be booked. Rounded, unlike
 * everything that the ledger knows.
 */
export class Valuation {
  readonly #catalogue: Catalogue;
  readonly #market: Pick<MarketData, 'depth' | 'tape'>;

  constructor(catalogue: Catalogue, market: Pick<MarketData, 'depth' | 'tape'>) {
    this.#catalogue = catalogue;
    this.#market = market;
  }

  /**
   * @returns how to value an asset in a currency: directly, or by way of one other asset; what has no price is worth 0.
   *   The text has two decimals for fiat, else at most those of the currency
   */
  worth(asset: Asset, currency: Asset): (units: bigint) => string {
    const path = this.#path(asset, currency);
    const decimals = isFiat(currency) ? FIAT_DECIMALS : currency.decimals;
    return (units) => {
      let money = new Money(path === undefined ? '0' : formatDecimal(units, asset.decimals), currency.code);
      for (const { instrument, isSale } of path ?? []) {
        const price = this.#price(instrument)!;
        money = isSale ? money.multiply(price) : money.divide(price);
      }
      return money.toFixed(decimals);
    };
  }

  #path(from: Asset, to: Asset): readonly Step[] | undefined {
    if (from.assetId === to.assetId) return [];
    const first = this.#stepsFrom(from);
    const direct = first.find((step) => step.to.assetId === to.assetId);
    if (direct !== undefined) return [direct];
    for (const step of first) {
      const second = this.#stepsFrom(step.to).find((next) => next.to.assetId === to.assetId);
      if (second !== undefined) return [step, second];
    }
    return undefined;
  }

  #stepsFrom({ assetId }: Asset): Step[] {
    const steps: Step[] = [];
    for (const instrument of this.#catalogue.instruments()) {
      if (this.#price(instrument) === undefined) continue;
      if (instrument.base.assetId === assetId) steps.push({ instrument, isSale: true, to: instrument.quote });
      else if (instrument.quote.assetId === assetId) steps.push({ instrument, isSale: false, to: instrument.base });
    }
    return steps;
  }

  /** @returns the last trade's price, before any trade the best bid or ask; undefined without all of them */
  #price(instrument: Instrument): string | undefined {
    const { instrumentId } = instrument;
    const { depth, tape } = this.#market;
    const ticks =
      tape.last(instrumentId)?.priceTicks ??
      depth.bids(instrumentId, 1)[0]?.priceTicks ??
      depth.asks(instrumentId, 1)[0]?.priceTicks;
    return ticks === undefined ? undefined : formatPrice(instrument, ticks);
  }
}
