import { describe, expect, test } from 'vitest';
import type { InstrumentUpdateFields } from '../../../core/protocol/command-encoder.ts';
import { OrderFlag, OrderType, TimeInForce } from '../../../core/protocol/kinds.ts';
import { TradingDesk } from '../../support/trading-desk.ts';

const IOC = { timeInForce: TimeInForce.IOC };
const FOK = { timeInForce: TimeInForce.FOK };
const FIVE_PERCENT = { priceBandPpm: 50_000 };

/** Last trade at 1,000; a band of 5 %: 950 … 1,050. */
function bandedDesk(): TradingDesk {
  const desk = new TradingDesk();
  desk.sell(1_000, 1);
  desk.buy(1_000, 1);
  expect(desk.update(FIVE_PERCENT)).toBe(true);
  return desk;
}

describe('a price band around the last trade', () => {
  test('lets trade at its edge, not one tick beyond, whatever the limit', () => {
    const desk = bandedDesk();
    const [edge, beyond] = [desk.sell(1_050, 2), desk.sell(1_051, 2)];
    const taker = desk.buy(2_000, 5);
    expect(taker.story).toEqual([
      `FILLED ${edge.orderId} by ${taker.orderId}: 2 at 1050`,
      `CANCELLED ${taker.orderId}: 3 PRICE_BAND`,
    ]);
    expect(desk.cancel(beyond)).toBe(2);
  });

  test('on the selling side alike', () => {
    const desk = bandedDesk();
    desk.buy(950, 2);
    desk.buy(949, 2);
    expect(desk.sell(1, 5)).toMatchObject({ trades: [{ priceTicks: 950 }], cancelled: [3, 'PRICE_BAND'] });
  });

  test('holds against a better price too: what rests outside trades with nobody', () => {
    const desk = bandedDesk();
    desk.sell(900, 2);
    expect(desk.buy(1_000, 5)).toMatchObject({ trades: [], cancelled: [5, 'PRICE_BAND'] });
    desk.massCancel(0);
    desk.buy(1_100, 2);
    expect(desk.sell(1_000, 5)).toMatchObject({ trades: [], cancelled: [5, 'PRICE_BAND'] });
  });

  test('lets orders rest outside of it', () => {
    const desk = bandedDesk();
    expect(desk.buy(10, 1).bookedLots).toBe(1);
    expect(desk.sell(9_999, 1).bookedLots).toBe(1);
  });

  test('moves with the last trade from one command to the next, never within one', () => {
    const desk = bandedDesk();
    for (const price of [1_050, 1_102, 1_103]) desk.sell(price, 1);
    expect(desk.buy(2_000, 3)).toMatchObject({ trades: [{ priceTicks: 1_050 }], cancelled: [2, 'PRICE_BAND'] });
    expect(desk.buy(2_000, 2)).toMatchObject({ trades: [{ priceTicks: 1_102 }], cancelled: [1, 'PRICE_BAND'] });
  });

  test('holds the stops of a cascade to the price before the command', () => {
    const desk = bandedDesk();
    const stop = desk.buy(2_000, 1, {
      orderType: OrderType.STOP_MARKET,
      stopPriceTicks: 1_040,
      accountId: 104,
      ...IOC,
    });
    desk.sell(1_040, 1);
    desk.sell(1_051, 1);
    expect(desk.buy(1_040, 1).story.slice(1)).toEqual([
      `TRIGGERED ${stop.orderId}: 1`,
      `CANCELLED ${stop.orderId}: 1 PRICE_BAND`,
    ]);
  });

  test('kills a fill-or-kill order that it keeps from being filled, and only such a one', () => {
    const desk = bandedDesk();
    desk.sell(1_050, 2);
    expect(desk.buy(2_000, 3, FOK).cancelled).toEqual([3, 'FILL_OR_KILL']);
    desk.sell(1_051, 2);
    expect(desk.buy(1_050, 3, FOK).cancelled).toEqual([3, 'FILL_OR_KILL']);
    expect(desk.buy(1_051, 3, FOK).cancelled).toEqual([3, 'PRICE_BAND']);
    expect(desk.buy(1_051, 2, FOK).trades).toHaveLength(1);
  });

  test('holds a buy by budget, and an amended order', () => {
    const desk = bandedDesk();
    desk.sell(1_051, 2);
    const budget = { orderType: OrderType.MARKET, flags: OrderFlag.BY_BUDGET, budgetUnits: 2n ** 60n, ...IOC };
    expect(desk.buy(2_000, 0, budget).story[0]).toContain('PRICE_BAND');
    const order = desk.buy(900, 1);
    expect(desk.amend(order, { side: 0, priceTicks: 1_051, quantityLots: 1 }).cancelled).toEqual([1, 'PRICE_BAND']);
  });

  test('is none before the first trade, and none once it is taken away', () => {
    const desk = new TradingDesk();
    desk.update(FIVE_PERCENT);
    desk.sell(5_000, 1);
    expect(desk.buy(5_000, 1).trades).toHaveLength(1);
    desk.sell(6_000, 1);
    expect(desk.buy(6_000, 1).cancelled).toEqual([1, 'PRICE_BAND']);
    desk.update({ priceBandPpm: 0 });
    expect(desk.buy(6_000, 1).trades).toHaveLength(1);
  });

  test('of less than a tick lets trade at the last price alone; of 100 % up to twice it', () => {
    const desk = bandedDesk();
    desk.update({ priceBandPpm: 999 });
    desk.sell(1_001, 1);
    expect(desk.buy(1_001, 1).cancelled).toEqual([1, 'PRICE_BAND']);
    desk.massCancel(0);
    desk.update({ priceBandPpm: 1_000_000 });
    desk.sell(2_000, 1);
    desk.sell(2_001, 1);
    expect(desk.buy(3_000, 2)).toMatchObject({ trades: [{ priceTicks: 2_000 }], cancelled: [1, 'PRICE_BAND'] });
  });
});

