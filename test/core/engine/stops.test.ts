import { describe, expect, test } from 'vitest';
import { MAX_PRICE_TICKS } from '../../../core/money/instrument.ts';
import { InstrumentState, OrderFlag, OrderType, TimeInForce } from '../../../core/protocol/kinds.ts';
import { type OrderOptions, TradingDesk } from '../../support/trading-desk.ts';

const IOC = { timeInForce: TimeInForce.IOC };
const OTHERS = { accountId: 103 };

function stopLimit(stopPriceTicks: number, more: OrderOptions = {}): OrderOptions {
  return { orderType: OrderType.STOP_LIMIT, stopPriceTicks, accountId: 104, ...more };
}
function stopMarket(stopPriceTicks: number, more: OrderOptions = {}): OrderOptions {
  return { orderType: OrderType.STOP_MARKET, timeInForce: TimeInForce.IOC, stopPriceTicks, accountId: 104, ...more };
}

/** Lets one lot trade at that price and leaves nothing in the book. @returns the story of the taker's command */
function tradeAt(desk: TradingDesk, priceTicks: number): readonly string[] {
  desk.sell(priceTicks, 1, OTHERS);
  return desk.buy(priceTicks, 1, { accountId: 105 }).story;
}

describe('a stop waits', () => {
  test('out of the book: nobody trades with it', () => {
    const desk = new TradingDesk();
    const stop = desk.buy(120, 5, stopLimit(110));
    expect(stop).toMatchObject({ waitingLots: 5, bookedLots: 0, trades: [], cancelled: null });
    expect(desk.sell(1, 1, IOC).trades).toEqual([]);
    expect(desk.harness.engine.restingOrders).toBe(1);
  });

  test('until it is cancelled, by slot and generation', () => {
    const desk = new TradingDesk();
    const stop = desk.sell(80, 5, stopMarket(90));
    expect(desk.cancel({ ...stop, generation: stop.generation + 1 })).toBe('UNKNOWN_ORDER');
    expect(desk.cancel(stop)).toBe(5);
    expect(desk.cancel(stop)).toBe('UNKNOWN_ORDER');
    expect(tradeAt(desk, 85)).toHaveLength(1);
  });

  test('until a mass cancel, or its expiry', () => {
    const desk = new TradingDesk();
    const stop = desk.buy(120, 5, stopLimit(110));
    expect(desk.massCancel(104)).toEqual([stop.orderId]);
    const timed = desk.buy(120, 5, stopLimit(110, { timeInForce: TimeInForce.GTD, expiresAtMs: 1_100 }));
    expect(desk.advanceTime(100)).toEqual([`EXPIRED ${timed.orderId}: 5`]);
  });

  test.each([
    [1, 'buy'],
    [MAX_PRICE_TICKS, 'sell'],
  ] as const)('before the first trade, wherever its stop is: %d, %s', (stopTicks, side) => {
    const desk = new TradingDesk();
    expect(desk[side](100, 5, stopLimit(stopTicks)).waitingLots).toBe(5);
  });

  test('while nothing trades: orders that only rest or are cancelled trigger nothing', () => {
    const desk = new TradingDesk();
    desk.buy(120, 5, stopLimit(110));
    desk.cancel(desk.sell(115, 1));
    expect(desk.buy(114, 1).story).toHaveLength(1);
  });
});

