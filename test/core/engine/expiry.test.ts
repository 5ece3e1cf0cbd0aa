import { describe, expect, test } from 'vitest';
import { OrderFlag, TimeInForce } from '../../../core/protocol/kinds.ts';
import { type OrderOptions, TradingDesk } from '../../support/trading-desk.ts';

/** The desk's clock stands at 1,000. */
function until(expiresAtMs: number): OrderOptions {
  return { timeInForce: TimeInForce.GTD, expiresAtMs };
}

describe('an order good till a date', () => {
  test('expires at its time, not a millisecond before', () => {
    const desk = new TradingDesk();
    const order = desk.buy(100, 5, until(1_100));
    expect(order.bookedLots).toBe(5);
    expect(desk.advanceTime(99)).toEqual([]);
    expect(desk.advanceTime(1)).toEqual([`EXPIRED ${order.orderId}: 5`]);
    expect(desk.sell(100, 5).trades).toEqual([]);
    expect(desk.cancel(order)).toBe('UNKNOWN_ORDER');
  });

  test('lives on past its time until a TIME command says so: other commands expire nothing', () => {
    const desk = new TradingDesk();
    const order = desk.buy(100, 5, until(1_100));
    desk.timestampMs = 5_000;
    expect(desk.sell(100, 2).trades).toMatchObject([{ makerOrderId: order.orderId }]);
    expect(desk.advanceTime(0)).toEqual([`EXPIRED ${order.orderId}: 3`]);
  });

  test('several expire by time, then by order id, whatever their price, book or slot', () => {
    const desk = new TradingDesk();
    const late = desk.buy(101, 1, until(1_300));
    const first = desk.buy(90, 1, until(1_200));
    const second = desk.sell(110, 10, { ...until(1_200), instrumentId: 2 });
    const early = desk.buy(100, 1, until(1_100));
    const kept = desk.buy(100, 1, until(1_301));
    expect(desk.advanceTime(300)).toEqual(
      [early, first, second, late].map(({ orderId }) => expect.stringContaining(`EXPIRED ${orderId}`)),
    );
    expect(desk.cancel(kept)).toBe(1);
  });

  test('that trades or is cancelled is gone before its time', () => {
    const desk = new TradingDesk();
    desk.buy(100, 5, until(1_100));
    desk.sell(100, 5);
    const cancelled = desk.buy(100, 5, until(1_100));
    desk.cancel(cancelled);
    const immediate = desk.sell(90, 1);
    expect(desk.buy(90, 1, until(1_100)).trades).toMatchObject([{ makerOrderId: immediate.orderId }]);
    desk.buy(80, 1, { ...until(1_100), accountId: 103 });
    desk.massCancel(103);
    expect(desk.advanceTime(1_000)).toEqual([]);
  });

  test('may be post-only', () => {
    const desk = new TradingDesk();
    const order = desk.buy(100, 5, { ...until(1_100), flags: OrderFlag.POST_ONLY });
    expect(order.bookedLots).toBe(5);
    expect(desk.sell(100, 5, { ...until(1_100), flags: OrderFlag.POST_ONLY }).cancelled).toEqual([5, 'POST_ONLY']);
  });

  test('keeps its time when it is amended', () => {
    const desk = new TradingDesk();
    const order = desk.buy(100, 5, until(1_100));
    desk.amend(order, { side: 0, priceTicks: 101, quantityLots: 6 });
    expect(desk.advanceTime(100)).toEqual([`EXPIRED ${order.orderId}: 6`]);
  });

  test.each([0, 999, 1_000, 1_000.5, -1, Number.NaN, Infinity, 2 ** 53])('until %d is refused', (expiresAtMs) => {
    expect(new TradingDesk().buy(100, 5, until(expiresAtMs)).rejected).toBe('EXPIRY_OUT_OF_RANGE');
  });

  test.each([1_001, 2 ** 53 - 1])('until %d is taken', (expiresAtMs) => {
    expect(new TradingDesk().buy(100, 5, until(expiresAtMs)).bookedLots).toBe(5);
  });
});

test('an expiry time of an order that has none means nothing', () => {
  const desk = new TradingDesk();
  const order = desk.buy(100, 5, { expiresAtMs: 1_100 });
  expect(desk.advanceTime(1_000)).toEqual([]);
  expect(desk.cancel(order)).toBe(5);
});

test('an order expires on a halted instrument too', () => {
  const desk = new TradingDesk();
  const order = desk.buy(100, 5, until(1_100));
  desk.setState(1);
  expect(desk.advanceTime(100)).toEqual([`EXPIRED ${order.orderId}: 5`]);
});

test('a thousand orders expire in one command through an event ring of 16 slots', () => {
  const desk = new TradingDesk({ ringSlots: 16 });
  for (let index = 0; index < 1_000; index++) desk.buy(1 + (index % 90), 1, until(1_001 + ((index * 7_919) % 500)));
  expect(desk.advanceTime(250)).toHaveLength(500);
  expect(desk.advanceTime(250)).toHaveLength(500);
  expect(desk.harness.engine.restingOrders).toBe(0);
});
