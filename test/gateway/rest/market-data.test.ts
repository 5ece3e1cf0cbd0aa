import { afterEach, beforeEach, expect, test } from 'vitest';
import { InlineExchange, type TestAccount } from '../../support/inline-exchange.ts';

let exchange: InlineExchange;
let alice: TestAccount;
let bob: TestAccount;

beforeEach(async () => {
  exchange = await InlineExchange.start();
  alice = await exchange.account();
  bob = await exchange.account();
});
afterEach(() => exchange.close());

async function trade(amount: string, price: string, takerSide: 'buy' | 'sell' = 'buy'): Promise<void> {
  await exchange.order(alice, takerSide === 'buy' ? 'sell' : 'buy', amount, price);
  await exchange.order(bob, takerSide, amount, price);
}

const prices = (rows: { price: string }[]): string[] => rows.map(({ price }) => price);

test('a market without trades and orders has tickers that say nothing false', async () => {
  expect((await exchange.get('/v1/trades/btcusd')).body).toEqual([]);
  const { body } = await exchange.get('/v1/pubticker/btcusd');
  expect(body).toEqual({ volume: { BTC: '0', USD: '0', timestamp: expect.any(Number) } });
  expect((await exchange.get('/v2/ticker/BTCUSD')).body).toEqual({ symbol: 'BTCUSD', changes: [] });
  expect((await exchange.get('/v1/pricefeed')).body).toEqual([]);
  for (const path of ['/v1/trades/nousd', '/v1/pubticker/nousd', '/v2/ticker/nousd'])
    expect(await exchange.get(path)).toMatchObject({ status: 400, body: { reason: 'Bad Request' } });
});

test('tickers: best prices, the last one, the day’s sums, exact to the unit', async () => {
  await trade('0.1', '100.00');
  await trade('0.2', '110.00');
  await trade('0.0001', '99.50', 'sell');
  await trade('0.3', '99.00', 'sell');
  await exchange.order(alice, 'buy', '1', '98.50');
  await exchange.order(alice, 'sell', '1', '101.25');
  expect((await exchange.get('/v1/pubticker/BTCUSD')).body).toEqual({
    bid: '98.50',
    ask: '101.25',
    last: '99.00',
    volume: { BTC: '0.6001', USD: '61.70995', timestamp: expect.any(Number) },
  });
  expect((await exchange.get('/v2/ticker/btcusd')).body).toEqual({
    symbol: 'BTCUSD',
    open: '100.00',
    high: '110.00',
    low: '99.00',
    close: '99.00',
    changes: ['99.00'],
    bid: '98.50',
    ask: '101.25',
  });
  expect((await exchange.get('/v1/pricefeed')).body).toEqual([
    { pair: 'BTCUSD', price: '99.00', percentChange24h: '-0.0100' },
  ]);
});

test('trades, newest first, with every bound', async () => {
  for (const price of ['100.00', '101.00', '102.00', '103.00']) await trade('1', price);
  await trade('1', '50.00', 'sell');
  const all = (await exchange.get('/v1/trades/btcusd')).body;
  expect(prices(all)).toEqual(['50.00', '103.00', '102.00', '101.00', '100.00']);
  expect(all[0]).toEqual({
    timestamp: Math.floor(all[0].timestampms / 1_000),
    timestampms: expect.any(Number),
    tid: expect.any(Number),
    price: '50.00',
    amount: '1',
    exchange: 'gemini',
    type: 'sell',
  });
  const ask = async (query: string) => (await exchange.get(`/v1/trades/btcusd?${query}`)).body;
  expect(prices(await ask('limit_trades=2'))).toEqual(['50.00', '103.00']);
  expect(await ask('since_tid=0')).toEqual(all);
  expect(await ask(`since_tid=${all[2].tid}`)).toEqual(all.slice(0, 2));
  expect(prices(await ask(`since_tid=${all[4].tid}&limit_trades=1&timestamp=9999999999`))).toEqual(['101.00']);
  expect(await ask(`timestamp=${all[4].timestampms - 1}`)).toEqual(all);
  expect(await ask(`since=${all[0].timestampms}`)).toEqual([]); // strictly after
  expect(await ask(`timestamp=${all[0].timestamp + 60}`)).toEqual([]);
  for (const query of ['limit_trades=0', 'limit_trades=x', 'timestamp=-1', 'since_tid=1e3'])
    expect(await ask(query)).toMatchObject({ result: 'error', reason: 'Bad Request' });
  expect(await ask('limit_trades=100000')).toEqual(all);
});

test('a restart has the same tickers and trades', async () => {
  await trade('0.1', '100.00');
  await trade('0.2', '110.00');
  const paths = ['/v1/trades/btcusd', '/v1/trades/btcusd?since_tid=0', '/v2/ticker/btcusd', '/v1/pricefeed'];
  const before = await Promise.all(paths.map((path) => exchange.get(path)));
  exchange = await exchange.restart();
  expect(await Promise.all(paths.map((path) => exchange.get(path)))).toEqual(before);
});
