import { type Candle, filledCandles, newestIntervals } from '../../core/klines/filled-candles.ts';
import { intervalStartMs, type KlineSize, shiftedStartMs } from '../../core/klines/kline-calendar.ts';
import type { Clock } from '../../core/ports/clock.ts';
import { type KlineStore, MAX_KLINES, type MarketInfo } from '../../core/ports/klines.ts';
import { untilReached } from '../accounts/current-history.ts';
import type { TradeTape } from './trade-tape.ts';

/** Candles, oldest first. */
export interface CandlesFound {
  readonly candles: readonly Candle[];
  readonly isCurrent: boolean; // false: the store was behind, and trades that the gateway has seen may be missing
}

/**
 * Candles and market info with every trade that the gateway has seen. What the store lacks is waited for, up to a second;
 * a store that is further behind answers what it has.
 */
export class CurrentCandles {
  readonly #store: KlineStore;
  readonly #tape: TradeTape;
  readonly #clock: Clock;
  readonly #partitionCount: number;

  constructor(store: KlineStore, tape: TradeTape, clock: Clock, partitionCount: number) {
    this.#store = store;
    this.#tape = tape;
    this.#clock = clock;
    this.#partitionCount = partitionCount;
  }

  /** @param count 1 … MAX_KLINES @returns up to the present one; intervals without trades are flat */
  async newest(instrumentId: number, size: KlineSize, count: number): Promise<CandlesFound> {
    const { fromMs, toMs } = newestIntervals(size, this.#clock.nowMs(), count);
    const isCurrent = await this.#caughtUp(instrumentId);
    return { candles: await this.#filled(instrumentId, size, fromMs, toMs), isCurrent };
  }

  /** @returns the first `count` candles that begin at a moment or later */
  async since(instrumentId: number, size: KlineSize, sinceMs: number, count: number): Promise<CandlesFound> {
    const startMs = intervalStartMs(size, sinceMs);
    const fromMs = startMs < sinceMs ? shiftedStartMs(size, startMs, 1) : startMs;
    const { toMs: endMs } = newestIntervals(size, this.#clock.nowMs(), 1);
    if (fromMs >= endMs) return { candles: [], isCurrent: true };
    const isCurrent = await this.#caughtUp(instrumentId);
    const firstMs = Math.max(fromMs, (await this.#store.firstMs(instrumentId, size)) ?? endMs);
    if (firstMs >= endMs) return { candles: [], isCurrent };
    const toMs = Math.min(endMs, shiftedStartMs(size, firstMs, Math.min(count, MAX_KLINES)));
    return { candles: await this.#filled(instrumentId, size, firstMs, toMs), isCurrent };
  }

  /** @returns undefined for an instrument that was never traded */
  async marketInfo(instrumentId: number): Promise<MarketInfo | undefined> {
    await this.#caughtUp(instrumentId);
    return this.#store.marketInfo(instrumentId);
  }

  async #filled(instrumentId: number, size: KlineSize, fromMs: number, toMs: number): Promise<Candle[]> {
    return filledCandles(await this.#store.klines(instrumentId, size, fromMs, toMs), size, fromMs, toMs);
  }

  #caughtUp(instrumentId: number): Promise<boolean> {
    const wanted = new Float64Array(this.#partitionCount);
    wanted[instrumentId % wanted.length] = this.#tape.last(instrumentId)?.tradeId ?? 0;
    return untilReached(wanted, () => this.#store.watermarks());
  }
}
