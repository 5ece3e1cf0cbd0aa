import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EventLogCursor } from '../../../core/journal/event-log-cursor.ts';
import {
  type HistoryOrder,
  type HistoryRange,
  MAX_HISTORY_ROWS,
  type OrderRequest,
} from '../../../core/ports/history.ts';
import { HistoryConsumer } from '../../../workers/history/history-consumer.ts';
import { SqliteHistoryStore } from '../../../workers/history/sqlite-history-store.ts';
import { HistoryDatabase } from '../../../workers/storage/history-database.ts';
import { DatabaseError, SqliteDatabase } from '../../../workers/storage/sqlite-database.ts';
import { PlainHistory } from '../../support/plain-history.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { randomOrder, TRADERS, TradingFolder } from '../trading-folder.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const random = new RandomIntegers(seed);
const CLIENT_ORDER_IDS = ['', '', 'a', 'b', 'ab', "o'clock %_", '~'.repeat(99)];

let folder: string;
let store: SqliteHistoryStore;
let plain: PlainHistory;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-test-'));
  const trading = await TradingFolder.open(folder);
  for (let order = 0; order < 400; order++) {
    const clientOrderId = random.oneOf(CLIENT_ORDER_IDS);
    await trading.place({ ...randomOrder(random), keyId: random.between(1, 3), clientOrderId });
  }
  trading.commit();
  const history = await HistoryDatabase.open(folder, trading.exchange.partitionCount, (error) => {
    throw error;
  });
  trading.feed.subscribe(await HistoryConsumer.open(history, trading.catalogue));
  await trading.feed.settledThrough(trading.endSequence);
  await trading.abandon();
  await history.close();
  const cursor = new EventLogCursor(folder, 0);
  plain = new PlainHistory(cursor.next(trading.endSequence, Number.MAX_SAFE_INTEGER), trading.catalogue);
  cursor.close();
  store = await SqliteHistoryStore.open(folder);
});

afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

/** What a range leaves of rows that come oldest first. */
function within<Row extends { readonly instrumentId: number }>(
  rows: readonly Row[],
  range: HistoryRange,
  timeOf: (row: Row) => number,
): Row[] {
  const matching = rows.filter(
    (row) =>
      (range.instrumentId === undefined || row.instrumentId === range.instrumentId) &&
      (range.sinceMs === undefined || timeOf(row) >= range.sinceMs),
  );
  return (range.sinceMs === undefined ? matching.slice(-range.limit) : matching.slice(0, range.limit)).reverse();
}

function randomRange(timesMs: readonly number[]): HistoryRange {
  return {
    limit: random.oneOf([1, 2, 5, 50, MAX_HISTORY_ROWS]),
    ...(random.onceIn(2) ? { instrumentId: random.between(1, 7) } : {}),
    ...(random.onceIn(2) ? { sinceMs: random.oneOf([0, ...timesMs]) + random.between(-1, 1) } : {}),
  };
}

