import { describe, expect, test } from 'vitest';
import { MAX_QUANTITY_LOTS } from '../../../core/money/instrument.ts';
import { TimeInForce } from '../../../core/protocol/kinds.ts';
import { TradingDesk } from '../../support/trading-desk.ts';

const IOC = { timeInForce: TimeInForce.IOC };
const HALF = 2 ** 52;

describe('lots of a side', () => {
  test('reach 2^53 - 1 in one order or two, and not one more', () => {
    const desk = new TradingDesk();
    const first = desk.sell(100, HALF);
    expect(desk.sell(100, HALF).rejected).toBe('LEVEL_FULL');
    const second = desk.sell(100, HALF - 1);
    expect(second.bookedLots).toBe(HALF - 1);
    expect(desk.sell(100, 1).rejected).toBe('LEVEL_FULL');
    expect(desk.sell(5_000, 1).rejected).toBe('LEVEL_FULL'); // another level, the same side
    expect(desk.cancel(first)).toBe(HALF);
    expect(desk.sell(100, HALF).bookedLots).toBe(HALF);
  });

  test('are counted by instrument and side', () => {
    const desk = new TradingDesk();
    expect(desk.sell(100, MAX_QUANTITY_LOTS).bookedLots).toBe(MAX_QUANTITY_LOTS);
    expect(desk.buy(99, MAX_QUANTITY_LOTS).bookedLots).toBe(MAX_QUANTITY_LOTS);
    expect(desk.sell(100, 2 ** 52, { instrumentId: 3 }).bookedLots).toBe(2 ** 52);
  });

  test('a full side trades to the last lot: IOC and FOK are not held to its limit', () => {
    const desk = new TradingDesk();
    desk.sell(100, MAX_QUANTITY_LOTS - 1);
    desk.sell(101, 1);
    const fok = { timeInForce: TimeInForce.FOK };
    expect(desk.buy(100, MAX_QUANTITY_LOTS, fok).cancelled).toEqual([MAX_QUANTITY_LOTS, 'FILL_OR_KILL']);
    const sweep = desk.buy(101, MAX_QUANTITY_LOTS, fok);
    expect(sweep.trades.map((trade) => trade.quantityLots)).toEqual([MAX_QUANTITY_LOTS - 1, 1]);
    expect(desk.sell(100, 1).bookedLots).toBe(1);
  });

  test('are free again after trades, to the lot', () => {
    const desk = new TradingDesk();
    desk.sell(100, MAX_QUANTITY_LOTS);
    desk.buy(100, 3, IOC);
    expect(desk.sell(100, 4).rejected).toBe('LEVEL_FULL');
    expect(desk.sell(100, 3).bookedLots).toBe(3);
  });
});

describe('quantities', () => {
  test.each([0, -1, 0.5, Number.NaN, Infinity, -Infinity, 2 ** 53, 1e300])('%d is refused', (quantityLots) => {
    expect(new TradingDesk().buy(100, quantityLots).rejected).toBe('QUANTITY_OUT_OF_RANGE');
  });

  test("an instrument's minimum and maximum pass, one beyond does not", () => {
    const desk = new TradingDesk();
    const on = { instrumentId: 2 }; // 10 … 1,000
    expect(desk.buy(100, 9, on).rejected).toBe('QUANTITY_OUT_OF_RANGE');
    expect(desk.buy(100, 10, on).bookedLots).toBe(10);
    expect(desk.buy(100, 1_000, on).bookedLots).toBe(1_000);
    expect(desk.buy(100, 1_001, on).rejected).toBe('QUANTITY_OUT_OF_RANGE');
  });
});

describe('room for orders', () => {
  const limits = { maxOrders: 3, maxLevels: 10, maxInstruments: 3 };

  test('is used to the last slot, then BOOK_FULL, then free after a cancel', () => {
    const desk = new TradingDesk({ limits });
    const [first] = [desk.buy(100, 1), desk.buy(99, 1), desk.sell(200, 2, { instrumentId: 3 })];
    expect(desk.harness.engine.restingOrders).toBe(3);
    expect(desk.buy(100, 1).rejected).toBe('BOOK_FULL');
    expect(desk.cancel(first!)).toBe(1);
    expect(desk.buy(100, 1).bookedLots).toBe(1);
    expect(desk.buy(100, 1).rejected).toBe('BOOK_FULL');
  });

  test('is asked of a GTC order even when it would trade, never of an IOC order', () => {
    const desk = new TradingDesk({ limits });
    for (const price of [100, 101, 102]) desk.sell(price, 1);
    expect(desk.buy(100, 1).rejected).toBe('BOOK_FULL');
    expect(desk.buy(100, 1, IOC).trades).toHaveLength(1);
    expect(desk.buy(50, 1).bookedLots).toBe(1);
  });
});

