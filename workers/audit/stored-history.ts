import { existsSync } from 'node:fs';
import type { DailyVolume, HistoryOrder, HistoryTrade } from '../../core/ports/history.ts';
import {
  ORDER_COLUMNS,
  type OrderRow,
  orderOf,
  TRADE_COLUMNS,
  type TradeRow,
  tradeOfRow,
  VOLUME_COLUMNS,
  type VolumeRow,
  volumeOf,
} from '../history/history-rows.ts';
import { historyDatabasePath } from '../storage/history-database.ts';
import { HISTORY_SCHEMA } from '../storage/history-schema.ts';
import { SchemaTooNewError, schemaVersion } from '../storage/migrations.ts';
import { SqliteDatabase } from '../storage/sqlite-database.ts';
import { readPartitionCount, readWatermarks } from '../storage/view-database.ts';

const PAGE_ROWS = 10_000;

/** Reads what the history has on disk at one moment, however it goes on. Writes nothing. */
export class StoredHistory {
  readonly watermarks: readonly number[];
  readonly #database: SqliteDatabase;

  private constructor(database: SqliteDatabase, watermarks: readonly number[]) {
    this.#database = database;
    this.watermarks = watermarks;
  }

  /**
   * @returns null when the folder has no history yet
   * @throws SchemaTooNewError, DatabaseError
   */
  static async open(dataFolder: string): Promise<StoredHistory | null> {
    const path = historyDatabasePath(dataFolder);
    if (!existsSync(path)) return null;
    const database = await SqliteDatabase.openReader(path);
    try {
      await database.exec('BEGIN'); // the first read after it fixes the moment
      const version = await schemaVersion(database);
      if (version > HISTORY_SCHEMA.length) throw new SchemaTooNewError(path, version, HISTORY_SCHEMA.length);
      if (version === HISTORY_SCHEMA.length) {
        const watermarks = await readWatermarks(database, await readPartitionCount(database));
        return new StoredHistory(database, watermarks);
      }
    } catch (error) {
      await database.close();
      throw error;
    }
    await database.close();
    return null;
  }

  /** @returns pages of the trades after that one, in order */
  async *trades(afterTradeId: number): AsyncGenerator<HistoryTrade[]> {
    for (let after = afterTradeId; ; ) {
      const rows = await this.#database.all<TradeRow>(
        `SELECT ${TRADE_COLUMNS} FROM trades WHERE trade_id > ? ORDER BY trade_id LIMIT ${PAGE_ROWS}`,
        [after],
      );
      if (rows.length > 0) yield rows.map(tradeOfRow);
      if (rows.length < PAGE_ROWS) return;
      after = rows.at(-1)!.tradeId;
    }
  }

  /** @returns by order id; without those that are not stored */
  async orders(orderIds: readonly number[]): Promise<Map<number, HistoryOrder>> {
    const rows = await this.#database.all<OrderRow>(
      `SELECT ${ORDER_COLUMNS} FROM orders WHERE order_id IN (SELECT value FROM json_each(?))`,
      [JSON.stringify(orderIds)],
    );
    return new Map(rows.map((row) => [row.orderId, orderOf(row)]));
  }

  /** @returns pages of the ids of all orders that were accepted after an event */
  async *orderIds(afterSequence: number): AsyncGenerator<number[]> {
    for (let after = -1; ; ) {
      const rows = await this.#database.all<{ orderId: number }>(
        `SELECT order_id AS orderId FROM orders WHERE order_id > ? AND accepted_sequence > ?
         ORDER BY order_id LIMIT ${PAGE_ROWS}`,
        [after, afterSequence],
      );
      if (rows.length > 0) yield rows.map(({ orderId }) => orderId);
      if (rows.length < PAGE_ROWS) return;
      after = rows.at(-1)!.orderId;
    }
  }

  /** @param keys account, day, instrument of each */
  async volumes(keys: readonly (readonly [number, number, number])[]): Promise<DailyVolume[]> {
    const rows = await this.#database.all<VolumeRow>(
      `SELECT ${VOLUME_COLUMNS} FROM daily_volumes WHERE (account_id, day_start_ms, instrument_id) IN
         (SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?))`,
      [JSON.stringify(keys)],
    );
    return rows.map(volumeOf);
  }

  /** @returns how many volume rows there are of days after that one */
  async volumeCount(afterDayMs: number): Promise<number> {
    const rows = await this.#database.all<{ count: number }>(
      'SELECT count(*) AS count FROM daily_volumes WHERE day_start_ms > ?',
      [afterDayMs],
    );
    return rows[0]!.count;
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
