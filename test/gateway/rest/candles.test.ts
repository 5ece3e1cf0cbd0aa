import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { putClockAhead } from '../../support/clock-ahead.ts';
import { InlineExchange, type TestAccount } from '../../support/inline-exchange.ts';

const MINUTE_MS = 60_000;
let exchange: InlineExchange;
let alice: TestAccount;
let bob: TestAccount;

beforeEach(async () => {
  exchange = await InlineExchange.start();
  alice = await exchange.account();
  bob = await exchange.account();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await exchange.close();
});

async function trade(amount: string, price: string): Promise<void> {
  await exchange.order(alice, 'sell', amount, price);
  await exchange.order(bob, 'buy', amount, price);
}

const candles = async (frame: string, query = '') => (await exchange.get(`/v2/candles/BTCUSD/${frame}${query}`)).body;
const minuteOf = (timestampMs: number): number => timestampMs - (timestampMs % MINUTE_MS);

/** So that trades which follow each other fall into one minute, whenever the test runs. */
function standInMinute(): number {
  const startMs = minuteOf(Date.now()) + MINUTE_MS;
  vi.spyOn(Date, 'now').mockImplementation(() => startMs + 10_000);
  return startMs;
}

test('a trade that was answered is in the candles of every size, as numbers, newest first', async () => {
  expect(await candles('1m')).toEqual([]);
  const startMs = standInMinute();
  await trade('0.5', '64000.25');
  await trade('0.25', '64010.00');
  await trade('0.00001', '63999.99');
  expect(await candles('1m')).toEqual([[startMs, 64_000.25, 64_010, 63_999.99, 63_999.99, 0.75001]]);
  for (const frame of [
    '5m',
    '15m',
    '30m',
    '1h',
    '1hr',
    '4h',
    '4hr',
    '6h',
    '6hr',
    '1d',
    '1day',
    '1w',
    '1week',
    '1M',
    '1month',
  ])
    expect(await candles(frame)).toMatchObject([
      [expect.any(Number), 64_000.25, 64_010, 63_999.99, 63_999.99, 0.75001],
    ]);
  expect(await exchange.get('/v2/candles/ethusd/1m')).toEqual({ status: 200, body: [] });
});

test('minutes without a trade are flat at the last price, up to the present one', async () => {
  const startMs = standInMinute();
  await trade('1', '100.00');
  vi.restoreAllMocks();
  vi.spyOn(Date, 'now').mockImplementation(() => startMs + 3 * MINUTE_MS + 5_000);
  const flat = (minutes: number) => [startMs + minutes * MINUTE_MS, 100, 100, 100, 100, 0];
  expect(await candles('1m')).toEqual([flat(3), flat(2), flat(1), [startMs, 100, 100, 100, 100, 1]]);
  expect(await candles('1m', '?limit_candles=2')).toEqual([flat(3), flat(2)]);
  expect(await candles('1m', `?since=${startMs + 1}&limit_candles=2`)).toEqual([flat(2), flat(1)]);
  expect(await candles('1m', `?timestamp=${startMs / 1_000}`)).toHaveLength(4);
  expect(await candles('1m', `?since=${startMs + 4 * MINUTE_MS}`)).toEqual([]);
  const first = [startMs, 100, 100, 100, 100, 1];
  expect(await candles('1m', '?since=0')).toEqual([flat(3), flat(2), flat(1), first]);
  expect(await candles('1m', `?since=${startMs - MINUTE_MS}&limit_candles=2`)).toEqual([flat(1), first]);
  expect((await exchange.get('/v2/candles/ethusd/1m?since=0')).body).toEqual([]);
});

test('quantities that no double holds are written digit by digit', async () => {
  for (let round = 0; round < 3; round++) await trade('30.12345671', '20.00');
  const text = await (await fetch(`${exchange.baseUrl}/v2/candles/btcusd/1M`)).text();
  expect(text).toMatch(/^\[\[\d+,20\.00,20\.00,20\.00,20\.00,90\.37037013\]\]$/);
});

test('an unknown symbol, time frame, limit or time is told what there is', async () => {
  const refused = (message: RegExp) => ({
    status: 400,
    body: { result: 'error', message: expect.stringMatching(message) },
  });
  expect(await exchange.get('/v2/candles/nousd/1m')).toMatchObject(refused(/valid are: btcusd/));
  expect(await exchange.get('/v2/candles/btcusd/2h')).toMatchObject(refused(/'2h' .*1hr/));
  expect(await exchange.get('/v2/candles/btcusd/constructor')).toMatchObject(refused(/time frame/));
  expect(await exchange.get('/v2/candles/btcusd/1m?limit_candles=0')).toMatchObject(refused(/limit_candles/));
  expect(await exchange.get('/v2/candles/btcusd/1m?since=yesterday')).toMatchObject(refused(/timestamp/));
});

test('the market info tells the day and the best prices, and lets the day pass', async () => {
  const nothing = {
    symbol: 'BTCUSD',
    open: null,
    last: null,
    change: '0.00',
    volume: '0',
    quote_volume: '0',
    bid: null,
    ask: null,
  };
  expect((await exchange.get('/v1/marketinfo/btcusd')).body).toMatchObject(nothing);
  const startMs = standInMinute();
  await trade('1', '100.00');
  await trade('0.5', '90.50');
  await exchange.order(alice, 'sell', '1', '101.00');
  await exchange.order(bob, 'buy', '1', '89.00');
  expect((await exchange.get('/v1/marketinfo/BTCUSD')).body).toEqual({
    symbol: 'BTCUSD',
    open: '100.00',
    high: '100.00',
    low: '90.50',
    last: '90.50',
    change: '-9.50',
    volume: '1.5',
    quote_volume: '145.25',
    timestampms: startMs,
    bid: '89.00',
    ask: '101.00',
  });
});

test('a store that lags behind is waited for a second at most', async () => {
  await trade('1', '100.00');
  expect(await candles('1d')).toHaveLength(1);
  exchange.history.isStalled = true;
  await trade('1', '120.00');
  expect((await candles('1d'))[0][2]).toBe(100);
  exchange.history.isStalled = false;
  exchange.history.wake();
  expect((await candles('1d'))[0][2]).toBe(120);
});

test('a day later the old trades have left the market info of the next trade', async () => {
  await trade('1', '100.00');
  putClockAhead(25 * 60 * MINUTE_MS);
  await trade('2', '110.00');
  expect((await exchange.get('/v1/marketinfo/btcusd')).body).toMatchObject({
    open: '110.00',
    volume: '2',
    change: '0.00',
  });
  expect((await exchange.get('/v2/ticker/btcusd')).body).toMatchObject({ open: '110.00', close: '110.00' });
});
