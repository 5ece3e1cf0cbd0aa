import { describe, expect, test } from 'vitest';
import { EventLogCursor } from '../../../core/journal/event-log-cursor.ts';
import { type EventBatch, partitionOf } from '../../../core/ports/event-feed.ts';
import type { HistoryStore } from '../../../core/ports/history.ts';
import type { ExchangeEvent } from '../../../core/protocol/event-decoder.ts';
import { EventKind } from '../../../core/protocol/kinds.ts';
import { HistoryConsumer } from '../../../workers/history/history-consumer.ts';
import { SqliteHistoryStore } from '../../../workers/history/sqlite-history-store.ts';
import { PartitionCountError } from '../../../workers/storage/exchange-database.ts';
import { HistoryDatabase } from '../../../workers/storage/history-database.ts';
import { EventGapError } from '../../../workers/storage/view-database.ts';
import { PlainHistory } from '../../support/plain-history.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { TRADERS, TradingFolder } from '../trading-folder.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const PARTITIONS = 8;

async function tradedFolder(random: RandomIntegers, commands: number): Promise<TradingFolder> {
  const trading = await TradingFolder.open(temporaryFolder());
  await trading.trade(random, commands);
  return trading;
}

function eventsOf(trading: TradingFolder): ExchangeEvent[] {
  const cursor = new EventLogCursor(trading.folder, 0);
  const events = cursor.next(trading.endSequence, Number.MAX_SAFE_INTEGER);
  cursor.close();
  return events;
}

/** The events of one partition, cut at random. */
function* batchesOf(
  events: readonly ExchangeEvent[],
  partition: number,
  random: RandomIntegers,
): Generator<EventBatch> {
  const own = events.filter((event) => partitionOf(event, PARTITIONS) === partition);
  let beforeSequence = 0;
  for (let from = 0; from < own.length; ) {
    const batch = own.slice(from, from + random.between(1, 40));
    yield batchOf(partition, beforeSequence, batch);
    beforeSequence = batch.at(-1)!.eventSequence;
    from += batch.length;
  }
}

async function requireEqual(store: HistoryStore, plain: PlainHistory): Promise<void> {
  for (const order of plain.orders) expect(await store.order(order.orderId)).toEqual(order);
  const trades = plain.trades;
  for (let instrumentId = 1; instrumentId <= 6; instrumentId++)
    expect(await store.publicTrades(instrumentId, { limit: 1_000 })).toEqual(
      trades.filter((trade) => trade.instrumentId === instrumentId).reverse(),
    );
  for (const accountId of TRADERS)
    expect(await store.dailyVolumes(accountId, 0)).toEqual(plain.dailyVolumes(accountId));
}

function rethrow(error: Error): void {
  throw error;
}

