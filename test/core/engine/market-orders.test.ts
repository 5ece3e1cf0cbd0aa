import { describe, expect, test } from 'vitest';
import { OrderFlag, OrderType, TimeInForce } from '../../../core/protocol/kinds.ts';
import { TradingDesk } from '../../support/trading-desk.ts';

const MARKET = { orderType: OrderType.MARKET, timeInForce: TimeInForce.IOC };
const MARKET_FOK = { orderType: OrderType.MARKET, timeInForce: TimeInForce.FOK };

describe('a market order by quantity', () => {
  test('trades up to its protection price, at the prices of the makers, and its remainder is cancelled', () => {
    const desk = new TradingDesk();
    for (const price of [100, 105, 106]) desk.sell(price, 2);
    const taker = desk.buy(105, 10, MARKET);
    expect(taker.trades.map((trade) => trade.priceTicks)).toEqual([100, 105]);
    expect(taker).toMatchObject({ cancelled: [6, 'MARKET_REMAINDER'], bookedLots: 0 });
    expect(desk.sell(105, 1).trades).toEqual([]);
  });

  test('on the selling side trades down to its protection price', () => {
    const desk = new TradingDesk();
    for (const price of [100, 95, 94]) desk.buy(price, 2);
    const taker = desk.sell(95, 10, MARKET);
    expect(taker.trades.map((trade) => trade.priceTicks)).toEqual([100, 95]);
    expect(taker.cancelled).toEqual([6, 'MARKET_REMAINDER']);
  });

  test('that is filled leaves nothing to cancel', () => {
    const desk = new TradingDesk();
    desk.sell(100, 5);
    expect(desk.buy(100, 5, MARKET)).toMatchObject({ cancelled: null, trades: [{ quantityLots: 5 }] });
  });

  test('in an empty book is accepted and cancelled whole', () => {
    expect(new TradingDesk().buy(100, 5, MARKET)).toMatchObject({ trades: [], cancelled: [5, 'MARKET_REMAINDER'] });
  });

  test('fill-or-kill trades all or nothing', () => {
    const desk = new TradingDesk();
    desk.sell(100, 5);
    expect(desk.buy(100, 6, MARKET_FOK)).toMatchObject({ trades: [], cancelled: [6, 'FILL_OR_KILL'] });
    expect(desk.buy(100, 5, MARKET_FOK).trades).toHaveLength(1);
  });

  test('stops at an own order', () => {
    const desk = new TradingDesk();
    desk.sell(100, 5, { accountId: 101 });
    expect(desk.buy(100, 6, MARKET)).toMatchObject({ trades: [], cancelled: [6, 'SELF_TRADE'] });
  });

  test('needs no room in the book', () => {
    const desk = new TradingDesk({ limits: { maxOrders: 1, maxLevels: 1, maxInstruments: 3 } });
    desk.sell(100, 5);
    expect(desk.buy(100, 2, MARKET).trades).toHaveLength(1);
  });

  test.each([
    ['good till cancelled', { timeInForce: TimeInForce.GTC }],
    ['post-only', { flags: OrderFlag.POST_ONLY }],
  ])('that is %s is malformed', (_, wrong) => {
    expect(new TradingDesk().buy(100, 5, { ...MARKET, ...wrong }).rejected).toBe('MALFORMED');
  });

  test.each([0, -1])('without a protection price (%d) is refused', (priceTicks) => {
    expect(new TradingDesk().buy(priceTicks, 5, MARKET).rejected).toBe('PRICE_OUT_OF_RANGE');
  });
});
