import { describe, expect, test } from 'vitest';
import { OrderFlag, TimeInForce } from '../../../core/protocol/kinds.ts';
import { type Outcome, TradingDesk } from '../../support/trading-desk.ts';

const { IOC, FOK } = TimeInForce;
const POST_ONLY = { flags: OrderFlag.POST_ONLY };

/** Makers in the order they traded, with what each traded. */
function makers(outcome: Outcome): [orderId: number, priceTicks: number, quantityLots: number][] {
  return outcome.trades.map((trade) => [trade.makerOrderId, trade.priceTicks, trade.quantityLots]);
}

describe('price-time priority', () => {
  test('the best price trades first, whenever it came', () => {
    const desk = new TradingDesk();
    const dear = desk.sell(103, 5);
    const cheap = desk.sell(101, 5);
    const middle = desk.sell(102, 5);
    expect(makers(desk.buy(103, 15))).toEqual([
      [cheap.orderId, 101, 5],
      [middle.orderId, 102, 5],
      [dear.orderId, 103, 5],
    ]);
  });

  test('the highest bid trades first', () => {
    const desk = new TradingDesk();
    const low = desk.buy(99, 5);
    const high = desk.buy(101, 5);
    expect(makers(desk.sell(99, 7))).toEqual([
      [high.orderId, 101, 5],
      [low.orderId, 99, 2],
    ]);
  });

  test('at one price the oldest trades first', () => {
    const desk = new TradingDesk();
    const [first, second, third] = [desk.sell(100, 1), desk.sell(100, 2), desk.sell(100, 3)];
    expect(makers(desk.buy(100, 6)).map(([orderId]) => orderId)).toEqual([
      first.orderId,
      second.orderId,
      third.orderId,
    ]);
  });

  test('a trade happens at the maker price, on both sides', () => {
    const desk = new TradingDesk();
    desk.sell(90, 1);
    expect(desk.buy(100, 1).trades[0]?.priceTicks).toBe(90);
    desk.buy(100, 1);
    expect(desk.sell(90, 1).trades[0]?.priceTicks).toBe(100);
  });

  test('one tick short of crossing rests on both sides', () => {
    const desk = new TradingDesk();
    expect(desk.sell(101, 1).bookedLots).toBe(1);
    expect(desk.buy(100, 1)).toMatchObject({ trades: [], bookedLots: 1 });
  });

  test('a maker filled in part keeps its place before the younger one', () => {
    const desk = new TradingDesk();
    const old = desk.sell(100, 10);
    const young = desk.sell(100, 10);
    expect(desk.buy(100, 4).trades).toEqual([
      { makerOrderId: old.orderId, priceTicks: 100, quantityLots: 4, makerRemainingLots: 6 },
    ]);
    expect(makers(desk.buy(100, 7))).toEqual([
      [old.orderId, 100, 6],
      [young.orderId, 100, 1],
    ]);
  });

  test('what a taker leaves rests at its own limit, behind those already there', () => {
    const desk = new TradingDesk();
    const earlier = desk.buy(100, 3, { accountId: 103 });
    const seller = desk.sell(105, 2);
    const taker = desk.buy(105, 5);
    expect(makers(taker)).toEqual([[seller.orderId, 105, 2]]);
    expect(taker.bookedLots).toBe(3);
    expect(makers(desk.sell(100, 6))).toEqual([
      [taker.orderId, 105, 3],
      [earlier.orderId, 100, 3],
    ]);
  });

  test('instruments do not trade with one another', () => {
    const desk = new TradingDesk();
    desk.sell(100, 10, { instrumentId: 2 });
    expect(desk.buy(100, 10, { instrumentId: 3 })).toMatchObject({ trades: [], bookedLots: 10 });
  });
});