describe('a stop triggers', () => {
  test.each([
    ['buy', 109, false],
    ['buy', 110, true],
    ['buy', 111, true],
    ['sell', 111, false],
    ['sell', 110, true],
    ['sell', 109, true],
  ] as const)('a %s with stop 110 by a trade at %d: %s', (side, priceTicks, isTriggered) => {
    const desk = new TradingDesk();
    const stop = desk[side](110, 5, stopLimit(110));
    const story = tradeAt(desk, priceTicks);
    expect(story.includes(`TRIGGERED ${stop.orderId}: 5`)).toBe(isTriggered);
  });

  test('at once when the last trade has reached it already', () => {
    const desk = new TradingDesk();
    tradeAt(desk, 100);
    expect(desk.buy(90, 5, stopLimit(100)).story[0]).toContain('TRIGGERED');
    expect(desk.buy(90, 5, stopLimit(101)).waitingLots).toBe(5);
    expect(desk.sell(120, 5, stopLimit(100)).story[0]).toContain('TRIGGERED');
    expect(desk.sell(120, 5, stopLimit(99)).waitingLots).toBe(5);
  });

  test('by any trade of a sweep, not only by its last', () => {
    const desk = new TradingDesk();
    tradeAt(desk, 100);
    desk.sell(92, 1, OTHERS);
    desk.sell(105, 1, OTHERS);
    const stop = desk.sell(300, 5, stopLimit(95));
    const sweep = desk.buy(105, 2);
    expect(sweep.story.slice(2)).toEqual([`TRIGGERED ${stop.orderId}: 5`, `BOOKED ${stop.orderId}: 5`]);
  });

  test('a stop-limit rests at its limit then, behind those already there, at a place of its own', () => {
    const desk = new TradingDesk();
    const stop = desk.buy(108, 5, stopLimit(110));
    const there = desk.buy(108, 1, { accountId: 106 });
    desk.sell(110, 1, OTHERS);
    expect(desk.buy(110, 1, { accountId: 105 }).story).toEqual([
      expect.stringContaining('FILLED'),
      `TRIGGERED ${stop.orderId}: 5`,
      `BOOKED ${stop.orderId}: 5`,
    ]);
    expect(desk.cancel(stop)).toBe('UNKNOWN_ORDER'); // the place where it waited is gone
    expect(desk.sell(108, 6).trades.map((trade) => trade.makerOrderId)).toEqual([there.orderId, stop.orderId]);
  });

  test('a stop-market takes what its protection price reaches, and its rest is cancelled', () => {
    const desk = new TradingDesk();
    const stop = desk.buy(112, 5, stopMarket(110));
    const [first, second, third] = [desk.sell(110, 2), desk.sell(112, 2), desk.sell(113, 2)];
    const story = desk.buy(110, 1).story;
    expect(story.slice(1)).toEqual([
      `TRIGGERED ${stop.orderId}: 5`,
      `FILLED ${first.orderId} by ${stop.orderId}: 1 at 110`,
      `FILLED ${second.orderId} by ${stop.orderId}: 2 at 112`,
      `CANCELLED ${stop.orderId}: 2 MARKET_REMAINDER`,
    ]);
    expect(desk.cancel(third)).toBe(2);
  });

  test('IOC and FOK count from then on', () => {
    const desk = new TradingDesk();
    const immediate = desk.buy(108, 5, stopLimit(110, IOC));
    const all = desk.buy(110, 5, stopLimit(110, { timeInForce: TimeInForce.FOK }));
    expect(tradeAt(desk, 110).slice(1)).toEqual([
      `TRIGGERED ${immediate.orderId}: 5`,
      `CANCELLED ${immediate.orderId}: 5 IMMEDIATE_OR_CANCEL`,
      `TRIGGERED ${all.orderId}: 5`,
      `CANCELLED ${all.orderId}: 5 FILL_OR_KILL`,
    ]);
  });

  test('a stop-limit good till a date rests until then', () => {
    const desk = new TradingDesk();
    const stop = desk.buy(108, 5, stopLimit(110, { timeInForce: TimeInForce.GTD, expiresAtMs: 1_100 }));
    expect(tradeAt(desk, 110).at(-1)).toBe(`BOOKED ${stop.orderId}: 5`);
    expect(desk.advanceTime(100)).toEqual([`EXPIRED ${stop.orderId}: 5`]);
  });
});

describe('many stops', () => {
  test('go off nearest first, at one price oldest first, buys before sells', () => {
    const desk = new TradingDesk();
    const far = desk.buy(50, 1, stopLimit(112));
    const near = desk.buy(50, 1, stopLimit(110));
    const nearYounger = desk.buy(50, 1, stopLimit(110));
    const beyond = desk.buy(50, 1, stopLimit(113));
    const sellFar = desk.sell(300, 1, stopLimit(95));
    const sellNear = desk.sell(300, 1, stopLimit(99));
    for (const price of [95, 112]) desk.sell(price, 1, OTHERS);
    const triggered = desk.buy(112, 2).story.filter((line) => line.startsWith('TRIGGERED'));
    expect(triggered).toEqual(
      [near, nearYounger, far, sellNear, sellFar].map(({ orderId }) => `TRIGGERED ${orderId}: 1`),
    );
    expect(desk.cancel(beyond)).toBe(1);
  });

  test('set each other off within one command: a cascade', () => {
    const desk = new TradingDesk();
    const stops = [111, 112, 113].map((stopTicks) => desk.buy(stopTicks, 1, stopMarket(stopTicks - 1)));
    const makers = [110, 111, 112, 113].map((priceTicks) => desk.sell(priceTicks, 1));
    const taker = desk.buy(110, 1);
    expect(taker.story).toEqual([
      `FILLED ${makers[0]!.orderId} by ${taker.orderId}: 1 at 110`,
      ...stops.flatMap((stop, index) => [
        `TRIGGERED ${stop.orderId}: 1`,
        `FILLED ${makers[index + 1]!.orderId} by ${stop.orderId}: 1 at ${111 + index}`,
      ]),
    ]);
  });

  test('a triggered sell that falls through the market sets off the sells below it', () => {
    const desk = new TradingDesk();
    const stops = [100, 98].map((stopTicks) => desk.sell(1, 2, stopMarket(stopTicks)));
    const makers = [100, 99, 98, 97].map((priceTicks) => desk.buy(priceTicks, 1));
    const taker = desk.sell(100, 1, OTHERS);
    expect(taker.story).toEqual([
      `FILLED ${makers[0]!.orderId} by ${taker.orderId}: 1 at 100`,
      `TRIGGERED ${stops[0]!.orderId}: 2`,
      `FILLED ${makers[1]!.orderId} by ${stops[0]!.orderId}: 1 at 99`,
      `FILLED ${makers[2]!.orderId} by ${stops[0]!.orderId}: 1 at 98`,
      `TRIGGERED ${stops[1]!.orderId}: 2`,
      `FILLED ${makers[3]!.orderId} by ${stops[1]!.orderId}: 1 at 97`,
      `CANCELLED ${stops[1]!.orderId}: 1 MARKET_REMAINDER`,
    ]);
  });

  test('a thousand go off in one command through an event ring of 16 slots', () => {
    const desk = new TradingDesk({ ringSlots: 16 });
    for (let index = 0; index < 1_000; index++) desk.buy(2 + index, 1, stopMarket(1 + index, { accountId: 104 }));
    for (let index = 0; index <= 1_000; index++) desk.sell(1 + index, 1);
    expect(desk.buy(1, 1).story).toHaveLength(2_001);
    expect(desk.harness.engine.restingOrders).toBe(0);
  });
});

