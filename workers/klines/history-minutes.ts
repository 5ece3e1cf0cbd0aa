import { historyDatabasePath } from '../storage/history-database.ts';
import { SqliteDatabase, type SqlValue } from '../storage/sqlite-database.ts';
import { readPartitionCount, readWatermarks } from '../storage/view-database.ts';
import type { MinutePart } from './candle.ts';
import type { KlineSpan } from './sqlite-kline-store.ts';

/**
 * The trades of `history.sqlite`, summed by minute in SQL: the source that candles are recomputed from. It keeps every
 * trade for good, while segments of the event log may be taken away; and it shares no arithmetic with the consumer.
 */
export class HistoryMinutes {
  readonly #database: SqliteDatabase;
  readonly partitionCount: number;

  private constructor(database: SqliteDatabase, partitionCount: number) {
    this.#database = database;
    this.partitionCount = partitionCount;
  }

  /**
   * @param dataFolder its HistoryDatabase was opened before
   * @throws DatabaseError
   */
  static async open(dataFolder: string): Promise<HistoryMinutes> {
    const database = await SqliteDatabase.openReader(historyDatabasePath(dataFolder));
    return new HistoryMinutes(database, await readPartitionCount(database));
  }

  watermarks(): Promise<readonly number[]> {
    return readWatermarks(this.#database, this.partitionCount);
  }

  /** @returns when the instrument was first and last traded, undefined for never */
  async spanMs(instrumentId: number): Promise<KlineSpan | undefined> {
    const [row] = await this.#database.all<{ firstMs: number | null; lastMs: number }>(
      `SELECT (SELECT min(timestamp_ms) FROM trades WHERE instrument_id = ?1) AS firstMs,
         (SELECT max(timestamp_ms) FROM trades WHERE instrument_id = ?1) AS lastMs`,
      [instrumentId],
    );
    return row === undefined || row.firstMs === null ? undefined : { firstMs: row.firstMs, lastMs: row.lastMs };
  }

  /** @returns the minutes of an instrument in `fromMs` … `toMs` (exclusive), in order, of trades up to a sequence */
  ofInstrument(instrumentId: number, fromMs: number, toMs: number, throughSequence: number): Promise<MinutePart[]> {
    return this.#minutes('instrument_id = ? AND timestamp_ms >= ? AND timestamp_ms < ? AND trade_id <= ?', [
      instrumentId,
      fromMs,
      toMs,
      throughSequence,
    ]);
  }

  /** @returns the minutes of all instruments of some partitions, of trades after a sequence up to another */
  ofPartitions(partitions: readonly number[], afterSequence: number, throughSequence: number): Promise<MinutePart[]> {
    return this.#minutes('trade_id > ? AND trade_id <= ? AND instrument_id % ? IN (SELECT value FROM json_each(?))', [
      afterSequence,
      throughSequence,
      this.partitionCount,
      JSON.stringify(partitions),
    ]);
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  /**
   * Sums are split into halves, since SQLite's own would overflow: of up to 2^31 trades a minute each half is exact.
   * First and last are by sequence, which is the trade's id. One JSON text, as in readKlines.
   */
  async #minutes(condition: string, values: readonly SqlValue[]): Promise<MinutePart[]> {
    const [row] = await this.#database.all<{ json: string }>(
      `SELECT json_group_array(json_array(instrument_id, minute * 60000, trades, high, low, first, last,
         (SELECT price_ticks FROM trades WHERE trade_id = first),
         (SELECT price_ticks FROM trades WHERE trade_id = last),
         CAST(lots_high AS TEXT), CAST(lots_low AS TEXT), CAST(units_high AS TEXT), CAST(units_low AS TEXT)
         ) ORDER BY instrument_id, minute) AS json
       FROM (SELECT instrument_id, timestamp_ms / 60000 AS minute, count(*) AS trades, min(trade_id) AS first,
           max(trade_id) AS last, max(price_ticks) AS high, min(price_ticks) AS low,
           sum(quantity_lots >> 32) AS lots_high, sum(quantity_lots & 4294967295) AS lots_low,
           sum(notional_units >> 32) AS units_high, sum(notional_units & 4294967295) AS units_low
         FROM trades WHERE ${condition} GROUP BY instrument_id, minute)`,
      values,
    );
    return (JSON.parse(row!.json) as MinuteArray[]).map(minutePartOf);
  }
}

type MinuteArray = readonly [
  instrumentId: number,
  openMs: number,
  trades: number,
  highTicks: number,
  lowTicks: number,
  firstSequence: number,
  lastSequence: number,
  openTicks: number,
  closeTicks: number,
  lotsHigh: string,
  lotsLow: string,
  unitsHigh: string,
  unitsLow: string,
];

function minutePartOf(row: MinuteArray): MinutePart {
  const [instrumentId, openMs, trades, highTicks, lowTicks, firstSequence, lastSequence, openTicks, ...rest] = row;
  const [closeTicks, lotsHigh, lotsLow, unitsHigh, unitsLow] = rest;
  const prices = { openTicks, highTicks, lowTicks, closeTicks };
  const sums = { lots: whole(lotsHigh, lotsLow), notionalUnits: whole(unitsHigh, unitsLow) };
  return { instrumentId, openMs, ...prices, ...sums, trades, firstSequence, lastSequence };
}

const HALF = 2n ** 32n;

function whole(high: string, low: string): bigint {
  return BigInt(high) * HALF + BigInt(low);
}
