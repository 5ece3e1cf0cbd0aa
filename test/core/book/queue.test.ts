import { describe, expect, test } from 'vitest';
import { MAX_PRICE_TICKS } from '../../../core/money/instrument.ts';
import { TimeInForce } from '../../../core/protocol/kinds.ts';
import { EngineHarness } from '../../support/engine-harness.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { type Outcome, TradingDesk } from '../../support/trading-desk.ts';

const IOC = { timeInForce: TimeInForce.IOC };

function makerIds(outcome: Outcome): number[] {
  return outcome.trades.map((trade) => trade.makerOrderId);
}

describe('cancelling within a queue', () => {
  test.each([
    ['head', 0],
    ['second', 1],
    ['middle', 2],
    ['tail', 4],
  ])('the %s loses nobody behind it, nor before it', (_, cancelled) => {
    const desk = new TradingDesk();
    const queue = [1, 2, 3, 4, 5].map((lots) => desk.sell(100, lots));
    expect(desk.cancel(queue[cancelled]!)).toBe(cancelled + 1);
    const late = desk.sell(100, 6); // behind everyone, also when the tail is gone
    const expected = [...queue.filter((_order, index) => index !== cancelled), late];
    expect(makerIds(desk.buy(100, 100))).toEqual(expected.map((order) => order.orderId));
  });

  test('in any order empties it, and it can be filled again', () => {
    const seed = Number(process.env.SEED ?? 7);
    const random = new RandomIntegers(seed);
    const desk = new TradingDesk();
    const queue = Array.from({ length: 50 }, () => desk.buy(100, 1));
    while (queue.length > 0) {
      const [order] = queue.splice(random.below(queue.length), 1);
      expect(desk.cancel(order!), `SEED=${seed}`).toBe(1);
    }
    expect(desk.harness.engine.restingOrders).toBe(0);
    expect(desk.sell(1, 1, IOC).trades).toEqual([]);
    const again = desk.buy(100, 1);
    expect(makerIds(desk.sell(100, 1))).toEqual([again.orderId]);
  });

  test('an order filled in part is cancelled with what is left', () => {
    const desk = new TradingDesk();
    const maker = desk.sell(100, 10);
    desk.buy(100, 4);
    expect(desk.cancel(maker)).toBe(6);
    expect(desk.buy(100, 1, IOC).trades).toEqual([]);
  });
});

describe('the best price', () => {
  test('is no phantom once its level is cancelled', () => {
    const desk = new TradingDesk();
    const best = desk.sell(100, 5);
    const next = desk.sell(200, 5);
    desk.cancel(best);
    expect(desk.buy(150, 5)).toMatchObject({ trades: [], bookedLots: 5 });
    expect(makerIds(desk.buy(200, 5))).toEqual([next.orderId]);
  });

  test('is no phantom once its level is filled, on the buying side too', () => {
    const desk = new TradingDesk();
    desk.buy(200, 5);
    const next = desk.buy(100, 5);
    desk.sell(200, 5);
    expect(desk.sell(150, 5)).toMatchObject({ trades: [], bookedLots: 5 });
    expect(makerIds(desk.sell(100, 5))).toEqual([next.orderId]);
  });

  test('moves up when a better order comes after a worse one was the best', () => {
    const desk = new TradingDesk();
    const first = desk.buy(100, 1);
    desk.cancel(first);
    const worse = desk.buy(50, 1);
    const better = desk.buy(51, 1);
    expect(makerIds(desk.sell(1, 2))).toEqual([better.orderId, worse.orderId]);
  });
});

