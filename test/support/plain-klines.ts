import { KLINE_SIZES } from '../../core/klines/kline-calendar.ts';
import type { Kline, MarketInfo } from '../../core/ports/klines.ts';
import { type PlainDay, plainDays, plainStartMs } from './plain-calendar.ts';

export interface PlainTrade {
  readonly tradeId: number;
  readonly instrumentId: number;
  readonly timestampMs: number;
  readonly priceTicks: number;
  readonly quantityLots: number;
  readonly notionalUnits: bigint;
}

const DAY_MS = 86_400_000;
const FIRST_YEAR = 2015;
const DAYS: readonly PlainDay[] = plainDays(FIRST_YEAR, 2041);

/** @returns every candle of all sizes, each worked out from all its trades alone, in order of instrument, size and time */
export function plainKlines(trades: readonly PlainTrade[]): Kline[] {
  const klines: Kline[] = [];
  for (const size of KLINE_SIZES) {
    const groups = Map.groupBy(trades, ({ instrumentId, timestampMs }) => {
      const day = DAYS[(timestampMs - DAYS[0]!.startMs - (timestampMs % DAY_MS)) / DAY_MS]!;
      return `${instrumentId} ${plainStartMs(size, day, timestampMs - day.startMs)}`;
    });
    for (const [key, group] of groups) {
      const [instrumentId, openMs] = key.split(' ').map(Number) as [number, number];
      const sorted = [...group].sort((one, other) => one.tradeId - other.tradeId);
      klines.push({
        instrumentId,
        size,
        openMs,
        openTicks: sorted[0]!.priceTicks,
        highTicks: Math.max(...group.map(({ priceTicks }) => priceTicks)),
        lowTicks: Math.min(...group.map(({ priceTicks }) => priceTicks)),
        closeTicks: sorted.at(-1)!.priceTicks,
        lots: group.reduce((sum, { quantityLots }) => sum + BigInt(quantityLots), 0n),
        notionalUnits: group.reduce((sum, { notionalUnits }) => sum + notionalUnits, 0n),
        trades: group.length,
        firstSequence: sorted[0]!.tradeId,
        lastSequence: sorted.at(-1)!.tradeId,
        revision: 1,
      });
    }
  }
  return inOrder(klines);
}

export function inOrder(klines: readonly Kline[]): Kline[] {
  const key = ({ instrumentId, size, openMs }: Kline): number =>
    (instrumentId * 10 + KLINE_SIZES.indexOf(size)) * 1e13 + openMs;
  return [...klines].sort((one, other) => key(one) - key(other));
}

/** @returns the market info of an instrument that was traded, as of a moment: a minute counts while younger than a day */
export function plainMarketInfo(trades: readonly PlainTrade[], instrumentId: number, nowMs: number): MarketInfo {
  const asOfMs = nowMs - (nowMs % 60_000);
  const own = trades.filter((trade) => trade.instrumentId === instrumentId);
  const within = own.filter(({ timestampMs }) => timestampMs >= asOfMs - DAY_MS + 60_000);
  const prices = within.map(({ priceTicks }) => priceTicks);
  const last = own.at(-1)!;
  return {
    instrumentId,
    asOfMs,
    openTicks: prices[0] ?? null,
    highTicks: prices.length === 0 ? null : Math.max(...prices),
    lowTicks: prices.length === 0 ? null : Math.min(...prices),
    lastTicks: last.priceTicks,
    changeTicks: prices.length === 0 ? 0 : last.priceTicks - prices[0]!,
    lots: within.reduce((sum, { quantityLots }) => sum + BigInt(quantityLots), 0n),
    notionalUnits: within.reduce((sum, { notionalUnits }) => sum + notionalUnits, 0n),
    lastSequence: last.tradeId,
  };
}
