import type { Candle } from '../../core/klines/filled-candles.ts';
import { formatDecimal } from '../../core/money/decimal.ts';
import { baseUnits, type Instrument } from '../../core/money/instrument.ts';
import { formatPrice } from './formatting.ts';

/** @returns `[openMs,open,high,low,close,volume]`: JSON numbers, written digit by digit, since a double may not hold them */
export function candleJson(instrument: Instrument, candle: Candle): string {
  const { openMs, openTicks, highTicks, lowTicks, closeTicks, lots } = candle;
  const prices = [openTicks, highTicks, lowTicks, closeTicks].map((ticks) => formatPrice(instrument, ticks));
  const volume = formatDecimal(lots * baseUnits(instrument, 1), instrument.base.decimals);
  return `[${openMs},${prices.join(',')},${volume}]`;
}

/** @param candles oldest first @returns them as an array, newest first */
export function candlesJson(instrument: Instrument, candles: readonly Candle[]): string {
  return `[${candles
    .map((candle) => candleJson(instrument, candle))
    .reverse()
    .join(',')}]`;
}
