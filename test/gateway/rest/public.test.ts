import { afterAll, beforeAll, expect, test } from 'vitest';
import { InlineExchange, type TestAccount } from '../../support/inline-exchange.ts';

let exchange: InlineExchange;
let alice: TestAccount;
let bob: TestAccount;

beforeAll(async () => {
  exchange = await InlineExchange.start();
  alice = await exchange.account();
  bob = await exchange.account();
});
afterAll(() => exchange.close());

test('symbols are lower case', async () => {
  const answer = await exchange.get('/v1/symbols');
  expect(answer.body).toEqual(['btcusd', 'ethusd', 'ethbtc', 'dogeusd', 'linkusd', 'xrpusd']);
});

test('details, field by field; any letter case; all at once', async () => {
  const btcusd = {
    symbol: 'BTCUSD',
    base_currency: 'BTC',
    quote_currency: 'USD',
    tick_size: 1e-8,
    quote_increment: 0.01,
    min_order_size: '0.00001',
    max_order_size: '90071992.54740991',
    maker_fee_ppm: 2_000,
    taker_fee_ppm: 4_000,
    status: 'open',
    wrap_enabled: false,
    product_type: 'spot',
    contract_type: 'vanilla',
  };
  expect((await exchange.get('/v1/symbols/details/btcusd')).body).toEqual(btcusd);
  expect((await exchange.get('/v1/symbols/details/BTCUSD')).body).toEqual(btcusd);
  const all = (await exchange.get('/v1/symbols/details/all')).body;
  expect(all).toHaveLength(6);
  expect(all[0]).toEqual(btcusd);
});

test('the book sums up levels, best first, with limits of 50, of the query, or none', async () => {
  for (let level = 0; level < 60; level++) await exchange.order(alice, 'sell', '0.01', `${200 + level}.00`);
  await exchange.order(alice, 'buy', '1', '99.50');
  await exchange.order(bob, 'buy', '0.5', '99.50');
  await exchange.order(bob, 'buy', '2', '99.25');
  const book = (await exchange.get('/v1/book/BTCUSD')).body;
  expect(book.bids).toEqual([
    { price: '99.50', amount: '1.5', timestamp: '0' },
    { price: '99.25', amount: '2', timestamp: '0' },
  ]);
  expect(book.asks).toHaveLength(50);
  expect(book.asks[0]).toEqual({ price: '200.00', amount: '0.01', timestamp: '0' });
  expect((await exchange.get('/v1/book/btcusd?limit_asks=0&limit_bids=1')).body).toMatchObject({
    bids: [{ price: '99.50' }],
    asks: { length: 60 },
  });
  expect((await exchange.get('/v1/book/ethusd')).body).toEqual({ bids: [], asks: [] });
  const another = await exchange.order(bob, 'sell', '2', '199.00');
  expect((await exchange.get('/v1/book/btcusd?limit_asks=0&limit_bids=1')).body.asks).toHaveLength(61);
  await exchange.post(bob, '/v1/order/cancel', { order_id: another.body.order_id });
  expect((await exchange.get('/v1/book/btcusd?limit_asks=0&limit_bids=1')).body.asks).toHaveLength(60);
});

test('the page carries what ccxt cuts out of it, and people can read it', async () => {
  const response = await fetch(`${exchange.baseUrl}/`);
  const page = await response.text();
  expect(response.headers.get('content-type')).toContain('text/html');
  const start = page.indexOf('="currencyData">');
  const data = JSON.parse(page.slice(start + '="currencyData">'.length, page.indexOf('</script>', start)));
  expect(data.tradingPairs).toContainEqual(['BTCUSD', 2, 8, '0.00001', 10, true]);
  expect(data.tradingPairs).toContainEqual(['ETHBTC', 5, 3, '0.001', 10, true]);
  expect(data.currencies.map((row: unknown[]) => [row[0], row[5], row[7]])).toContainEqual(['BTC', 8, false]);
  expect(data.currencies.map((row: unknown[]) => [row[0], row[7]])).toContainEqual(['USD', true]);
  const networks = Object.fromEntries(data.currencies.map((row: unknown[]) => [row[0], row[9]]));
  expect(networks).toMatchObject({ USD: null, BTC: 'bitcoin', ETH: 'ethereum', LINK: 'ethereum' });
  expect(data.networks.map((row: unknown[]) => row[0])).toEqual(['bitcoin', 'ethereum', 'dogecoin', 'xrpl']);
  expect(page).toContain(`curl ${exchange.baseUrl}/v1/symbols`);
  expect(page).toContain('POST /v1/order/new');
});

test('HEAD is answered as GET is, without the body', async () => {
  const head = await fetch(`${exchange.baseUrl}/v1/symbols`, { method: 'HEAD' });
  const get = await fetch(`${exchange.baseUrl}/v1/symbols`);
  expect(head.status).toBe(200);
  expect(head.headers.get('content-length')).toBe(get.headers.get('content-length'));
  expect(await head.text()).toBe('');
});

test('markets survive a restart and are not defined twice; a checkpoint gives the core’s own hash', async () => {
  const commands = exchange.gateway.lastCommandSequence;
  const hash = exchange.engine.stateHash();
  const depth = (await exchange.get('/v1/book/btcusd?limit_asks=0')).body;
  exchange = await exchange.restart();
  expect(exchange.gateway.lastCommandSequence).toBe(commands);
  expect(exchange.engine.stateHash()).toBe(hash);
  expect((await exchange.get('/v1/book/btcusd?limit_asks=0')).body).toEqual(depth);
  const checkpoint = await exchange.gateway.publishCheckpoint();
  expect(checkpoint).toMatchObject({ restingOrders: 63, commandSequence: commands + 1 });
  expect(checkpoint.stateHash).toMatch(/^[0-9a-f]{16}$/);
});

test('a port that is taken is refused in one sentence', async () => {
  const other = await InlineExchange.start();
  try {
    await expect(other.gateway.listen('127.0.0.1', exchange.port)).rejects.toThrow(
      new RegExp(`can't listen on 127.0.0.1:${exchange.port}: .*choose another port$`),
    );
  } finally {
    other.close();
  }
});
