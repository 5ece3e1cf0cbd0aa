import type { KlineSize } from '../klines/kline-calendar.ts';

/** What was traded of an instrument in one interval. There is none for an interval in which nothing was. */
export interface Kline {
  readonly instrumentId: number;
  readonly size: KlineSize;
  readonly openMs: number; // beginning of the interval, UTC
  readonly openTicks: number; // of the first trade, by sequence
  readonly highTicks: number;
  readonly lowTicks: number;
  readonly closeTicks: number; // of the last trade, by sequence
  readonly lots: bigint;
  readonly notionalUnits: bigint; // quote units
  readonly trades: number;
  readonly firstSequence: number; // of the first trade's event
  readonly lastSequence: number; // of the last trade's event
  readonly revision: number; // 1, and one more whenever a recomputation has put it right
}

/** The 24 hours, to the minute, before `asOfMs`. Prices and sums are of trades in them; `lastTicks` is of any time. */
export interface MarketInfo {
  readonly instrumentId: number;
  readonly asOfMs: number; // beginning of the minute that the day ends with
  readonly openTicks: number | null; // null, as are the next two, when nothing was traded in that day
  readonly highTicks: number | null;
  readonly lowTicks: number | null;
  readonly lastTicks: number;
  readonly changeTicks: number; // last - open; 0 without a trade in that day
  readonly lots: bigint;
  readonly notionalUnits: bigint;
  readonly lastSequence: number; // of the last trade's event
}

/** Intervals that one call may ask for. */
export const MAX_KLINES = 1_440;

/**
 * Reads candles and market info as of the consumer's watermarks, which run a little behind the core. Calls reject with
 * the store's error only.
 */
export interface KlineStore {
  /** Watermark of each partition that the store can be read at. */
  watermarks(): Promise<readonly number[]>;
  /**
   * @param fromMs beginning of an interval
   * @param toMs exclusive; at most MAX_KLINES intervals later
   * @returns the stored ones that begin in between, oldest first, and before them the last one before `fromMs`, if any:
   *   its close is the price of the empty intervals that follow
   */
  klines(instrumentId: number, size: KlineSize, fromMs: number, toMs: number): Promise<readonly Kline[]>;
  /** @returns when the first candle begins, undefined for an instrument that was never traded */
  firstMs(instrumentId: number, size: KlineSize): Promise<number | undefined>;
  /** @returns undefined for an instrument that was never traded */
  marketInfo(instrumentId: number): Promise<MarketInfo | undefined>;
}

/** What a standing job found. A second call at once, a late or a missed one changes nothing that is stored. */
export interface KlineJobReport {
  readonly checked: number; // candles or market infos compared
  readonly corrected: number; // of them: written anew
}

/**
 * The standing jobs around candles. The consumer writes every size and the market info with each trade's watermark; the
 * jobs recompute what it wrote from the history's trades, put right what differs, and let the day of the market info move
 * on where nothing trades. Each is idempotent, bounded in work per call and may be called at any time; calls never overlap
 * inside: one waits for the other. They reject with the store's error, or with the signal's reason once it is aborted.
 */
export interface KlineJobs {
  /** Every second: the 1m candles of the minutes that have ended since the last call. */
  refresh1m(signal?: AbortSignal): Promise<KlineJobReport>;
  /** Every 2 s: the last 24 hours of each instrument, up to this minute. */
  marketInfo(signal?: AbortSignal): Promise<KlineJobReport>;
  /** Every 5 s: missing and wrong 1m candles of the last day, an hour of each instrument at a time, round and round. */
  check1mHistory(signal?: AbortSignal): Promise<KlineJobReport>;
  /** Every 2 s: the nine larger sizes of the present and the previous interval, as sums of the 1m candles. */
  refreshOtherSizes(signal?: AbortSignal): Promise<KlineJobReport>;
  /** Every 2 min: missing and wrong candles of all sizes, a day of each instrument at a time, through all that is kept. */
  checkBaseHistory(signal?: AbortSignal): Promise<KlineJobReport>;
}

export interface KlineRebuildRange {
  readonly fromMs: number; // inclusive; whole minutes
  readonly toMs: number; // exclusive
  readonly instrumentIds: readonly number[];
  readonly isVerifyOnly: boolean; // compare and tell, change nothing
}

/** A candle that is not what its trades say. */
export interface KlineDifference {
  readonly stored: Kline | null; // null: missing
  readonly recomputed: Kline | null; // null: it has no trades
}

export interface KlineRebuildReport extends KlineJobReport {
  readonly differing: number;
  readonly differences: readonly KlineDifference[]; // the first hundred
}
