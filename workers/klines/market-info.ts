import { MINUTE_MS } from '../../core/klines/kline-calendar.ts';
import type { DaySummary } from '../../core/klines/rolling-day.ts';
import type { Kline, MarketInfo } from '../../core/ports/klines.ts';

/**
 * @param last the newest 1m candle
 * @param day what was traded in the 24 hours before `nowMs`, undefined for nothing
 */
export function marketInfoOf(
  last: Kline,
  day: DaySummary | undefined,
  nowMs: number,
  quoteUnitsPerTickLot: bigint,
): MarketInfo {
  return {
    instrumentId: last.instrumentId,
    asOfMs: nowMs - (nowMs % MINUTE_MS),
    openTicks: day?.openTicks ?? null,
    highTicks: day?.highTicks ?? null,
    lowTicks: day?.lowTicks ?? null,
    lastTicks: last.closeTicks,
    changeTicks: day === undefined ? 0 : last.closeTicks - day.openTicks,
    lots: day?.lots ?? 0n,
    notionalUnits: (day?.tickLots ?? 0n) * quoteUnitsPerTickLot,
    lastSequence: last.lastSequence,
  };
}
