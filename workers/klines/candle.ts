import { intervalStartMs, type KlineSize } from '../../core/klines/kline-calendar.ts';
import type { Kline } from '../../core/ports/klines.ts';

/** Trades of one instrument within one minute, some or all: what every size is summed from. */
export type MinutePart = Omit<Kline, 'size' | 'revision'>;

/** @returns the candle of a size that begins with these trades */
export function begunWith(size: KlineSize, part: MinutePart): Kline {
  return { ...part, size, openMs: intervalStartMs(size, part.openMs), revision: 1 };
}

/** @param later trades of the same interval, all after those of the candle */
export function joined(kline: Kline, later: MinutePart): Kline {
  return {
    ...kline,
    highTicks: Math.max(kline.highTicks, later.highTicks),
    lowTicks: Math.min(kline.lowTicks, later.lowTicks),
    closeTicks: later.closeTicks,
    lots: kline.lots + later.lots,
    notionalUnits: kline.notionalUnits + later.notionalUnits,
    trades: kline.trades + later.trades,
    lastSequence: later.lastSequence,
  };
}

/**
 * @param parts of one instrument, in order of sequence: minutes, or candles of a size that this one is a union of
 * @returns the candles of the size, in order
 */
export function summed(size: KlineSize, parts: Iterable<MinutePart>): Kline[] {
  const klines: Kline[] = [];
  for (const part of parts) {
    const last = klines.at(-1);
    if (last?.openMs === intervalStartMs(size, part.openMs)) klines[klines.length - 1] = joined(last, part);
    else klines.push(begunWith(size, part));
  }
  return klines;
}