describe(`what is asked of a history (SEED=${seed})`, () => {
  test("an account's orders by instrument, time and number", async () => {
    for (let step = 0; step < 60; step++) {
      const accountId = random.oneOf([...TRADERS, 999]);
      const orders = plain.orders.filter((order) => order.accountId === accountId);
      const range = randomRange(orders.map(({ createdMs }) => createdMs));
      const closed = orders.filter((order) => order.closedMs !== null);
      expect(await store.accountOrders(accountId, 'any', range)).toEqual(within(orders, range, (row) => row.createdMs));
      expect(await store.accountOrders(accountId, 'closed', range)).toEqual(
        within(closed, range, (row) => row.createdMs),
      );
    }
  });

  test("an account's trades, each from its own side", async () => {
    for (let step = 0; step < 60; step++) {
      const accountId = random.oneOf([...TRADERS, 999]);
      const trades = plain.accountTrades(accountId);
      const range = randomRange(trades.map(({ timestampMs }) => timestampMs));
      expect(await store.accountTrades(accountId, range)).toEqual(within(trades, range, (row) => row.timestampMs));
    }
  });

  test('a client that passes on the newest time it has seen gets every trade', async () => {
    const wanted = plain.trades.filter(({ instrumentId }) => instrumentId === 1);
    const seen: number[] = [];
    for (let sinceTradeId = 0; ; sinceTradeId = seen.at(-1)!) {
      const page = await store.publicTrades(1, { sinceTradeId, limit: 3 });
      if (page.length === 0) break;
      seen.push(...page.map(({ tradeId }) => tradeId).reverse());
    }
    expect(seen).toEqual(wanted.map(({ tradeId }) => tradeId));
    expect(seen.length).toBeGreaterThan(3);
  });

  test('public trades after a time, after an id, and the newest', async () => {
    for (let step = 0; step < 60; step++) {
      const instrumentId = random.between(1, 7);
      const trades = plain.trades.filter((trade) => trade.instrumentId === instrumentId);
      const limit = random.oneOf([1, 3, 50, MAX_HISTORY_ROWS]);
      const from = random.oneOf(plain.trades);
      const sinceTradeId = from.tradeId + random.between(-1, 1);
      expect(await store.publicTrades(instrumentId, { limit })).toEqual(trades.slice(-limit).reverse());
      expect(await store.publicTrades(instrumentId, { limit, sinceMs: from.timestampMs })).toEqual(
        trades
          .filter((trade) => trade.timestampMs > from.timestampMs)
          .slice(0, limit)
          .reverse(),
      );
      expect(await store.publicTrades(instrumentId, { limit, sinceTradeId, sinceMs: from.timestampMs })).toEqual(
        trades
          .filter((trade) => trade.tradeId > sinceTradeId)
          .slice(0, limit)
          .reverse(),
      );
    }
  });

  test('orders by key and client order id, newest first, and never those without one', async () => {
    for (const keyId of [1, 2, 3, 4])
      for (const clientOrderId of [...CLIENT_ORDER_IDS, 'A', 'abc', '%']) {
        const wanted = plain.orders
          .filter((order) => order.keyId === keyId && order.clientOrderId === clientOrderId && clientOrderId !== '')
          .reverse();
        expect(await store.ordersByClientOrderId(keyId, clientOrderId, 500)).toEqual(wanted);
        expect(await store.ordersByClientOrderId(keyId, clientOrderId, 1)).toEqual(wanted.slice(0, 1));
      }
  });

  test('a repeated request finds the newest order that came with its fields, and a request that differs in one finds none of it', async () => {
    const fields = [
      ...([
        'keyId',
        'clientOrderId',
        'instrumentId',
        'side',
        'orderType',
        'timeInForce',
        'selfTradePrevention',
      ] as const),
      ...(['flags', 'priceTicks', 'stopPriceTicks', 'quantityLots', 'budgetUnits', 'expiresAtMs'] as const),
    ];
    const placed = plain.orders.filter(({ clientOrderId }) => clientOrderId !== '');
    const asRequest = (order: HistoryOrder): OrderRequest => ({
      ...order,
      priceTicks: order.acceptedPriceTicks,
      quantityLots: order.acceptedQuantityLots,
    });
    const newest = (request: OrderRequest, sinceMs: number, isPriceCompared: boolean) =>
      placed.findLast(
        (order) =>
          order.createdMs > sinceMs &&
          fields.every(
            (field) => (field === 'priceTicks' && !isPriceCompared) || asRequest(order)[field] === request[field],
          ),
      );
    for (const order of placed) {
      const request = asRequest(order);
      const field = random.oneOf(fields);
      const other = asRequest(random.oneOf(placed))[field]; // of another order, or one more than its own
      const differing = typeof request[field] === 'number' ? random.oneOf([other, request[field] + 1]) : other;
      const requests = [request, { ...request, [field]: differing }];
      for (const asked of requests)
        for (const sinceMs of [0, order.createdMs])
          for (const isPriceCompared of [true, false])
            expect(await store.repeatedOrder(asked, sinceMs, isPriceCompared), `SEED=${seed}`).toEqual(
              newest(asked, sinceMs, isPriceCompared),
            );
    }
  });

  test('the fills of orders, each order apart', async () => {
    const orders = plain.orders;
    const found = await store.tradesOfOrders(orders.map(({ orderId }) => orderId));
    const trades = TRADERS.flatMap((accountId) => plain.accountTrades(accountId));
    for (const { orderId } of orders) {
      const wanted = trades.filter((trade) => trade.orderId === orderId);
      expect(found.get(orderId) ?? []).toEqual(wanted);
    }
    expect(found.size).toBeLessThan(orders.length);
    expect(found.size).toBeGreaterThan(20);
    expect(await store.tradesOfOrders([1])).toEqual(new Map());
  });

  test('volumes begin with the day that the bound lies in', async () => {
    const [first] = await store.dailyVolumes(TRADERS[0]!, 0);
    const endOfDayMs = first!.dayStartMs + 24 * 60 * 60 * 1_000;
    expect(await store.dailyVolumes(TRADERS[0]!, endOfDayMs - 1)).toContainEqual(first);
    expect(await store.dailyVolumes(TRADERS[0]!, endOfDayMs)).not.toContainEqual(first);
  });

  test('what is unknown is no error, a limit outside its range is one of ours', async () => {
    expect(await store.order(1)).toBeUndefined();
    await expect(store.accountOrders(TRADERS[0]!, 'any', { limit: MAX_HISTORY_ROWS + 1 })).rejects.toThrow('1001 rows');
    await expect(store.accountTrades(TRADERS[0]!, { limit: 0 })).rejects.toThrow('0 rows');
  });
});

test('amounts beyond 2^53 come back to the unit', async () => {
  const units = 2n ** 63n - 1n;
  const sum = 10n ** 24n + 7n;
  const own = temporaryFolder();
  const history = await HistoryDatabase.open(own, 8, () => {});
  await history.database.exec(
    `INSERT INTO orders VALUES (5, 100, 1, 1, 0, 0, 0, 0, 2, 1, 0, 0, ${units}, 0, 0, 0, 'x', 1, 2, 3, NULL, 'RESTING', 0, ${units}, 0, '${sum}', NULL, 1, 1, 0, 0);
     INSERT INTO trades VALUES (9, 1, 3, 0, 1, 1, ${units}, 1, 5, 100, ${units}, 6, 101, ${units})`,
  );
  const reader = await SqliteHistoryStore.open(own);
  expect(await reader.order(5)).toMatchObject({ budgetUnits: units, remainingUnits: units, executedUnits: sum });
  const [trade] = await reader.publicTrades(1, { limit: 1 });
  expect(trade).toMatchObject({ notionalUnits: units, maker: { feeUnits: units }, taker: { feeUnits: units } });
  await reader.close();
  await history.close();
});

test('a reader changes nothing and needs a database', async () => {
  const reader = await SqliteDatabase.openReader(join(folder, 'history.sqlite'));
  await expect(reader.exec('DELETE FROM trades')).rejects.toThrow(DatabaseError);
  await reader.close();
  await expect(SqliteHistoryStore.open(temporaryFolder())).rejects.toThrow(DatabaseError);
});
