import { describe, expect, test } from 'vitest';
import { MAX_PRICE_TICKS } from '../../../core/money/instrument.ts';
import { Side, TimeInForce } from '../../../core/protocol/kinds.ts';
import { type Outcome, TradingDesk } from '../../support/trading-desk.ts';

// What sinks matching engines, where queue.test.ts, matching.test.ts and amend.test.ts do not name it already. The same
// promises are kept through the report of a replay: test/main/replay/invariants.test.ts.

const IOC = { timeInForce: TimeInForce.IOC };
const buy = (priceTicks: number, quantityLots: number) => ({ side: Side.BUY, priceTicks, quantityLots });
const sell = (priceTicks: number, quantityLots: number) => ({ side: Side.SELL, priceTicks, quantityLots });

function fills({ trades }: Outcome): [makerOrderId: number, priceTicks: number, quantityLots: number][] {
  return trades.map(({ makerOrderId, priceTicks, quantityLots }) => [makerOrderId, priceTicks, quantityLots]);
}

describe("an order amended into the cross trades at the makers' prices, best first, and rests at its own limit", () => {
  test('as a buyer', () => {
    const desk = new TradingDesk();
    const [second, first] = [desk.sell(103, 2), desk.sell(101, 2)];
    const amended = desk.amend(desk.buy(90, 5), buy(105, 6));
    expect(fills(amended)).toEqual([
      [first!.orderId, 101, 2],
      [second!.orderId, 103, 2],
    ]);
    expect(desk.harness.engine.book(1)).toMatchObject({ bestBidTicks: 105, bestAskTicks: 0, bidLots: 2, askLots: 0 });
  });

  test('as a seller', () => {
    const desk = new TradingDesk();
    const [second, first] = [desk.buy(97, 2), desk.buy(99, 2)];
    const amended = desk.amend(desk.sell(110, 5), sell(95, 5));
    expect(fills(amended)).toEqual([
      [first!.orderId, 99, 2],
      [second!.orderId, 97, 2],
    ]);
    expect(desk.harness.engine.book(1)).toMatchObject({ bestBidTicks: 0, bestAskTicks: 95, bidLots: 0, askLots: 1 });
  });
});

describe('amending one of two orders at a price keeps the other', () => {
  test.each([
    ['the first, away', 0, 99],
    ['the second, away', 1, 99],
    ['the first, larger', 0, 100],
    ['the second, larger', 1, 100],
  ])('%s', (_, amended, priceTicks) => {
    const desk = new TradingDesk();
    const orders = [desk.buy(100, 5), desk.buy(100, 6)];
    const other = orders[1 - amended]!;
    desk.amend(orders[amended]!, buy(priceTicks, 9));
    expect(fills(desk.sell(1, 99, IOC))).toEqual([
      [other.orderId, 100, amended === 0 ? 6 : 5],
      [orders[amended]!.orderId, priceTicks, 9],
    ]);
  });
});

describe('a stale cancel or amend is rejected, and whoever has the slot now is not touched', () => {
  test.each<[string, (desk: TradingDesk) => Outcome]>([
    [
      'of an order that was filled as maker',
      (desk) => {
        const maker = desk.sell(100, 5);
        desk.buy(100, 5);
        return maker;
      },
    ],
    [
      'of an order that was cancelled',
      (desk) => {
        const order = desk.sell(100, 5);
        desk.cancel(order);
        return order;
      },
    ],
    [
      'of an order that an amend let trade',
      (desk) => {
        desk.sell(100, 5);
        const order = desk.buy(99, 5);
        desk.amend(order, buy(100, 5));
        return order;
      },
    ],
    ['of an order never issued', (desk) => ({ ...desk.sell(100, 5, IOC), slot: 0, generation: 0 })],
  ])('%s', (_, staleOrder) => {
    const desk = new TradingDesk();
    const stale = staleOrder(desk);
    const next = desk.sell(100, 7);
    expect(desk.cancel(stale)).toBe('UNKNOWN_ORDER');
    expect(desk.amend(stale, sell(100, 1)).story).toEqual([`AMEND_REJECTED ${stale.orderId}: UNKNOWN_ORDER`]);
    expect(desk.cancel(next)).toBe(7);
  });
});

test('a partly filled maker keeps its place between takers, whoever joins the queue meanwhile', () => {
  const desk = new TradingDesk();
  const first = desk.sell(100, 10);
  const second = desk.sell(100, 10);
  expect(fills(desk.buy(100, 4))).toEqual([[first.orderId, 100, 4]]);
  desk.sell(100, 10);
  expect(fills(desk.buy(100, 4))).toEqual([[first.orderId, 100, 4]]);
  expect(fills(desk.buy(100, 4))).toEqual([
    [first.orderId, 100, 2],
    [second.orderId, 100, 2],
  ]);
});

test('the next best price is found however far it lies, and none is left when the last one goes', () => {
  const desk = new TradingDesk();
  const { engine } = desk.harness;
  const prices = [1, 1_023, 1_024, 2 ** 20 - 1, 2 ** 20, MAX_PRICE_TICKS];
  const orders = prices.map((price) => desk.buy(price, 1));
  for (let best = prices.length - 1; best >= 0; best--) {
    expect(engine.book(1)!.bestBidTicks).toBe(prices[best]);
    expect(engine.book(1)!.depthAt(prices[best]!)).toEqual({ lots: 1, orderCount: 1 });
    desk.cancel(orders[best]!);
    expect(engine.book(1)!.depthAt(prices[best]!)).toEqual({ lots: 0, orderCount: 0 });
  }
  expect(engine.book(1)!.bestBidTicks).toBe(0);
  expect(desk.sell(1, 1, IOC).trades).toEqual([]);
  expect(engine.book(9)).toBeUndefined();
});