describe('room', () => {
  test('a stop takes an order slot and a price level of its own', () => {
    const desk = new TradingDesk({ limits: { maxOrders: 3, maxLevels: 2, maxInstruments: 3 } });
    const stop = desk.buy(100, 1, stopLimit(100));
    desk.buy(100, 1);
    expect(desk.buy(100, 1, stopLimit(101)).rejected).toBe('LEVELS_FULL');
    expect(desk.buy(100, 1, stopLimit(100)).waitingLots).toBe(1);
    expect(desk.buy(100, 1, stopLimit(100)).rejected).toBe('BOOK_FULL');
    desk.cancel(stop);
    expect(desk.buy(100, 1, stopLimit(100)).waitingLots).toBe(1);
  });

  test('a triggered stop that would rest where there is no level left is cancelled', () => {
    const desk = new TradingDesk({ limits: { maxOrders: 10, maxLevels: 3, maxInstruments: 3 } });
    const stops = [desk.buy(90, 1, stopLimit(110)), desk.buy(91, 1, stopLimit(110))];
    desk.buy(50, 1, OTHERS);
    desk.sell(110, 2, OTHERS);
    expect(desk.buy(110, 1, { accountId: 105, ...IOC }).story.slice(1)).toEqual([
      `TRIGGERED ${stops[0]!.orderId}: 1`, // the other still waits at its stop level
      `CANCELLED ${stops[0]!.orderId}: 1 BOOK_FULL`,
      `TRIGGERED ${stops[1]!.orderId}: 1`,
      `BOOKED ${stops[1]!.orderId}: 1`,
    ]);
  });

  test('a triggered stop whose lots the side can no longer count is cancelled', () => {
    const desk = new TradingDesk();
    const stop = desk.buy(90, 2, stopLimit(110));
    desk.buy(80, 2 ** 53 - 2, OTHERS);
    expect(tradeAt(desk, 110).slice(1)).toEqual([
      `TRIGGERED ${stop.orderId}: 2`,
      `CANCELLED ${stop.orderId}: 2 BOOK_FULL`,
    ]);
  });
});

describe('what is refused', () => {
  test.each([0, -1, -(2 ** 31)])('a stop price of %d', (stopTicks) => {
    expect(new TradingDesk().buy(100, 1, stopLimit(stopTicks)).rejected).toBe('STOP_PRICE_OUT_OF_RANGE');
  });

  test.each<[string, OrderOptions]>([
    ['post-only', { flags: OrderFlag.POST_ONLY }],
    ['untriggered, which only events say', { flags: OrderFlag.UNTRIGGERED }],
    ['of an order type that is none', { orderType: 4 as OrderType }],
  ])('a stop that is %s', (_, wrong) => {
    expect(new TradingDesk().buy(100, 1, stopLimit(110, wrong)).rejected).toBe('MALFORMED');
  });

  test.each([TimeInForce.GTC, TimeInForce.GTD])(
    'a stop-market with time in force %d, as it never rests',
    (timeInForce) => {
      const stop = stopMarket(110, { timeInForce, expiresAtMs: 2_000 });
      expect(new TradingDesk().buy(100, 1, stop).rejected).toBe('MALFORMED');
    },
  );

  test('any stop while the instrument does not trade; those that wait, wait on', () => {
    const desk = new TradingDesk();
    const stop = desk.buy(100, 1, stopLimit(110));
    for (const [state, reason] of [
      [InstrumentState.HALTED, 'INSTRUMENT_HALTED'],
      [InstrumentState.CANCEL_ONLY, 'INSTRUMENT_CANCEL_ONLY'],
      [InstrumentState.POST_ONLY, 'INSTRUMENT_POST_ONLY'],
    ] as const) {
      desk.setState(state);
      expect(desk.buy(100, 1, stopLimit(110)).rejected).toBe(reason);
    }
    expect(desk.cancel(stop)).toBe(1);
  });
});
