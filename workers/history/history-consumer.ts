import type { Catalogue } from '../../core/money/catalogue.ts';
import type { EventBatch, EventConsumer } from '../../core/ports/event-feed.ts';
import type { HistoryTrade } from '../../core/ports/history.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { EventKind } from '../../core/protocol/kinds.ts';
import type { HistoryDatabase } from '../storage/history-database.ts';
import { EventGapError, readWatermarks, WATERMARKS } from '../storage/view-database.ts';
import {
  countTrade,
  emptyVolume,
  type MutableVolume,
  type VolumeKey,
  volumeKeysOf,
  volumeKeyText,
} from './daily-volumes.ts';
import {
  DAILY_VOLUMES,
  ORDER_COLUMNS,
  ORDERS,
  type OrderRow,
  orderOf,
  orderValues,
  TRADES,
  tradeValues,
  VOLUME_COLUMNS,
  type VolumeRow,
  volumeOf,
  volumeValues,
} from './history-rows.ts';
import { advanceOrders, changedOrderIds, type MutableOrder } from './order-progress.ts';
import { RecentRows } from './recent-rows.ts';
import { tradeOf } from './trade.ts';

/** Live orders and volumes of today that are kept in memory; what is not among them is read back when it changes. */
const RECENT_ORDERS = 100_000;
const RECENT_VOLUMES = 20_000;

/**
 * Stores orders, trades and daily volumes. A batch's effect, whatever its size, is each changed order once, its trades
 * and its partition's watermark, all in one transaction: a repeat of events stored before changes nothing.
 */
export class HistoryConsumer implements EventConsumer {
  readonly name = 'history';
  /**
   * Each order that a batch changes often is written once: with 512 events this reached 0.21 of the rows/s of plain
   * INSERTs, with 4,096 it reached 0.35. (bench/history-rows.ts)
   */
  readonly batchEvents = 4_096;
  readonly #history: HistoryDatabase;
  readonly #catalogue: Catalogue;
  readonly #watermarks: number[];
  readonly #recentOrders = new RecentRows<number, MutableOrder>(RECENT_ORDERS);
  readonly #recentVolumes = new RecentRows<string, MutableVolume>(RECENT_VOLUMES);

  private constructor(history: HistoryDatabase, catalogue: Catalogue, watermarks: number[]) {
    this.#history = history;
    this.#catalogue = catalogue;
    this.#watermarks = watermarks;
  }

  /**
   * @param history of which this is the only writer
   * @param catalogue filled by the thread's reader of definitions before the events that need them are delivered
   */
  static async open(history: HistoryDatabase, catalogue: Catalogue): Promise<HistoryConsumer> {
    const watermarks = await readWatermarks(history.database, history.partitionCount);
    return new HistoryConsumer(history, catalogue, watermarks);
  }

  async watermarks(): Promise<readonly number[]> {
    return [...this.#watermarks];
  }

  /**
   * Batches of one partition come one after the other, those of several side by side: an order belongs to one of them.
   * @throws EventGapError, InvariantError, with nothing stored; DatabaseError, which is fatal (GroupCommit)
   */
  async consume(batch: EventBatch): Promise<void> {
    const { partition, beforeSequence, lastSequence } = batch;
    const watermark = this.#watermarks[partition]!;
    if (beforeSequence > watermark) throw new EventGapError(this.name, partition, beforeSequence, watermark);
    if (lastSequence <= watermark) return;
    const events = batch.events.filter(({ eventSequence }) => eventSequence > watermark);

    const trades: HistoryTrade[] = [];
    for (const event of events) if (event.kind === EventKind.FILLED) trades.push(tradeOf(event, this.#catalogue));
    const [orders, volumes] = await Promise.all([this.#ordersBefore(events), this.#volumesBefore(trades)]);
    for (const event of events) advanceOrders(orders, event, this.#catalogue);
    for (const trade of trades) countTrade(volumes, trade);

    const { commits } = this.#history;
    for (const order of orders.values()) commits.put(ORDERS, orderValues(order));
    for (const trade of trades) commits.add(TRADES, tradeValues(trade));
    for (const volume of volumes.values()) commits.put(DAILY_VOLUMES, volumeValues(volume));
    commits.put(WATERMARKS, [partition, lastSequence]);
    await commits.durable();

    this.#watermarks[partition] = lastSequence;
    for (const order of orders.values())
      if (order.closedMs === null) this.#recentOrders.put(order.orderId, order);
      else this.#recentOrders.remove(order.orderId);
    for (const [key, volume] of volumes) this.#recentVolumes.put(key, volume);
  }

  /** @returns the orders from before the batch that its events change, each a copy: a batch that fails has changed none */
  async #ordersBefore(events: readonly ExchangeEvent[]): Promise<Map<number, MutableOrder>> {
    const orders = new Map<number, MutableOrder>();
    const begun = new Set<number>();
    const missing = new Set<number>();
    for (const event of events) {
      if (event.kind === EventKind.ACCEPTED) begun.add(event.orderId);
      for (const orderId of changedOrderIds(event)) {
        if (begun.has(orderId) || orders.has(orderId)) continue;
        const recent = this.#recentOrders.get(orderId);
        if (recent === undefined) missing.add(orderId);
        else orders.set(orderId, { ...recent });
      }
    }
    if (missing.size === 0) return orders;
    const rows = await this.#history.database.all<OrderRow>(
      `SELECT ${ORDER_COLUMNS} FROM orders WHERE order_id IN (SELECT value FROM json_each(?))`,
      [JSON.stringify([...missing])],
    );
    for (const row of rows) orders.set(row.orderId, orderOf(row));
    return orders;
  }

  async #volumesBefore(trades: readonly HistoryTrade[]): Promise<Map<string, MutableVolume>> {
    const volumes = new Map<string, MutableVolume>();
    const missing = new Map<string, VolumeKey>();
    for (const trade of trades)
      for (const key of volumeKeysOf(trade)) {
        const text = volumeKeyText(key);
        if (volumes.has(text)) continue;
        const recent = this.#recentVolumes.get(text);
        if (recent === undefined) missing.set(text, key);
        volumes.set(text, recent === undefined ? emptyVolume(key) : { ...recent });
      }
    if (missing.size === 0) return volumes;
    const keys = [...missing.values()].map(({ accountId, instrumentId, dayStartMs }) => [
      accountId,
      dayStartMs,
      instrumentId,
    ]);
    const rows = await this.#history.database.all<VolumeRow>(
      `SELECT ${VOLUME_COLUMNS} FROM daily_volumes WHERE (account_id, day_start_ms, instrument_id) IN
         (SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?))`,
      [JSON.stringify(keys)],
    );
    for (const row of rows) volumes.set(volumeKeyText(row), volumeOf(row));
    return volumes;
  }
}
