import { fail } from '../../core/assert.ts';
import { KLINE_SIZES, type KlineSize, shiftedStartMs } from '../../core/klines/kline-calendar.ts';
import { type Kline, type KlineStore, MAX_KLINES, type MarketInfo } from '../../core/ports/klines.ts';
import { klinesDatabasePath } from '../storage/klines-database.ts';
import { SqliteDatabase } from '../storage/sqlite-database.ts';
import { readPartitionCount, readWatermarks } from '../storage/view-database.ts';
import { readKlines, readMarketInfo } from './kline-rows.ts';

/** From the first to the last moment of something. */
export interface KlineSpan {
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Reads `klines.sqlite` through its own connection, beside the consumer that writes it. */
export class SqliteKlineStore implements KlineStore {
  readonly #database: SqliteDatabase;
  readonly #partitionCount: number;

  private constructor(database: SqliteDatabase, partitionCount: number) {
    this.#database = database;
    this.#partitionCount = partitionCount;
  }

  /**
   * @param dataFolder its KlinesDatabase was opened before
   * @throws DatabaseError
   */
  static async open(dataFolder: string): Promise<SqliteKlineStore> {
    const database = await SqliteDatabase.openReader(klinesDatabasePath(dataFolder));
    return new SqliteKlineStore(database, await readPartitionCount(database));
  }

  watermarks(): Promise<readonly number[]> {
    return readWatermarks(this.#database, this.#partitionCount);
  }

  async klines(instrumentId: number, size: KlineSize, fromMs: number, toMs: number): Promise<Kline[]> {
    if (shiftedStartMs(size, fromMs, MAX_KLINES) < toMs)
      fail(`candles of ${size} from ${fromMs} to ${toMs} are more than ${MAX_KLINES}`);
    return readKlines(
      this.#database,
      `WHERE instrument_id = ?1 AND size = ?2 AND open_ms < ?4 AND open_ms >= coalesce(
         (SELECT max(open_ms) FROM klines WHERE instrument_id = ?1 AND size = ?2 AND open_ms < ?3), ?3)`,
      [instrumentId, size, fromMs, toMs],
    );
  }

  async firstMs(instrumentId: number, size: KlineSize): Promise<number | undefined> {
    const [row] = await this.#database.all<{ openMs: number | null }>(
      'SELECT min(open_ms) AS openMs FROM klines WHERE instrument_id = ? AND size = ?',
      [instrumentId, size],
    );
    return row?.openMs ?? undefined;
  }

  /** Any number of candles, for those who compare or draw them: what begins in `fromMs` … `toMs`, exclusive. */
  async within(instrumentId: number, size: KlineSize, fromMs: number, toMs: number): Promise<Kline[]> {
    if (fromMs >= toMs) return []; // often: what is summed is mostly at hand
    return readKlines(this.#database, 'WHERE instrument_id = ? AND size = ? AND open_ms >= ? AND open_ms < ?', [
      instrumentId,
      size,
      fromMs,
      toMs,
    ]);
  }

  /** @returns when the first and the last candle of any size begin, undefined for none */
  async spanMs(instrumentId: number): Promise<KlineSpan | undefined> {
    const [row] = await this.#database.all<{ firstMs: number | null; lastMs: number }>(
      `SELECT min(first_ms) AS firstMs, max(last_ms) AS lastMs FROM (SELECT
         (SELECT min(open_ms) FROM klines WHERE instrument_id = ?1 AND size = value) AS first_ms,
         (SELECT max(open_ms) FROM klines WHERE instrument_id = ?1 AND size = value) AS last_ms FROM json_each(?2))`,
      [instrumentId, JSON.stringify(KLINE_SIZES)],
    );
    return row === undefined || row.firstMs === null ? undefined : { firstMs: row.firstMs, lastMs: row.lastMs };
  }

  marketInfo(instrumentId: number): Promise<MarketInfo | undefined> {
    return readMarketInfo(this.#database, instrumentId);
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