test("an operator's reference price takes the last trade's place, also before the first trade", () => {
  const desk = new TradingDesk();
  desk.update({ ...FIVE_PERCENT, referencePriceTicks: 1_000 });
  desk.sell(1_051, 1);
  expect(desk.buy(1_051, 1).cancelled).toEqual([1, 'PRICE_BAND']);
  desk.sell(1_050, 1);
  expect(desk.buy(1_051, 2)).toMatchObject({ trades: [{ priceTicks: 1_050 }], cancelled: [1, 'PRICE_BAND'] });
  expect(desk.buy(1_051, 1).cancelled).toEqual([1, 'PRICE_BAND']); // the trade at 1,050 moved nothing
  desk.update(FIVE_PERCENT);
  expect(desk.buy(1_051, 1).trades).toHaveLength(1);
});

describe('minimum and maximum', () => {
  test('hold for new orders and amends from then on; what rests stays', () => {
    const desk = new TradingDesk();
    const resting = desk.buy(100, 1);
    expect(desk.update({ minQuantityLots: 5, maxQuantityLots: 10 })).toBe(true);
    expect(desk.buy(100, 4).rejected).toBe('QUANTITY_OUT_OF_RANGE');
    expect(desk.buy(100, 5).bookedLots).toBe(5);
    expect(desk.buy(100, 10).bookedLots).toBe(10);
    expect(desk.buy(100, 11).rejected).toBe('QUANTITY_OUT_OF_RANGE');
    const amended = { side: 0, priceTicks: 100, quantityLots: 4 } as const;
    expect(desk.amend(resting, amended).story[0]).toContain('QUANTITY_OUT_OF_RANGE');
    expect(desk.amend(resting, { ...amended, quantityLots: 5 }).bookedLots).toBe(5);
  });
});

describe('an update is refused', () => {
  test.each<[string, Partial<InstrumentUpdateFields>, string]>([
    ['an unknown instrument', { instrumentId: 4 }, 'UNKNOWN_INSTRUMENT'],
    ['a reference below zero', { referencePriceTicks: -1 }, 'PRICE_OUT_OF_RANGE'],
    ['a band above 100 %', { priceBandPpm: 1_000_001 }, 'MALFORMED'],
    ['a maker rate above 100 %', { makerRatePpm: 1_000_001 }, 'MALFORMED'],
    ['a taker rate above 100 %', { takerRatePpm: 1_000_001 }, 'MALFORMED'],
    ['a minimum of 0', { minQuantityLots: 0 }, 'QUANTITY_OUT_OF_RANGE'],
    ['half a lot', { minQuantityLots: 1.5 }, 'QUANTITY_OUT_OF_RANGE'],
    ['a maximum below the minimum', { minQuantityLots: 5, maxQuantityLots: 4 }, 'QUANTITY_OUT_OF_RANGE'],
    ['a maximum of 2^53', { maxQuantityLots: 2 ** 53 }, 'QUANTITY_OUT_OF_RANGE'],
    ['no number', { maxQuantityLots: Number.NaN }, 'QUANTITY_OUT_OF_RANGE'],
  ])('%s', (_, wrong, reason) => {
    const desk = new TradingDesk();
    const before = desk.buy(100, 1);
    expect(desk.update(wrong)).toBe(reason);
    expect(desk.buy(100, 1).bookedLots).toBe(1);
    expect(desk.cancel(before)).toBe(1);
  });

  test('the widest band and the highest rates are taken', () => {
    const widest = { priceBandPpm: 1_000_000, makerRatePpm: 1_000_000, takerRatePpm: 1_000_000 };
    expect(new TradingDesk().update({ ...widest, referencePriceTicks: 2 ** 31 - 1 })).toBe(true);
  });
});
