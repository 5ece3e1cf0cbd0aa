import { describe, expect, test } from 'vitest';
import { OrderFlag, OrderType, SelfTradePrevention, TimeInForce } from '../../../core/protocol/kinds.ts';
import { STREAM_INSTRUMENTS } from '../../support/command-stream.ts';
import { type OrderOptions, TradingDesk } from '../../support/trading-desk.ts';

const UNITS = STREAM_INSTRUMENTS[0]!.quoteUnitsPerTickLot; // of one lot at one tick

function budget(budgetUnits: bigint, more: OrderOptions = {}): OrderOptions {
  return {
    orderType: OrderType.MARKET,
    timeInForce: TimeInForce.IOC,
    flags: OrderFlag.BY_BUDGET,
    budgetUnits,
    ...more,
  };
}

describe('a market buy by budget', () => {
  test('takes as many whole lots as the budget pays at each price, and its rest is cancelled', () => {
    const desk = new TradingDesk();
    const cheap = desk.sell(100, 3);
    const dear = desk.sell(110, 9);
    const taker = desk.buy(200, 0, budget(UNITS * 523n)); // 300 for three, 220 for two more, 3 left
    expect(taker.trades).toEqual([
      { makerOrderId: cheap.orderId, priceTicks: 100, quantityLots: 3, makerRemainingLots: 0 },
      { makerOrderId: dear.orderId, priceTicks: 110, quantityLots: 2, makerRemainingLots: 7 },
    ]);
    expect(taker.story.at(-1)).toBe(`CANCELLED ${taker.orderId}: ${UNITS * 3n} BUDGET_REMAINDER`);
  });

  test('that comes out even leaves nothing to cancel', () => {
    const desk = new TradingDesk();
    desk.sell(100, 3);
    desk.sell(110, 9);
    expect(desk.buy(200, 0, budget(UNITS * 520n))).toMatchObject({ cancelled: null, trades: [{}, {}] });
  });

  test('one unit short of the next lot does not buy it, one with it does', () => {
    const desk = new TradingDesk();
    desk.sell(100, 10);
    expect(desk.buy(100, 0, budget(UNITS * 200n - 1n)).trades).toMatchObject([{ quantityLots: 1 }]);
    expect(desk.buy(100, 0, budget(UNITS * 200n)).trades).toMatchObject([{ quantityLots: 2 }]);
  });

  test('that does not pay one lot at the best price trades nothing', () => {
    const desk = new TradingDesk();
    desk.sell(100, 10);
    const taker = desk.buy(100, 0, budget(UNITS * 100n - 1n));
    expect(taker.story).toEqual([`CANCELLED ${taker.orderId}: ${UNITS * 100n - 1n} BUDGET_REMAINDER`]);
  });

  test('stops at its protection price, and with nobody there', () => {
    const desk = new TradingDesk();
    desk.sell(100, 1);
    desk.sell(101, 1);
    const taker = desk.buy(100, 0, budget(UNITS * 1_000n));
    expect(taker.trades).toHaveLength(1);
    expect(taker.story.at(-1)).toBe(`CANCELLED ${taker.orderId}: ${UNITS * 900n} MARKET_REMAINDER`);
  });

  test('of 2^63 - 1 units buys all there is at the highest price, exactly', () => {
    const desk = new TradingDesk();
    desk.sell(2 ** 31 - 1, 2_000);
    const largest = 2n ** 63n - 1n;
    const taker = desk.buy(2 ** 31 - 1, 0, budget(largest));
    const paid = UNITS * 2_000n * (2n ** 31n - 1n);
    expect(taker.trades).toMatchObject([{ quantityLots: 2_000 }]);
    expect(taker.story.at(-1)).toBe(`CANCELLED ${taker.orderId}: ${largest - paid} MARKET_REMAINDER`);
  });

  test('takes part of the largest order that there is', () => {
    const desk = new TradingDesk();
    desk.sell(1, 2 ** 53 - 1);
    const taker = desk.buy(1, 0, budget(UNITS * (2n ** 53n - 2n)));
    expect(taker.trades).toMatchObject([{ quantityLots: 2 ** 53 - 2, makerRemainingLots: 1 }]);
  });
});

