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

/** What stands after SELECT, so that rows come back as the type below. */
export const KLINE_COLUMNS = selection(KLINES);

type Wide<Row> = Omit<Row, 'lots' | 'notionalUnits'> & { readonly lots: string; readonly notionalUnits: string };
export type KlineRow = Wide<Kline>;

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

/** @returns a row of either table with its sums as integers */
export function exactSums<Row extends { readonly lots: string; readonly notionalUnits: string }>(
  row: Row,
): Omit<Row, 'lots' | 'notionalUnits'> & { readonly lots: bigint; readonly notionalUnits: bigint } {
  return { ...row, lots: BigInt(row.lots), notionalUnits: BigInt(row.notionalUnits) };
}

/** @returns undefined for an instrument that was never traded */
export async function readMarketInfo(database: SqliteDatabase, instrumentId: number): Promise<MarketInfo | undefined> {
  const [row] = await database.all<Wide<MarketInfo>>(
    `SELECT ${selection(MARKET_INFO)} FROM market_info WHERE instrument_id = ?`,
    [instrumentId],
  );
  return row === undefined ? undefined : exactSums(row);
}

function selection({ columns }: TableShape): string {
  return columns
    .map((column) => `${column} AS ${column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())}`)
    .join(', ');
}