describe('the ends of the price range', () => {
  test('orders at 1 and at 2^31 - 1 rest, trade and are cancelled', () => {
    const desk = new TradingDesk();
    const lowest = desk.buy(1, 5);
    const highest = desk.sell(MAX_PRICE_TICKS, 5);
    expect([lowest.bookedLots, highest.bookedLots]).toEqual([5, 5]);
    expect(desk.buy(MAX_PRICE_TICKS, 2, { accountId: 103 }).trades).toMatchObject([{ priceTicks: MAX_PRICE_TICKS }]);
    expect(desk.sell(1, 2, { accountId: 103 }).trades).toMatchObject([{ priceTicks: 1 }]);
    expect(desk.cancel(lowest)).toBe(3);
    expect(desk.cancel(highest)).toBe(3);
  });

  test('a buyer at the top sweeps from the bottom to the top in order of price', () => {
    const desk = new TradingDesk();
    const prices = [
      MAX_PRICE_TICKS,
      1,
      2 ** 30,
      2 ** 16,
      2 ** 16 - 1,
      63,
      64,
      4_095,
      4_096,
      2 ** 24,
      MAX_PRICE_TICKS - 1,
    ];
    for (const price of prices) desk.sell(price, 1);
    const traded = desk.buy(MAX_PRICE_TICKS, prices.length).trades.map((trade) => trade.priceTicks);
    expect(traded).toEqual(prices.toSorted((a, b) => a - b));
  });

  test('prices of 0 and below are refused', () => {
    const desk = new TradingDesk();
    for (const price of [0, -1, -(2 ** 31)]) expect(desk.buy(price, 1).rejected).toBe('PRICE_OUT_OF_RANGE');
  });
});

describe('slot and generation', () => {
  test('of an order whose slot was given to another name nobody', () => {
    const desk = new TradingDesk({ limits: { maxOrders: 1, maxLevels: 4, maxInstruments: 3 } });
    const first = desk.buy(100, 1);
    desk.cancel(first);
    const second = desk.buy(100, 2);
    expect(second.slot).toBe(first.slot);
    expect(second.generation).not.toBe(first.generation);
    expect(desk.cancel(first)).toBe('UNKNOWN_ORDER');
    expect(desk.cancel({ ...first, generation: second.generation })).toBe('UNKNOWN_ORDER');
    expect(desk.cancel({ ...second, generation: first.generation })).toBe('UNKNOWN_ORDER');
    expect(desk.cancel(second)).toBe(2);
  });

  test('of a filled order and of a cancelled one name nobody', () => {
    const desk = new TradingDesk();
    const filled = desk.sell(100, 1);
    desk.buy(100, 1);
    expect(desk.cancel(filled)).toBe('UNKNOWN_ORDER');
    const order = desk.sell(100, 1);
    expect(desk.cancel(order)).toBe(1);
    expect(desk.cancel(order)).toBe('UNKNOWN_ORDER');
  });

  test.each([
    ['account', { accountId: 103 }],
    ['order id', { orderId: 5 }],
    ['instrument', { instrumentId: 2 }],
    ['unknown instrument', { instrumentId: 9 }],
    ['slot below 0', { slot: -1 }],
    ['slot beyond the pool', { slot: 2 ** 31 - 1 }],
    ['free slot', { slot: 77 }],
  ])('with another %s do not cancel', (_, wrong) => {
    const desk = new TradingDesk();
    const order = desk.buy(100, 1);
    expect(desk.cancel({ ...order, ...wrong })).toBe('UNKNOWN_ORDER');
    expect(desk.cancel(order)).toBe(1);
  });
});

test('a sweep of 5,000 orders goes through an event ring of 16 slots, whole and in order', () => {
  const desk = new TradingDesk({ ringSlots: 16 });
  const makers = Array.from({ length: 5_000 }, (_, index) => desk.sell(100 + (index % 10), 1));
  const fullBefore = desk.harness.fullCount;
  const sweep = desk.buy(109, 5_001);
  expect(desk.harness.fullCount - fullBefore).toBeGreaterThan(300);
  const expected = makers.map((maker, index) => ({ maker, price: index % 10 })).sort((a, b) => a.price - b.price);
  expect(makerIds(sweep)).toEqual(expected.map(({ maker }) => maker.orderId));
  expect(sweep.bookedLots).toBe(1);
  expect(desk.harness.engine.restingOrders).toBe(1);
});

test('a fresh engine has an empty book and a state hash of 16 hex digits', () => {
  const { engine } = new EngineHarness();
  expect(engine.restingOrders).toBe(0);
  expect(engine.stateHash()).toMatch(/^[0-9a-f]{16}$/);
});