describe('a market buy by budget meets an order of its own', () => {
  const { CANCEL_NEWEST, CANCEL_OLDEST, CANCEL_BOTH, DECREMENT } = SelfTradePrevention;

  test.each([
    ['cancel-newest', CANCEL_NEWEST],
    ['cancel-both', CANCEL_BOTH],
  ])('%s: its rest is cancelled', (_, selfTradePrevention) => {
    const desk = new TradingDesk();
    const own = desk.sell(100, 5, { accountId: 101 });
    const taker = desk.buy(100, 0, budget(UNITS * 300n, { selfTradePrevention }));
    const gone = selfTradePrevention === CANCEL_BOTH ? [`CANCELLED ${own.orderId}: 5 SELF_TRADE`] : [];
    expect(taker.story).toEqual([...gone, `CANCELLED ${taker.orderId}: ${UNITS * 300n} SELF_TRADE`]);
  });

  test('cancel-oldest: its own order goes, and it buys on', () => {
    const desk = new TradingDesk();
    const own = desk.sell(100, 5, { accountId: 101 });
    const other = desk.sell(150, 2);
    const taker = desk.buy(150, 0, budget(UNITS * 300n, { selfTradePrevention: CANCEL_OLDEST }));
    expect(taker.story).toEqual([
      `CANCELLED ${own.orderId}: 5 SELF_TRADE`,
      `FILLED ${other.orderId} by ${taker.orderId}: 2 at 150`,
    ]);
  });

  test('decrement: the budget falls by quantity × the price of the resting order', () => {
    const desk = new TradingDesk();
    const own = desk.sell(100, 2, { accountId: 101 });
    const other = desk.sell(150, 9);
    const taker = desk.buy(150, 0, budget(UNITS * 500n, { selfTradePrevention: DECREMENT }));
    expect(taker.story).toEqual([
      `CANCELLED ${own.orderId}: 2 SELF_TRADE`,
      `REDUCED ${taker.orderId}: ${UNITS * 500n} to ${UNITS * 300n}`,
      `FILLED ${other.orderId} by ${taker.orderId}: 2 at 150`,
    ]);
  });

  test('decrement: a budget that comes out even is cancelled, one that does not ends on the next price', () => {
    const desk = new TradingDesk();
    const own = desk.sell(100, 9, { accountId: 101 });
    const even = desk.buy(150, 0, budget(UNITS * 200n, { selfTradePrevention: DECREMENT }));
    expect(even.story).toEqual([
      `REDUCED ${own.orderId}: 9 to 7`,
      `CANCELLED ${even.orderId}: ${UNITS * 200n} SELF_TRADE`,
    ]);
    const odd = desk.buy(150, 0, budget(UNITS * 201n, { selfTradePrevention: DECREMENT }));
    expect(odd.story).toEqual([
      `REDUCED ${own.orderId}: 7 to 5`,
      `REDUCED ${odd.orderId}: ${UNITS * 201n} to ${UNITS}`,
      `CANCELLED ${odd.orderId}: ${UNITS} BUDGET_REMAINDER`,
    ]);
  });
});

describe('by budget', () => {
  test.each([0n, -1n, -(2n ** 63n)])('%d units are refused', (units) => {
    expect(new TradingDesk().buy(100, 0, budget(units)).rejected).toBe('QUANTITY_OUT_OF_RANGE');
  });

  test.each<[string, OrderOptions]>([
    ['a limit order', { orderType: OrderType.LIMIT }],
    ['a stop', { orderType: OrderType.STOP_MARKET, stopPriceTicks: 5 }],
    ['fill-or-kill', { timeInForce: TimeInForce.FOK }],
    ['post-only', { flags: OrderFlag.BY_BUDGET | OrderFlag.POST_ONLY }],
  ])('%s is malformed', (_, wrong) => {
    expect(new TradingDesk().buy(100, 0, budget(1_000n, wrong)).rejected).toBe('MALFORMED');
  });

  test('a sell, or a quantity beside the budget, is malformed', () => {
    expect(new TradingDesk().sell(100, 0, budget(1_000n)).rejected).toBe('MALFORMED');
    expect(new TradingDesk().buy(100, 1, budget(1_000n)).rejected).toBe('MALFORMED');
  });
});