describe(`history of random trading (SEED=${seed})`, () => {
  test('equals the plain one, however the events are cut, with restarts and repeats between', async () => {
    const random = new RandomIntegers(seed);
    const trading = await tradedFolder(random, 400);
    const events = eventsOf(trading);
    const { folder, catalogue } = trading;
    let history = await HistoryDatabase.open(folder, PARTITIONS, rethrow);
    let consumer = await HistoryConsumer.open(history, catalogue);
    const store = await SqliteHistoryStore.open(folder);
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => [...batchesOf(events, partition, random)]);
    const delivered: EventBatch[] = [];
    while (partitions.some((batches) => batches.length > 0)) {
      const next = partitions.flatMap((batches) => batches.splice(0, random.below(2)));
      await Promise.all(next.map((batch) => consumer.consume(batch)));
      delivered.push(...next);
      if (random.onceIn(4) && delivered.length > 0) await consumer.consume(random.oneOf(delivered));
      if (random.onceIn(6)) {
        await history.close();
        history = await HistoryDatabase.open(folder, PARTITIONS, rethrow);
        consumer = await HistoryConsumer.open(history, catalogue);
      }
    }
    await requireEqual(store, new PlainHistory(events, catalogue));
    const expected = Array.from(
      { length: PARTITIONS },
      (_, partition) => events.findLast((event) => partitionOf(event, PARTITIONS) === partition)?.eventSequence ?? 0,
    );
    expect(await consumer.watermarks()).toEqual(expected);
    expect(await store.watermarks()).toEqual(expected);
    const ids = new PlainHistory(events, catalogue).orders.map(({ orderId }) => orderId);
    for (const cut of [0, random.below(events.length), random.below(events.length), events.length]) {
      const asOf = await store.ordersAsOf([...ids, 1], cut);
      expect(asOf.size).toBe(ids.length);
      for (const { orderId, executedLots, executedUnits } of new PlainHistory(events.slice(0, cut), catalogue).orders)
        expect(asOf.get(orderId)).toMatchObject({ executedLots, executedUnits });
    }
    await store.close();
    await history.close();
    await trading.abandon();
  });

  test('a batch that overlaps what is stored adds only the rest, one after a gap stores nothing', async () => {
    const trading = await tradedFolder(new RandomIntegers(seed + 1), 400);
    const events = eventsOf(trading);
    const { folder, catalogue } = trading;
    const history = await HistoryDatabase.open(folder, PARTITIONS, rethrow);
    const consumer = await HistoryConsumer.open(history, catalogue);
    const store = await SqliteHistoryStore.open(folder);
    const partition = 1;
    const own = events.filter((event) => partitionOf(event, PARTITIONS) === partition);
    const middle = own.length >> 1;
    const [overlap, gap] = [own.slice(middle - 10), own.slice(middle + 1)];
    await consumer.consume(batchOf(partition, 0, own.slice(0, middle)));
    const before = await store.watermarks();
    await expect(consumer.consume(batchOf(partition, own[middle]!.eventSequence, gap))).rejects.toThrow(EventGapError);
    expect(await store.watermarks()).toEqual(before);
    await consumer.consume(batchOf(partition, own[middle - 11]!.eventSequence, overlap));
    const plain = new PlainHistory(own, catalogue);
    expect(await store.publicTrades(partition, { limit: 1_000 })).toEqual(plain.trades.toReversed());
    for (const order of plain.orders) expect(await store.order(order.orderId)).toEqual(order);
    await store.close();
    await history.close();
    await trading.abandon();
  });

  test('orders, trades and watermark of a batch are stored together or not at all', async () => {
    const trading = await tradedFolder(new RandomIntegers(seed + 2), 400);
    const { folder, catalogue } = trading;
    const failures: Error[] = [];
    const history = await HistoryDatabase.open(folder, PARTITIONS, (error) => failures.push(error));
    const consumer = await HistoryConsumer.open(history, catalogue);
    const own = eventsOf(trading).filter((event) => partitionOf(event, PARTITIONS) === 2);
    const trade = own.find((event) => event.kind === EventKind.FILLED)!;
    await history.database.exec(
      `INSERT INTO trades VALUES (${trade.eventSequence}, ${Array(13).fill(0).join(', ')})`, // in the way
    );
    await expect(consumer.consume(batchOf(2, 0, own))).rejects.toThrow('UNIQUE');
    expect(failures).toHaveLength(1);
    const store = await SqliteHistoryStore.open(folder);
    expect(await store.watermarks()).toEqual(Array(PARTITIONS).fill(0));
    expect(await consumer.watermarks()).toEqual(Array(PARTITIONS).fill(0));
    expect(await store.accountOrders(TRADERS[0]!, 'any', { limit: 1_000 })).toEqual([]);
    await store.close();
    await history.close();
    await trading.abandon();
  });

  test('runs behind the feed, as settlement does', async () => {
    const trading = await tradedFolder(new RandomIntegers(seed + 3), 150);
    const { folder, catalogue } = trading;
    const history = await HistoryDatabase.open(folder, PARTITIONS, rethrow);
    trading.feed.subscribe(await HistoryConsumer.open(history, catalogue));
    await trading.settle();
    await trading.trade(new RandomIntegers(seed + 4), 50);
    await trading.feed.settledThrough(trading.endSequence);
    const store = await SqliteHistoryStore.open(folder);
    await requireEqual(store, new PlainHistory(eventsOf(trading), catalogue));
    await trading.abandon();
    await store.close();
    await history.close();
  });
});

test('a history of other partitions is refused', async () => {
  const folder = temporaryFolder();
  await (await HistoryDatabase.open(folder, 8, rethrow)).close();
  await expect(HistoryDatabase.open(folder, 4, rethrow)).rejects.toThrow(PartitionCountError);
});

function batchOf(partition: number, beforeSequence: number, events: readonly ExchangeEvent[]): EventBatch {
  return { partition, beforeSequence, lastSequence: events.at(-1)!.eventSequence, events };
}
