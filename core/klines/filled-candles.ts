import type { Kline } from '../ports/klines.ts';
import { intervalStartMs, type KlineSize, shiftedStartMs } from './kline-calendar.ts';

/** A candle as it is shown. Where nothing was traded it is flat, at the price before. */
export type Candle = Pick<Kline, 'openMs' | 'openTicks' | 'highTicks' | 'lowTicks' | 'closeTicks' | 'lots'>;

/**
 * Fills the intervals in which nothing was traded.
 * @param klines of one instrument and size, oldest first; the last one before `fromMs` may stand before them
 * @param fromMs beginning of an interval
 * @param toMs exclusive
 * @returns one for each interval from the first trade that is known on, oldest first
 */
export function filledCandles(klines: readonly Kline[], size: KlineSize, fromMs: number, toMs: number): Candle[] {
  const first = klines[0];
  if (first === undefined) return [];
  const candles: Candle[] = [];
  let next = first.openMs < fromMs ? 1 : 0;
  let priceTicks = first.closeTicks;
  for (let openMs = Math.max(fromMs, first.openMs); openMs < toMs; openMs = shiftedStartMs(size, openMs, 1)) {
    const traded = klines[next];
    if (traded?.openMs === openMs) {
      candles.push(traded);
      priceTicks = traded.closeTicks;
      next += 1;
    } else {
      const prices = { openTicks: priceTicks, highTicks: priceTicks, lowTicks: priceTicks, closeTicks: priceTicks };
      candles.push({ openMs, ...prices, lots: 0n });
    }
  }
  return candles;
}

/** @returns the stretch of the last so many intervals, the one that a moment lies in included */
export function newestIntervals(
  size: KlineSize,
  timestampMs: number,
  count: number,
): { readonly fromMs: number; readonly toMs: number } {
  const toMs = shiftedStartMs(size, intervalStartMs(size, timestampMs), 1);
  return { fromMs: shiftedStartMs(size, toMs, -count), toMs };
}
