import { describe, expect, test } from 'vitest';
import { InstrumentState, OrderFlag, OrderType, SelfTradePrevention, Side } from '../../../core/protocol/kinds.ts';
import { type Outcome, TradingDesk } from '../../support/trading-desk.ts';

function makers(outcome: Outcome): number[] {
  return outcome.trades.map((trade) => trade.makerOrderId);
}
const buy = (priceTicks: number, quantityLots: number) => ({ side: Side.BUY, priceTicks, quantityLots });
const sell = (priceTicks: number, quantityLots: number) => ({ side: Side.SELL, priceTicks, quantityLots });

describe('an amended order', () => {
  test('that gets smaller keeps its place in the queue, and its slot', () => {
    const desk = new TradingDesk();
    const first = desk.buy(100, 5);
    const second = desk.buy(100, 5);
    expect(desk.amend(first, buy(100, 2)).story).toEqual([`AMENDED ${first.orderId}: 5 to 2`]);
    expect(desk.cancel({ ...first, generation: first.generation + 1 })).toBe('UNKNOWN_ORDER');
    const taker = desk.sell(100, 4);
    expect(taker.trades.map((trade) => trade.quantityLots)).toEqual([2, 2]);
    expect(makers(taker)).toEqual([first.orderId, second.orderId]);
  });

  test('that stays as it is keeps its place', () => {
    const desk = new TradingDesk();
    const [first] = [desk.buy(100, 5), desk.buy(100, 5)];
    expect(desk.amend(first!, buy(100, 5)).story).toEqual([`AMENDED ${first!.orderId}: 5 to 5`]);
    expect(makers(desk.sell(100, 1))).toEqual([first!.orderId]);
  });

  test('that gets larger loses its place, and is named by a new slot and generation', () => {
    const desk = new TradingDesk();
    const [first, second] = [desk.buy(100, 5), desk.buy(100, 5)];
    const amended = desk.amend(first!, buy(100, 6));
    expect(amended.story).toEqual([`AMENDED ${first!.orderId}: 5 to 6`, `BOOKED ${first!.orderId}: 6`]);
    expect(desk.cancel(first!)).toBe('UNKNOWN_ORDER');
    expect(makers(desk.sell(100, 6))).toEqual([second!.orderId, first!.orderId]);
    expect(desk.cancel(amended)).toBe(5);
  });

  test.each([99, 101])('with a new limit of %d loses its place, even if it gets smaller', (priceTicks) => {
    const desk = new TradingDesk();
    const there = desk.buy(priceTicks, 5);
    const order = desk.buy(100, 5);
    expect(desk.amend(order, buy(priceTicks, 1)).bookedLots).toBe(1);
    expect(makers(desk.sell(priceTicks, 6)).slice(-2)).toEqual([there.orderId, order.orderId]);
  });

  test('that crosses now trades as a taker, and rests with what is left', () => {
    const desk = new TradingDesk();
    const maker = desk.sell(105, 3);
    const order = desk.buy(100, 5);
    expect(desk.amend(order, buy(105, 6)).story).toEqual([
      `AMENDED ${order.orderId}: 5 to 6`,
      `FILLED ${maker.orderId} by ${order.orderId}: 3 at 105`,
      `BOOKED ${order.orderId}: 3`,
    ]);
  });

  test('has a total: what is filled counts', () => {
    const desk = new TradingDesk();
    const order = desk.buy(100, 10);
    desk.sell(100, 4);
    expect(desk.amend(order, buy(100, 4)).story).toEqual([`AMEND_REJECTED ${order.orderId}: QUANTITY_BELOW_FILLED`]);
    expect(desk.amend(order, buy(100, 5)).story).toEqual([`AMENDED ${order.orderId}: 6 to 1`]);
    const larger = desk.amend(order, buy(100, 12));
    expect(larger.story[0]).toBe(`AMENDED ${order.orderId}: 1 to 8`);
    expect(desk.sell(100, 20).trades).toMatchObject([{ quantityLots: 8 }]);
  });

  test('has a total: what self-trade prevention took off counts as gone', () => {
    const desk = new TradingDesk();
    const order = desk.buy(100, 10);
    desk.sell(100, 4, { accountId: 101, selfTradePrevention: SelfTradePrevention.DECREMENT });
    expect(desk.amend(order, buy(100, 10)).story).toEqual([`AMENDED ${order.orderId}: 6 to 6`]);
    expect(desk.amend(order, buy(100, 9)).story).toEqual([`AMENDED ${order.orderId}: 6 to 5`]);
  });

  test('on the selling side keeps and loses its place alike', () => {
    const desk = new TradingDesk();
    const [first, second] = [desk.sell(100, 5), desk.sell(100, 5)];
    expect(desk.amend(first!, sell(100, 3)).story).toHaveLength(1);
    expect(makers(desk.buy(100, 1))).toEqual([first!.orderId]);
    expect(desk.amend(first!, sell(100, 4)).story).toHaveLength(2);
    expect(makers(desk.buy(100, 1))).toEqual([second!.orderId]);
  });

  test('that is post-only and would trade now is cancelled', () => {
    const desk = new TradingDesk();
    desk.sell(105, 3);
    const order = desk.buy(100, 5, { flags: OrderFlag.POST_ONLY });
    expect(desk.amend(order, buy(105, 5)).cancelled).toEqual([5, 'POST_ONLY']);
  });

  test('that meets an order of its own follows its own setting', () => {
    const desk = new TradingDesk();
    desk.sell(105, 3, { accountId: 101 });
    const order = desk.buy(100, 5);
    expect(desk.amend(order, buy(105, 5)).cancelled).toEqual([5, 'SELF_TRADE']);
  });

  test('trades that it makes trigger stops', () => {
    const desk = new TradingDesk();
    const stop = desk.buy(90, 1, { orderType: OrderType.STOP_LIMIT, stopPriceTicks: 105, accountId: 104 });
    desk.sell(105, 3);
    const order = desk.buy(100, 3);
    expect(desk.amend(order, buy(105, 3)).story).toContain(`TRIGGERED ${stop.orderId}: 1`);
  });
});

