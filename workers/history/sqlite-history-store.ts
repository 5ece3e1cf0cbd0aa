import { fail } from '../../core/assert.ts';
import {
  type AccountTrade,
  type DailyVolume,
  type HistoryOrder,
  type HistoryRange,
  type HistoryStore,
  type HistoryTrade,
  MAX_HISTORY_ROWS,
  type OrderAsOf,
  type OrderRequest,
} from '../../core/ports/history.ts';
import { historyDatabasePath } from '../storage/history-database.ts';
import { SqliteDatabase, type SqlValue } from '../storage/sqlite-database.ts';
import { readPartitionCount, readWatermarks } from '../storage/view-database.ts';
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
} from './history-rows.ts';
import { readOrdersAsOf } from './orders-as-of.ts';

/** Fills that are shown of one order: its newest. */
const TRADES_PER_ORDER = 500;

type AccountTradeRow = Omit<AccountTrade, 'notionalUnits' | 'feeUnits' | 'isAggressor'> & {
  readonly isAggressor: 0 | 1;
  readonly notionalUnits: string;
  readonly feeUnits: string;
};

/** Reads `history.sqlite` through its own connection, beside the consumer that writes it. */
export class SqliteHistoryStore implements HistoryStore {
  readonly #database: SqliteDatabase;
  readonly #partitionCount: number;

  private constructor(database: SqliteDatabase, partitionCount: number) {
    this.#database = database;
    this.#partitionCount = partitionCount;
  }

  /**
   * @param dataFolder its HistoryDatabase was opened before
   * @throws DatabaseError
   */
  static async open(dataFolder: string): Promise<SqliteHistoryStore> {
    const database = await SqliteDatabase.openReader(historyDatabasePath(dataFolder));
    return new SqliteHistoryStore(database, await readPartitionCount(database));
  }

  watermarks(): Promise<readonly number[]> {
    return readWatermarks(this.#database, this.#partitionCount);
  }

  async order(orderId: number): Promise<HistoryOrder | undefined> {
    const [order] = await this.#orders('WHERE order_id = ?', [orderId]);
    return order;
  }

  ordersByClientOrderId(keyId: number, clientOrderId: string, limit: number): Promise<HistoryOrder[]> {
    requireLimit(limit);
    return this.#orders(
      `WHERE key_id = ? AND client_order_id = ? AND client_order_id <> '' ORDER BY accepted_sequence DESC LIMIT ?`,
      [keyId, clientOrderId, limit],
    );
  }

