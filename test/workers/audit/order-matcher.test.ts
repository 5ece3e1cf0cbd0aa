import { describe, expect, test } from 'vitest';
import { OrderFlag, SelfTradePrevention, Side, TimeInForce } from '../../../core/protocol/kinds.ts';
import { type ActingOrder, OrderMatcher } from '../../../workers/audit/order-matcher.ts';
import { STREAM_INSTRUMENTS } from '../../support/command-stream.ts';

const [BTCUSD] = STREAM_INSTRUMENTS; // one tick of one lot is 10^-2 × 10^-8 USD
const LOT_PRICE_UNITS = BTCUSD!.quoteUnitsPerTickLot;

const BUY: ActingOrder = {
  orderId: 100,
  accountId: 7,
  side: Side.BUY,
  isMarket: false,
  timeInForce: TimeInForce.GTC,
  selfTradePrevention: SelfTradePrevention.CANCEL_NEWEST,
  flags: 0,
  priceTicks: 1_000,
  remainingLots: 10,
  budgetUnits: 0n,
  makerRatePpm: 0,
  takerRatePpm: 0,
};

/** Asks of account 7 (`own`) and of another one, best first: 1, 2, 3 … are their ids. */
function bookOf(...asks: readonly (readonly [own: boolean, priceTicks: number, lots: number])[]): OrderMatcher {
  const matcher = new OrderMatcher(BTCUSD!);
  for (const [index, [own, priceTicks, remainingLots]] of asks.entries())
    matcher.put({
      orderId: index + 1,
      accountId: own ? 7 : 8,
      side: Side.SELL,
      priceTicks,
      makerRatePpm: 0,
      remainingLots,
    });
  return matcher;
}

const tradesOf = (matcher: OrderMatcher, order: Partial<ActingOrder>) => {
  const { trades, ending, remaining } = matcher.act({ ...BUY, ...order });
  return [trades.map(({ makerOrderId, quantityLots }) => [makerOrderId, quantityLots]), ending, remaining];
};

describe('an order that meets one of its own account', () => {
  const asks = [
    [false, 990, 3],
    [true, 995, 4],
    [false, 1_000, 9],
  ] as const;

  test('cancel newest: its rest goes, the other one rests on', () => {
    const matcher = bookOf(...asks);
    expect(tradesOf(matcher, {})).toEqual([[[1, 3]], 'CANCELLED', 7n]);
    expect(matcher.find(Side.SELL, 995, 2)?.remainingLots).toBe(4);
  });

  test('cancel oldest: the other one goes, it trades on', () => {
    const matcher = bookOf(...asks);
    const selfTradePrevention = SelfTradePrevention.CANCEL_OLDEST;
    expect(tradesOf(matcher, { selfTradePrevention })).toEqual([
      [
        [1, 3],
        [3, 7],
      ],
      'FILLED',
      0n,
    ]);
    expect(matcher.find(Side.SELL, 995, 2)).toBeUndefined();
  });

  test('cancel both: both go', () => {
    const matcher = bookOf(...asks);
    const selfTradePrevention = SelfTradePrevention.CANCEL_BOTH;
    expect(tradesOf(matcher, { selfTradePrevention })).toEqual([[[1, 3]], 'CANCELLED', 7n]);
    expect(matcher.find(Side.SELL, 995, 2)).toBeUndefined();
  });

  test.each([
    [
      10,
      [
        [1, 3],
        [3, 3],
      ],
      'FILLED',
      0n,
      undefined,
    ],
    [7, [[1, 3]], 'CANCELLED', 4n, undefined],
    [5, [[1, 3]], 'CANCELLED', 2n, 2],
  ] as const)('decrement: %i lots, both get smaller by the smaller one', (remainingLots, trades, ending, left, own) => {
    const matcher = bookOf(...asks);
    const selfTradePrevention = SelfTradePrevention.DECREMENT;
    expect(tradesOf(matcher, { selfTradePrevention, remainingLots })).toEqual([trades, ending, left]);
    expect(matcher.find(Side.SELL, 995, 2)?.remainingLots).toBe(own);
  });

  test('fill or kill: nothing happens, unless its own are as if they were not there', () => {
    const timeInForce = TimeInForce.FOK;
    const matcher = bookOf(...asks);
    expect(tradesOf(matcher, { timeInForce })).toEqual([[], 'CANCELLED', 10n]);
    const selfTradePrevention = SelfTradePrevention.CANCEL_OLDEST;
    expect(tradesOf(matcher, { timeInForce, selfTradePrevention, remainingLots: 13 })).toEqual([[], 'CANCELLED', 13n]);
    expect(tradesOf(matcher, { timeInForce, selfTradePrevention, remainingLots: 12 })).toEqual([
      [
        [1, 3],
        [3, 9],
      ],
      'FILLED',
      0n,
    ]);
  });
});

describe('a market order by budget', () => {
  const market = { isMarket: true, timeInForce: TimeInForce.IOC, flags: OrderFlag.BY_BUDGET, remainingLots: 0 };
  const buy = (matcher: OrderMatcher, budgetUnits: bigint) =>
    tradesOf(matcher, { ...market, budgetUnits: budgetUnits * LOT_PRICE_UNITS });

  test('takes whole lots as long as it can pay one', () => {
    const asks = [
      [false, 990, 3],
      [false, 1_000, 9],
    ] as const;
    expect(buy(bookOf(...asks), 990n * 3n)).toEqual([[[1, 3]], 'FILLED', 0n]);
    expect(buy(bookOf(...asks), 989n)).toEqual([[], 'CANCELLED', 989n * LOT_PRICE_UNITS]);
    expect(buy(bookOf(...asks), 990n * 3n + 2_500n)).toEqual([
      [
        [1, 3],
        [2, 2],
      ],
      'CANCELLED',
      500n * LOT_PRICE_UNITS,
    ]);
  });

  test('ends with the rest when nothing more is for sale within its protection price', () => {
    const asks = [
      [false, 990, 3],
      [false, 1_001, 9],
    ] as const;
    expect(buy(bookOf(...asks), 990n * 5n)).toEqual([[[1, 3]], 'CANCELLED', 990n * 2n * LOT_PRICE_UNITS]);
  });
});

test('of makers at one price the one that was put in first comes first', () => {
  const matcher = new OrderMatcher(BTCUSD!);
  for (const orderId of [2, 1, 3])
    matcher.put({ orderId, accountId: 8, side: Side.SELL, priceTicks: 990, makerRatePpm: 0, remainingLots: 5 });
  const makers = matcher.act({ ...BUY, remainingLots: 15 }).trades.map(({ makerOrderId }) => makerOrderId);
  expect(makers).toEqual([2, 1, 3]);
});