describe('time in force', () => {
  test('an IOC remainder is cancelled, not rested', () => {
    const desk = new TradingDesk();
    desk.sell(100, 3);
    const taker = desk.buy(100, 10, { timeInForce: IOC });
    expect(taker).toMatchObject({ bookedLots: 0, cancelled: [7, 'IMMEDIATE_OR_CANCEL'] });
    expect(taker.trades).toHaveLength(1);
    expect(desk.sell(100, 1).trades).toEqual([]);
  });

  test('an IOC order without a counterpart is cancelled whole', () => {
    expect(new TradingDesk().buy(100, 10, { timeInForce: IOC }).cancelled).toEqual([10, 'IMMEDIATE_OR_CANCEL']);
  });

  test('a FOK order one lot beyond what is there trades nothing and leaves the makers as they were', () => {
    const desk = new TradingDesk();
    const [first, second] = [desk.sell(100, 5), desk.sell(101, 5)];
    expect(desk.buy(101, 11, { timeInForce: FOK })).toMatchObject({ trades: [], cancelled: [11, 'FILL_OR_KILL'] });
    expect(makers(desk.buy(101, 10, { timeInForce: FOK }))).toEqual([
      [first.orderId, 100, 5],
      [second.orderId, 101, 5],
    ]);
  });

  test('a FOK order does not count what lies beyond its limit', () => {
    const desk = new TradingDesk();
    desk.sell(100, 5);
    desk.sell(102, 5);
    expect(desk.buy(101, 6, { timeInForce: FOK }).cancelled).toEqual([6, 'FILL_OR_KILL']);
  });

  test('a FOK order does not trade when its own order stands before the quantity is reached', () => {
    const desk = new TradingDesk();
    desk.sell(100, 5);
    desk.sell(100, 5, { accountId: 101 });
    desk.sell(100, 5);
    expect(desk.buy(100, 6, { timeInForce: FOK })).toMatchObject({ trades: [], cancelled: [6, 'SELF_TRADE'] });
    expect(desk.buy(100, 5, { timeInForce: FOK }).trades).toHaveLength(1);
  });
});

describe('post-only', () => {
  test('that would trade is cancelled and trades nothing', () => {
    const desk = new TradingDesk();
    const maker = desk.sell(100, 5);
    expect(desk.buy(100, 5, POST_ONLY)).toMatchObject({ trades: [], bookedLots: 0, cancelled: [5, 'POST_ONLY'] });
    expect(makers(desk.buy(100, 5))).toEqual([[maker.orderId, 100, 5]]);
  });

  test('that would not trade rests', () => {
    const desk = new TradingDesk();
    desk.sell(100, 5);
    expect(desk.buy(99, 5, POST_ONLY)).toMatchObject({ bookedLots: 5, cancelled: null });
  });

  test('that meets an own order is cancelled for post-only, not for self-trade', () => {
    const desk = new TradingDesk();
    desk.sell(100, 5, { accountId: 101 });
    expect(desk.buy(100, 5, POST_ONLY).cancelled).toEqual([5, 'POST_ONLY']);
  });

  test.each([
    ['IOC', IOC],
    ['FOK', FOK],
  ])('together with %s is malformed', (_, timeInForce) => {
    expect(new TradingDesk().buy(100, 5, { ...POST_ONLY, timeInForce }).rejected).toBe('MALFORMED');
  });
});

describe('self-trade prevention', () => {
  test('cancels the newest: what it traded before stands, the own order stays, the rest is cancelled', () => {
    const desk = new TradingDesk();
    const other = desk.sell(100, 2);
    const own = desk.sell(101, 5, { accountId: 101 });
    const taker = desk.buy(102, 6);
    expect(makers(taker)).toEqual([[other.orderId, 100, 2]]);
    expect(taker).toMatchObject({ cancelled: [4, 'SELF_TRADE'], bookedLots: 0 });
    expect(makers(desk.buy(102, 5, { accountId: 103 }))).toEqual([[own.orderId, 101, 5]]);
  });

  test('an order that is filled before it meets its own trades in full', () => {
    const desk = new TradingDesk();
    desk.sell(100, 2);
    desk.sell(100, 5, { accountId: 101 });
    expect(desk.buy(100, 2)).toMatchObject({ cancelled: null, trades: [{ quantityLots: 2 }] });
  });
});