describe('an untriggered stop', () => {
  test('gets another total and limit where it waits', () => {
    const desk = new TradingDesk();
    const stop = desk.buy(100, 5, { orderType: OrderType.STOP_LIMIT, stopPriceTicks: 110, accountId: 104 });
    expect(desk.amend(stop, buy(104, 9)).story).toEqual([`AMENDED ${stop.orderId}: 5 to 9`]);
    desk.sell(110, 1);
    expect(desk.buy(110, 1).story.slice(1)).toEqual([`TRIGGERED ${stop.orderId}: 9`, `BOOKED ${stop.orderId}: 9`]);
    expect(desk.sell(104, 9).trades).toMatchObject([{ makerOrderId: stop.orderId, priceTicks: 104, quantityLots: 9 }]);
  });
});

describe('an amend is refused, and the order is as it was', () => {
  test.each([
    ['a total of 0', buy(100, 0), 'QUANTITY_OUT_OF_RANGE'],
    ['half a lot', buy(100, 0.5), 'QUANTITY_OUT_OF_RANGE'],
    ['no number', buy(100, Number.NaN), 'QUANTITY_OUT_OF_RANGE'],
    ['more lots than there are', buy(100, 2 ** 53), 'QUANTITY_OUT_OF_RANGE'],
    ['a limit of 0', buy(0, 5), 'PRICE_OUT_OF_RANGE'],
    ['the other side', sell(100, 5), 'MALFORMED'],
  ] as const)('%s', (_, amended, reason) => {
    const desk = new TradingDesk();
    const order = desk.buy(100, 5);
    expect(desk.amend(order, amended).story).toEqual([`AMEND_REJECTED ${order.orderId}: ${reason}`]);
    expect(desk.cancel(order)).toBe(5);
  });

  test.each([
    ['account', { accountId: 103 }],
    ['order id', { orderId: 5 }],
    ['instrument', { instrumentId: 2 }],
    ['unknown instrument', { instrumentId: 9 }],
    ['slot', { slot: 77 }],
    ['generation', { generation: 1 }],
  ])('another %s', (_, wrong) => {
    const desk = new TradingDesk();
    const order = desk.buy(100, 5);
    expect(desk.amend({ ...order, ...wrong }, buy(100, 4)).story[0]).toContain('UNKNOWN_ORDER');
    expect(desk.cancel(order)).toBe(5);
  });

  test('no level left at the new price; at one in use it may go', () => {
    const desk = new TradingDesk({ limits: { maxOrders: 5, maxLevels: 2, maxInstruments: 3 } });
    const order = desk.buy(100, 5);
    desk.buy(90, 1);
    expect(desk.amend(order, buy(95, 5)).story[0]).toContain('LEVELS_FULL');
    expect(desk.amend(order, buy(90, 5)).bookedLots).toBe(5);
  });

  test('the side could not count its lots: its own do not count twice', () => {
    const desk = new TradingDesk();
    const order = desk.buy(100, 2 ** 52);
    desk.buy(90, 2 ** 52 - 2);
    expect(desk.amend(order, buy(100, 2 ** 52 + 2)).story[0]).toContain('LEVEL_FULL');
    expect(desk.amend(order, buy(100, 2 ** 52 + 1)).bookedLots).toBe(2 ** 52 + 1);
  });
});

describe('while the instrument does not trade', () => {
  test.each([
    ['halted', InstrumentState.HALTED, 'INSTRUMENT_HALTED', 'INSTRUMENT_HALTED'],
    ['cancel-only', InstrumentState.CANCEL_ONLY, null, 'INSTRUMENT_CANCEL_ONLY'],
    ['post-only', InstrumentState.POST_ONLY, null, 'INSTRUMENT_POST_ONLY'],
  ] as const)('%s: smaller is %s, anything else is refused', (_, state, smaller, larger) => {
    const desk = new TradingDesk();
    const order = desk.buy(100, 5);
    desk.setState(state);
    expect(desk.amend(order, buy(100, 4)).story[0]).toContain(smaller ?? 'AMENDED');
    expect(desk.amend(order, buy(100, 6)).story[0]).toContain(larger);
    expect(desk.amend(order, buy(101, 4)).story[0]).toContain(larger);
  });

  test('post-only: a post-only order may be moved', () => {
    const desk = new TradingDesk();
    const order = desk.buy(100, 5, { flags: OrderFlag.POST_ONLY });
    desk.setState(InstrumentState.POST_ONLY);
    expect(desk.amend(order, buy(101, 6)).bookedLots).toBe(6);
  });
});