describe('room for price levels', () => {
  const limits = { maxOrders: 10, maxLevels: 2, maxInstruments: 3 };

  test('is used to the last level, then LEVELS_FULL, while orders at known prices still rest', () => {
    const desk = new TradingDesk({ limits });
    const first = desk.buy(100, 1);
    desk.sell(200, 1);
    expect(desk.buy(99, 1).rejected).toBe('LEVELS_FULL');
    const behind = desk.buy(100, 1);
    expect(behind.bookedLots).toBe(1);
    desk.cancel(first);
    expect(desk.buy(99, 1).rejected).toBe('LEVELS_FULL'); // the level still has an order
    desk.cancel(behind);
    expect(desk.buy(99, 1).bookedLots).toBe(1);
  });

  test('the same price on the other side is another level', () => {
    const desk = new TradingDesk({ limits: { ...limits, maxLevels: 1 } });
    desk.sell(100, 5);
    expect(desk.buy(100, 6).rejected).toBe('LEVELS_FULL');
    expect(desk.buy(100, 5, IOC).trades).toHaveLength(1);
    expect(desk.buy(100, 6).bookedLots).toBe(6);
  });

  test('every level can be at a price far from all others, on all books at once', () => {
    const maxLevels = 600;
    const desk = new TradingDesk({ limits: { maxOrders: 2 * maxLevels, maxLevels, maxInstruments: 3 } });
    const perSide = maxLevels / 6;
    const step = Math.floor((2 ** 30 - 1) / perSide);
    for (const instrumentId of [1, 2, 3])
      for (let index = 0; index < perSide; index++) {
        expect(desk.buy(1 + index * step, 10, { instrumentId }).bookedLots).toBe(10);
        expect(desk.sell(2 ** 31 - 1 - index * step, 10, { instrumentId }).bookedLots).toBe(10);
      }
    expect(desk.buy(7, 10).rejected).toBe('LEVELS_FULL');
    expect(desk.sell(1, 10 * perSide, IOC).trades).toHaveLength(perSide);
    expect(desk.buy(7, 10).bookedLots).toBe(10);
  });

  test('prices too far apart for the index are LEVELS_FULL too, near ones and freed ones are not', () => {
    const maxLevels = 4_096;
    const desk = new TradingDesk({ limits: { maxOrders: maxLevels, maxLevels, maxInstruments: 3 } });
    const far = 2 ** 20;
    let placed = desk.buy(far, 1);
    let levels = 1;
    for (let next = placed; next.rejected === null; next = desk.buy((levels + 1) * far, 1), levels += 1) placed = next;
    expect(levels).toBeGreaterThan(1_000);
    expect(levels).toBeLessThan(maxLevels);
    expect(desk.buy(1_500 * far, 1).rejected).toBe('LEVELS_FULL');
    expect(desk.buy(far + 1, 1).bookedLots).toBe(1);
    expect(desk.cancel(placed)).toBe(1);
    expect(desk.buy(1_500 * far, 1).bookedLots).toBe(1);
    const sweep = desk.sell(1, levels + 10);
    expect(sweep.rejected).toBe('LEVELS_FULL'); // asked before it trades, like every GTC order
    // This price lies on pages in use, which its own trade gives back before it rests there.
    expect(desk.sell(1_500 * far, 5)).toMatchObject({ rejected: null, trades: [{ quantityLots: 1 }], bookedLots: 4 });
    expect(desk.buy(1_500 * far, 4, IOC).trades).toHaveLength(1);
  });

  test('many prices, far apart, come and go without using the room up', () => {
    const desk = new TradingDesk({ limits: { maxOrders: 4, maxLevels: 4, maxInstruments: 3 } });
    for (let step = 0; step < 3_000; step++) {
      const order = desk.buy(1 + ((step * 715_827) % (2 ** 31 - 2)), 1);
      expect(order.bookedLots, `step ${step}`).toBe(1);
      expect(desk.cancel(order)).toBe(1);
    }
  });
});
