/**
 * Intervals of candles, in UTC: minutes to days in step with the epoch, weeks from Monday, calendar months. Each size is
 * an exact union of intervals of the one that it is summed from, so that larger candles are sums of smaller ones.
 */

export const KLINE_SIZES = ['1m', '5m', '15m', '30m', '1h', '4h', '6h', '1d', '1w', '1M'] as const;
export type KlineSize = (typeof KLINE_SIZES)[number];

export const MINUTE_MS = 60_000;
export const DAY_MS = 24 * 60 * MINUTE_MS;

/** The size that a larger one is summed from. Each stands behind its own parts in KLINE_SIZES. */
export const PART_SIZE: Readonly<Record<Exclude<KlineSize, '1m'>, KlineSize>> = {
  '5m': '1m',
  '15m': '5m',
  '30m': '15m',
  '1h': '30m',
  '4h': '1h',
  '6h': '1h',
  '1d': '6h',
  '1w': '1d',
  '1M': '1d',
};

const LENGTH_MS: Readonly<Record<Exclude<KlineSize, '1M'>, number>> = {
  '1m': MINUTE_MS,
  '5m': 5 * MINUTE_MS,
  '15m': 15 * MINUTE_MS,
  '30m': 30 * MINUTE_MS,
  '1h': 60 * MINUTE_MS,
  '4h': 4 * 60 * MINUTE_MS,
  '6h': 6 * 60 * MINUTE_MS,
  '1d': DAY_MS,
  '1w': 7 * DAY_MS,
};
/** 1970 began on a Thursday: the first Monday was four days later. */
const FIRST_MONDAY_MS = 4 * DAY_MS;

/** @returns the beginning of the interval that a moment lies in. Ends are not part of an interval. */
export function intervalStartMs(size: KlineSize, timestampMs: number): number {
  if (size === '1M') {
    const moment = new Date(timestampMs);
    return Date.UTC(moment.getUTCFullYear(), moment.getUTCMonth(), 1);
  }
  const lengthMs = LENGTH_MS[size];
  const originMs = size === '1w' ? FIRST_MONDAY_MS : 0;
  return Math.floor((timestampMs - originMs) / lengthMs) * lengthMs + originMs;
}

/**
 * @param startMs beginning of an interval
 * @param count whole number; negative ones go back
 * @returns the beginning of the interval that many later
 */
export function shiftedStartMs(size: KlineSize, startMs: number, count: number): number {
  if (size !== '1M') return startMs + count * LENGTH_MS[size];
  const start = new Date(startMs);
  return Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + count, 1);
}

/** @returns the first moment behind the interval that a moment lies in */
export function intervalEndMs(size: KlineSize, timestampMs: number): number {
  return shiftedStartMs(size, intervalStartMs(size, timestampMs), 1);
}