  async repeatedOrder(
    request: OrderRequest,
    sinceMs: number,
    isPriceCompared: boolean,
  ): Promise<HistoryOrder | undefined> {
    const [order] = await this.#orders(
      `WHERE key_id = ? AND client_order_id = ? AND client_order_id <> '' AND created_ms > ?
         AND ${REQUESTED_COLUMNS.join(' = ? AND ')} = ? ${isPriceCompared ? 'AND accepted_price_ticks = ?' : ''}
       ORDER BY accepted_sequence DESC LIMIT 1`,
      [
        request.keyId,
        request.clientOrderId,
        sinceMs,
        ...requestedValues(request),
        ...(isPriceCompared ? [request.priceTicks] : []),
      ],
    );
    return order;
  }

  async accountOrders(accountId: number, which: 'closed' | 'any', range: HistoryRange): Promise<HistoryOrder[]> {
    requireLimit(range.limit);
    const order = range.sinceMs === undefined ? 'DESC' : 'ASC';
    const rows = await this.#ofInstruments(range, accountId, ORDERED_INSTRUMENTS, (instrumentId) =>
      this.#orders(
        `WHERE account_id = ? AND instrument_id = ? AND created_ms >= ? ${which === 'closed' ? 'AND closed_ms IS NOT NULL' : ''}
         ORDER BY created_ms ${order}, accepted_sequence ${order} LIMIT ?`,
        [accountId, instrumentId, range.sinceMs ?? 0, range.limit],
      ),
    );
    return newestFirst(rows, range, (row) => row.acceptedSequence);
  }

  async tradesOfOrders(orderIds: readonly number[]): Promise<ReadonlyMap<number, readonly AccountTrade[]>> {
    if (orderIds.length > MAX_HISTORY_ROWS) fail(`trades of ${orderIds.length} orders are asked for at once`);
    const wanted = 'IN (SELECT value FROM json_each(?1))';
    const trades = await this.#accountTrades(
      `SELECT ${ACCOUNT_TRADE_FIELDS} FROM (
         SELECT *, row_number() OVER (PARTITION BY orderId ORDER BY tradeId DESC) AS newness FROM (
           ${accountTradesSql('maker')} WHERE maker_order_id ${wanted}
           UNION ALL ${accountTradesSql('taker')} WHERE taker_order_id ${wanted}))
       WHERE newness <= ${TRADES_PER_ORDER} ORDER BY tradeId`,
      [JSON.stringify(orderIds)],
    );
    const byOrder = new Map<number, AccountTrade[]>();
    for (const trade of trades) {
      const ofOrder = byOrder.get(trade.orderId);
      if (ofOrder === undefined) byOrder.set(trade.orderId, [trade]);
      else ofOrder.push(trade);
    }
    return byOrder;
  }

  async accountTrades(accountId: number, range: HistoryRange): Promise<AccountTrade[]> {
    requireLimit(range.limit);
    const order = range.sinceMs === undefined ? 'DESC' : 'ASC';
    const side = (role: 'maker' | 'taker'): string =>
      `SELECT * FROM (${accountTradesSql(role)}
         WHERE ${role}_account_id = ?1 AND trades.instrument_id = ?2 AND timestamp_ms >= ?3
         ORDER BY timestamp_ms ${order}, trade_id ${order} LIMIT ?4)`;
    const rows = await this.#ofInstruments(range, accountId, TRADED_INSTRUMENTS, (instrumentId) =>
      this.#accountTrades(`${side('maker')} UNION ALL ${side('taker')}`, [
        accountId,
        instrumentId,
        range.sinceMs ?? 0,
        range.limit,
      ]),
    );
    return newestFirst(rows, range, (trade) => trade.tradeId);
  }

  async publicTrades(
    instrumentId: number,
    range: { readonly sinceTradeId?: number; readonly sinceMs?: number; readonly limit: number },
  ): Promise<HistoryTrade[]> {
    requireLimit(range.limit);
    const { sinceTradeId, sinceMs, limit } = range;
    if (sinceTradeId !== undefined) {
      // The time of the last trade at or before the bound leads into the index by time.
      const rows = await this.#trades(
        `WHERE instrument_id = ?1 AND trade_id > ?2 AND timestamp_ms >= coalesce(
           (SELECT timestamp_ms FROM trades WHERE trade_id <= ?2 ORDER BY trade_id DESC LIMIT 1), 0)
         ORDER BY timestamp_ms, trade_id LIMIT ?3`,
        [instrumentId, sinceTradeId, limit],
      );
      return rows.reverse();
    }
    if (sinceMs !== undefined) {
      const rows = await this.#trades(
        'WHERE instrument_id = ? AND timestamp_ms > ? ORDER BY timestamp_ms, trade_id LIMIT ?',
        [instrumentId, sinceMs, limit],
      );
      return rows.reverse();
    }
    return this.#trades('WHERE instrument_id = ? ORDER BY timestamp_ms DESC, trade_id DESC LIMIT ?', [
      instrumentId,
      limit,
    ]);
  }

  async dailyVolumes(accountId: number, sinceMs: number): Promise<DailyVolume[]> {
    const rows = await this.#database.all<VolumeRow>(
      `SELECT ${VOLUME_COLUMNS} FROM daily_volumes WHERE account_id = ? AND day_start_ms + 86400000 > ?
       ORDER BY day_start_ms, instrument_id`,
      [accountId, sinceMs],
    );
    return rows.map(volumeOf);
  }

  ordersAsOf(orderIds: readonly number[], eventSequence: number): Promise<ReadonlyMap<number, OrderAsOf>> {
    return readOrdersAsOf(this.#database, orderIds, eventSequence);
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  /** @returns the rows of the range's instrument, or of each that the account has any of: then a lookup for each */
  async #ofInstruments<Row>(
    range: HistoryRange,
    accountId: number,
    instrumentsSql: string,
    rowsOf: (instrumentId: number) => Promise<Row[]>,
  ): Promise<Row[]> {
    if (range.instrumentId !== undefined) return rowsOf(range.instrumentId);
    const instruments = await this.#database.all<{ id: number }>(instrumentsSql, [accountId]);
    return (await Promise.all(instruments.map(({ id }) => rowsOf(id)))).flat();
  }

  async #orders(where: string, values: readonly SqlValue[]): Promise<HistoryOrder[]> {
    const rows = await this.#database.all<OrderRow>(`SELECT ${ORDER_COLUMNS} FROM orders ${where}`, values);
    return rows.map(orderOf);
  }

  async #trades(where: string, values: readonly SqlValue[]): Promise<HistoryTrade[]> {
    const rows = await this.#database.all<TradeRow>(`SELECT ${TRADE_COLUMNS} FROM trades ${where}`, values);
    return rows.map(tradeOfRow);
  }

  async #accountTrades(sql: string, values: readonly SqlValue[]): Promise<AccountTrade[]> {
    const rows = await this.#database.all<AccountTradeRow>(sql, values);
    return rows.map((row) => ({
      ...row,
      isAggressor: row.isAggressor === 1,
      notionalUnits: BigInt(row.notionalUnits),
      feeUnits: BigInt(row.feeUnits),
    }));
  }
}

