import { describe, expect, test } from 'vitest';
import { OrderFlag, SelfTradePrevention, TimeInForce } from '../../../core/protocol/kinds.ts';
import { TradingDesk } from '../../support/trading-desk.ts';

const { CANCEL_NEWEST, CANCEL_OLDEST, CANCEL_BOTH, DECREMENT } = SelfTradePrevention;
const OWN = { accountId: 101 };

/** A book with an own order between two others: 2 at 100, own 5 at 101, 2 at 102. */
function bookWithOwn(ownLots = 5) {
  const desk = new TradingDesk();
  const first = desk.sell(100, 2);
  const own = desk.sell(101, ownLots, OWN);
  const last = desk.sell(102, 2);
  return { desk, first, own, last };
}

describe('an order that meets one of the same account', () => {
  test('cancel-newest: the arriving rest goes, the resting order stays', () => {
    const { desk, first } = bookWithOwn();
    const taker = desk.buy(102, 6, { selfTradePrevention: CANCEL_NEWEST });
    expect(taker.story).toEqual([
      `FILLED ${first.orderId} by ${taker.orderId}: 2 at 100`,
      `CANCELLED ${taker.orderId}: 4 SELF_TRADE`,
    ]);
  });

  test('cancel-oldest: the resting order goes, the arriving one trades on', () => {
    const { desk, first, own, last } = bookWithOwn();
    const taker = desk.buy(102, 6, { selfTradePrevention: CANCEL_OLDEST });
    expect(taker.story).toEqual([
      `FILLED ${first.orderId} by ${taker.orderId}: 2 at 100`,
      `CANCELLED ${own.orderId}: 5 SELF_TRADE`,
      `FILLED ${last.orderId} by ${taker.orderId}: 2 at 102`,
      `BOOKED ${taker.orderId}: 2`,
    ]);
  });

  test('cancel-both: both go, what was traded before stands', () => {
    const { desk, first, own, last } = bookWithOwn();
    const taker = desk.buy(102, 6, { selfTradePrevention: CANCEL_BOTH });
    expect(taker.story).toEqual([
      `FILLED ${first.orderId} by ${taker.orderId}: 2 at 100`,
      `CANCELLED ${own.orderId}: 5 SELF_TRADE`,
      `CANCELLED ${taker.orderId}: 4 SELF_TRADE`,
    ]);
    expect(desk.buy(102, 2, { accountId: 103 }).trades).toMatchObject([{ makerOrderId: last.orderId }]);
  });

  test('decrement, the resting order is larger: it gets smaller, the arriving one is cancelled', () => {
    const { desk, first, own } = bookWithOwn();
    const taker = desk.buy(102, 6, { selfTradePrevention: DECREMENT });
    expect(taker.story).toEqual([
      `FILLED ${first.orderId} by ${taker.orderId}: 2 at 100`,
      `REDUCED ${own.orderId}: 5 to 1`,
      `CANCELLED ${taker.orderId}: 4 SELF_TRADE`,
    ]);
    expect(desk.buy(101, 5, { accountId: 103 }).trades).toMatchObject([{ makerOrderId: own.orderId, quantityLots: 1 }]);
  });

  test('decrement, the arriving order is larger: the resting one is cancelled, the rest trades on', () => {
    const { desk, first, own, last } = bookWithOwn(3);
    const taker = desk.buy(102, 6, { selfTradePrevention: DECREMENT });
    expect(taker.story).toEqual([
      `FILLED ${first.orderId} by ${taker.orderId}: 2 at 100`,
      `CANCELLED ${own.orderId}: 3 SELF_TRADE`,
      `REDUCED ${taker.orderId}: 4 to 1`,
      `FILLED ${last.orderId} by ${taker.orderId}: 1 at 102`,
    ]);
  });

  test('decrement of two equal ones cancels both', () => {
    const { desk, own } = bookWithOwn(4);
    const taker = desk.buy(102, 6, { selfTradePrevention: DECREMENT });
    expect(taker.story.slice(1)).toEqual([
      `CANCELLED ${own.orderId}: 4 SELF_TRADE`,
      `CANCELLED ${taker.orderId}: 4 SELF_TRADE`,
    ]);
  });

  test('the arriving order’s setting counts, not the resting one’s', () => {
    const desk = new TradingDesk();
    const own = desk.sell(100, 5, { ...OWN, selfTradePrevention: CANCEL_OLDEST });
    expect(desk.buy(100, 1, { selfTradePrevention: CANCEL_NEWEST }).cancelled).toEqual([1, 'SELF_TRADE']);
    expect(desk.cancel(own)).toBe(5);
  });

  test('a queue of own orders at one price goes from its oldest', () => {
    const desk = new TradingDesk();
    const own = [1, 2, 3].map((lots) => desk.sell(100, lots, OWN));
    const taker = desk.buy(100, 4, { selfTradePrevention: DECREMENT });
    expect(taker.story).toEqual([
      `CANCELLED ${own[0]!.orderId}: 1 SELF_TRADE`,
      `REDUCED ${taker.orderId}: 4 to 3`,
      `CANCELLED ${own[1]!.orderId}: 2 SELF_TRADE`,
      `REDUCED ${taker.orderId}: 3 to 1`,
      `REDUCED ${own[2]!.orderId}: 3 to 2`,
      `CANCELLED ${taker.orderId}: 1 SELF_TRADE`,
    ]);
  });
});

describe('fill-or-kill', () => {
  const FOK = { timeInForce: TimeInForce.FOK };

  test.each([
    ['cancel-newest', CANCEL_NEWEST],
    ['cancel-both', CANCEL_BOTH],
    ['decrement', DECREMENT],
  ])('%s: meeting its own before it is filled changes nothing', (_, selfTradePrevention) => {
    const { desk, own } = bookWithOwn();
    expect(desk.buy(102, 3, { ...FOK, selfTradePrevention })).toMatchObject({
      trades: [],
      cancelled: [3, 'SELF_TRADE'],
    });
    expect(desk.cancel(own)).toBe(5);
    expect(desk.buy(102, 2, { ...FOK, selfTradePrevention }).trades).toHaveLength(1);
  });

  test('cancel-oldest: own orders do not count, and go only when it is filled', () => {
    const { desk, own } = bookWithOwn();
    const oldest = { ...FOK, selfTradePrevention: CANCEL_OLDEST };
    expect(desk.buy(102, 5, oldest)).toMatchObject({ trades: [], cancelled: [5, 'FILL_OR_KILL'] });
    const taker = desk.buy(102, 4, oldest);
    expect(taker.trades).toHaveLength(2);
    expect(taker.story[1]).toBe(`CANCELLED ${own.orderId}: 5 SELF_TRADE`);
  });
});

test('a post-only order that would meet its own is cancelled for post-only, in every mode', () => {
  const desk = new TradingDesk();
  desk.sell(100, 5, OWN);
  for (const selfTradePrevention of [CANCEL_NEWEST, CANCEL_OLDEST, CANCEL_BOTH, DECREMENT])
    expect(desk.buy(100, 5, { flags: OrderFlag.POST_ONLY, selfTradePrevention }).story).toHaveLength(1);
  expect(desk.harness.engine.restingOrders).toBe(1);
});

test('a mode that is none is malformed', () => {
  expect(new TradingDesk().buy(100, 1, { selfTradePrevention: 4 as SelfTradePrevention }).rejected).toBe('MALFORMED');
});
