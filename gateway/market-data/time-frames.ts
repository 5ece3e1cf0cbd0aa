import type { KlineSize } from '../../core/klines/kline-calendar.ts';

/** Sizes of candles as clients spell them: both ways where documents and clients differ. */
const SIZES: Readonly<Record<string, KlineSize>> = {
  '1m': '1m',
  '5m': '5m',
  '15m': '15m',
  '30m': '30m',
  '1h': '1h',
  '1hr': '1h',
  '4h': '4h',
  '4hr': '4h',
  '6h': '6h',
  '6hr': '6h',
  '1d': '1d',
  '1day': '1d',
  '1w': '1w',
  '1week': '1w',
  '1M': '1M',
  '1month': '1M',
};
const BY_NAME = new Map(Object.entries(SIZES));

export const TIME_FRAMES: readonly string[] = [...BY_NAME.keys()];

/** @returns undefined for what is no size. Case matters: 1m is a minute, 1M a month. */
export function sizeOfTimeFrame(name: string): KlineSize | undefined {
  return BY_NAME.get(name);
}