/** Columns in which a repeated request equals the order that it repeats, in the order of their values below. */
const REQUESTED_COLUMNS = [
  ...['instrument_id', 'side', 'order_type', 'time_in_force', 'self_trade_prevention', 'flags', 'stop_price_ticks'],
  ...['accepted_quantity_lots', 'budget_units', 'expires_at_ms'],
];

function requestedValues(request: OrderRequest): SqlValue[] {
  const { instrumentId, side, orderType, timeInForce, selfTradePrevention, flags, stopPriceTicks } = request;
  const kind = [instrumentId, side, orderType, timeInForce, selfTradePrevention, flags];
  return [...kind, stopPriceTicks, request.quantityLots, request.budgetUnits.toString(), request.expiresAtMs];
}

/** Instruments of an account, each by one step through the index that begins with the account. */
const ORDERED_INSTRUMENTS = instrumentsSql(['orders', 'account_id']);
const TRADED_INSTRUMENTS = instrumentsSql(['trades', 'maker_account_id'], ['trades', 'taker_account_id']);

const ACCOUNT_TRADE_FIELDS =
  'tradeId, instrumentId, timestampMs, side, isAggressor, priceTicks, quantityLots, notionalUnits, feeUnits, feeAssetId, orderId, clientOrderId';

/** Trades as one side of them sees them; a WHERE may follow. */
function accountTradesSql(role: 'maker' | 'taker'): string {
  const side = role === 'taker' ? 'taker_side' : '1 - taker_side';
  return `SELECT trade_id AS tradeId, trades.instrument_id AS instrumentId, timestamp_ms AS timestampMs, ${side} AS side,
    ${role === 'taker' ? 1 : 0} AS isAggressor, trades.price_ticks AS priceTicks, trades.quantity_lots AS quantityLots,
    CAST(notional_units AS TEXT) AS notionalUnits, CAST(${role}_fee_units AS TEXT) AS feeUnits,
    fee_asset_id AS feeAssetId, ${role}_order_id AS orderId, coalesce(client_order_id, '') AS clientOrderId
    FROM trades LEFT JOIN orders ON order_id = ${role}_order_id`;
}

function instrumentsSql(...places: readonly (readonly [table: string, accountColumn: string])[]): string {
  const next = (after: string): string => {
    const found = places.map(
      ([table, column]) =>
        `SELECT min(instrument_id) AS id FROM ${table} WHERE ${column} = ?1 AND instrument_id > ${after}`,
    );
    return `(SELECT min(id) FROM (${found.join(' UNION ALL ')}))`;
  };
  return `WITH RECURSIVE instruments (id) AS (SELECT ${next('0')} UNION ALL
    SELECT ${next('instruments.id')} FROM instruments WHERE id IS NOT NULL) SELECT id FROM instruments WHERE id IS NOT NULL`;
}

function newestFirst<Row>(rows: Row[], { sinceMs, limit }: HistoryRange, sequenceOf: (row: Row) => number): Row[] {
  rows.sort((one, other) => sequenceOf(other) - sequenceOf(one));
  return sinceMs === undefined ? rows.slice(0, limit) : rows.slice(-limit);
}

function requireLimit(limit: number): void {
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= MAX_HISTORY_ROWS))
    fail(`${limit} rows of history are asked for: 1 … ${MAX_HISTORY_ROWS}`);
}
