import type { KlineSize } from '../../core/klines/kline-calendar.ts';
import type { Kline, MarketInfo } from '../../core/ports/klines.ts';
import type { TableShape } from '../storage/group-commit.ts';
import type { SqliteDatabase, SqlValue } from '../storage/sqlite-database.ts';

/** How candles and market info lie in the tables of klines-schema.ts, both ways. */

export const KLINES: TableShape = {
  name: 'klines',
  columns: [
    ...['instrument_id', 'size', 'open_ms', 'open_ticks', 'high_ticks', 'low_ticks', 'close_ticks', 'lots'],
    ...['notional_units', 'trades', 'first_sequence', 'last_sequence', 'revision'],
  ],
  keyColumns: 3,
};
export const MARKET_INFO: TableShape = {
  name: 'market_info',
  columns: [
    ...['instrument_id', 'as_of_ms', 'open_ticks', 'high_ticks', 'low_ticks', 'last_ticks', 'change_ticks', 'lots'],
    ...['notional_units', 'last_sequence'],
  ],
  keyColumns: 1,
};

/** What stands after SELECT, so that rows come back with the names of MarketInfo. */
const MARKET_INFO_COLUMNS = MARKET_INFO.columns
  .map((column) => `${column} AS ${column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())}`)
  .join(', ');

type Wide<Row> = Omit<Row, 'lots' | 'notionalUnits'> & { readonly lots: string; readonly notionalUnits: string };

export function klineValues(kline: Kline): SqlValue[] {
  return [
    kline.instrumentId,
    kline.size,
    kline.openMs,
    kline.openTicks,
    kline.highTicks,
    kline.lowTicks,
    kline.closeTicks,
    kline.lots.toString(),
    kline.notionalUnits.toString(),
    kline.trades,
    kline.firstSequence,
    kline.lastSequence,
    kline.revision,
  ];
}

export function marketInfoValues(info: MarketInfo): SqlValue[] {
  return [
    info.instrumentId,
    info.asOfMs,
    info.openTicks,
    info.highTicks,
    info.lowTicks,
    info.lastTicks,
    info.changeTicks,
    info.lots.toString(),
    info.notionalUnits.toString(),
    info.lastSequence,
  ];
}

/**
 * Reads candles as one JSON text: the driver takes several times as long to make as many rows.
 * @param condition what stands after FROM klines
 * @returns oldest first
 */
export async function readKlines(
  database: SqliteDatabase,
  condition: string,
  values: readonly SqlValue[],
): Promise<Kline[]> {
  const [row] = await database.all<{ json: string }>(
    `SELECT json_group_array(json_array(${KLINES.columns.join(', ')}) ORDER BY open_ms) AS json FROM klines ${condition}`,
    values,
  );
  return (JSON.parse(row!.json) as KlineArray[]).map(klineOf);
}

/** The columns of KLINES, in their order. */
type KlineArray = readonly [
  instrumentId: number,
  size: KlineSize,
  openMs: number,
  openTicks: number,
  highTicks: number,
  lowTicks: number,
  closeTicks: number,
  lots: string,
  notionalUnits: string,
  trades: number,
  firstSequence: number,
  lastSequence: number,
  revision: number,
];

function klineOf(row: KlineArray): Kline {
  const [instrumentId, size, openMs, openTicks, highTicks, lowTicks, closeTicks, lots, notionalUnits, ...rest] = row;
  const [trades, firstSequence, lastSequence, revision] = rest;
  const prices = { openTicks, highTicks, lowTicks, closeTicks };
  const sums = { lots: BigInt(lots), notionalUnits: BigInt(notionalUnits) };
  return { instrumentId, size, openMs, ...prices, ...sums, trades, firstSequence, lastSequence, revision };
}

/** @returns undefined for an instrument that was never traded */
export async function readMarketInfo(database: SqliteDatabase, instrumentId: number): Promise<MarketInfo | undefined> {
  const [row] = await database.all<Wide<MarketInfo>>(
    `SELECT ${MARKET_INFO_COLUMNS} FROM market_info WHERE instrument_id = ?`,
    [instrumentId],
  );
  if (row === undefined) return undefined;
  return { ...row, lots: BigInt(row.lots), notionalUnits: BigInt(row.notionalUnits) };
}
