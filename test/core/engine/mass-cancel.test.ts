import { describe, expect, test } from 'vitest';
import { TradingDesk } from '../../support/trading-desk.ts';

describe('a mass cancel', () => {
  test("takes the account's orders on every instrument and side, and nobody else's", () => {
    const desk = new TradingDesk();
    const own = [desk.buy(90, 1), desk.sell(110, 2, { accountId: 101 }), desk.buy(90, 10, { instrumentId: 2 })];
    const other = desk.buy(90, 3, { accountId: 103 });
    expect(desk.massCancel(101)).toEqual(own.map((order) => order.orderId));
    expect(desk.harness.engine.restingOrders).toBe(1);
    expect(desk.sell(90, 10).trades).toMatchObject([{ makerOrderId: other.orderId, quantityLots: 3 }]);
  });

  test('of one instrument, of one key, and of both leaves the others', () => {
    const desk = new TradingDesk();
    const first = desk.buy(90, 1, { keyId: 7 });
    const second = desk.buy(91, 1, { keyId: 8 });
    const third = desk.buy(90, 10, { keyId: 7, instrumentId: 2 });
    const fourth = desk.buy(90, 10, { keyId: 8, instrumentId: 2 });
    expect(desk.massCancel(101, { keyId: 8, instrumentId: 1 })).toEqual([second.orderId]);
    expect(desk.massCancel(101, { keyId: 7 })).toEqual([first.orderId, third.orderId]);
    expect(desk.massCancel(101, { instrumentId: 2 })).toEqual([fourth.orderId]);
  });

  test('of account 0 takes everybody’s', () => {
    const desk = new TradingDesk();
    const orders = [desk.buy(90, 1), desk.sell(110, 1), desk.buy(90, 1, { accountId: 103 })];
    expect(desk.massCancel(0, { instrumentId: 2 })).toEqual([]);
    expect(desk.massCancel(0)).toEqual(orders.map((order) => order.orderId));
  });

  test('that finds nothing still answers', () => {
    const desk = new TradingDesk();
    expect(desk.massCancel(101)).toEqual([]);
    desk.buy(90, 1);
    desk.sell(90, 1);
    expect(desk.massCancel(101)).toEqual([]);
    expect(desk.massCancel(101, { instrumentId: 9 })).toEqual([]);
  });

  test('goes by slots, so that it cancels in the same order after any history', () => {
    const desk = new TradingDesk();
    const [first, second, third] = [desk.buy(90, 1), desk.buy(91, 1), desk.buy(92, 1)];
    desk.cancel(first);
    desk.cancel(second);
    const late = desk.buy(93, 1); // in the slot freed last
    expect(late.slot).toBe(second.slot);
    expect(desk.massCancel(101)).toEqual([late.orderId, third.orderId]);
  });

  test('of more orders than the event ring has slots goes through whole', () => {
    const desk = new TradingDesk({ ringSlots: 16 });
    const orders = Array.from({ length: 500 }, (_, index) => desk.buy(1 + (index % 50), 1));
    expect(desk.massCancel(101)).toEqual(orders.map((order) => order.orderId));
    expect(desk.harness.engine.restingOrders).toBe(0);
  });
});
