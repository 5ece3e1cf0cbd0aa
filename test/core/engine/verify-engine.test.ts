import { expect, test } from 'vitest';
import { ExpiryQueue } from '../../../core/book/expiry-queue.ts';
import { BookMemory, OrderBook } from '../../../core/book/order-book.ts';
import { Market } from '../../../core/engine/market.ts';
import { RestingOrders } from '../../../core/engine/resting-orders.ts';
import { verifyEngine } from '../../../core/engine/verify-engine.ts';
import { OrderType, Side } from '../../../core/protocol/kinds.ts';
import { createOrderEncoder } from '../../../core/protocol/order-encoder.ts';
import { RecordWindow, SLOT_BYTES } from '../../../core/protocol/record-window.ts';
import { PLAIN_ORDER } from '../../support/plain-order.ts';

const HEADER = { commandSequence: 1, commandId: 5, timestampMs: 1, accountId: 101, ledgerSequence: 0 };

/** @returns a market with one stop that waits, and its whole check */
function marketWithStop(side: Side, stopPriceTicks: number): { market: Market; verify: () => void } {
  const memory = new BookMemory(10, 10);
  const expiries = new ExpiryQueue(memory.orders);
  const market = new Market(1, new OrderBook(memory), 1n, 1, 100);
  const record = new RecordWindow(new ArrayBuffer(SLOT_BYTES));
  const order = { ...PLAIN_ORDER, orderType: OrderType.STOP_LIMIT, side, priceTicks: 100, stopPriceTicks };
  createOrderEncoder(record).newOrder(0, 0, HEADER, order);
  new RestingOrders(memory, expiries).wait(market, record, 0, 1);
  return { market, verify: () => verifyEngine(memory, [market], expiries) };
}

test.each([
  [Side.BUY, 100, 99, 100, /a buy stop at 100 waits, the last trade was at 100/],
  [Side.SELL, 100, 101, 100, /a sell stop at 100 waits, the last trade was at 100/],
])('a stop of side %i that was reached and still waits is found', (side, stopTicks, before, reached, named) => {
  const { market, verify } = marketWithStop(side, stopTicks);
  expect(verify).not.toThrow(); // no trade yet
  market.lastTradeTicks = before;
  expect(verify).not.toThrow();
  market.lastTradeTicks = reached;
  expect(verify).toThrow(named);
});

test.each([Side.BUY, Side.SELL])('a nearest stop of side %i that is not the nearest is found', (side) => {
  const { market, verify } = marketWithStop(side, 100);
  if (side === Side.BUY) market.stops!.nearestBuyTicks = 0;
  else market.stops!.nearestSellTicks = 101;
  expect(verify).toThrow(/nearest (0|101), index 100/);
});

test('trades whose stops were not triggered are found', () => {
  const { market, verify } = marketWithStop(Side.BUY, 100);
  market.traded(50);
  expect(verify).toThrow(/trades whose stops were not triggered/);
});
