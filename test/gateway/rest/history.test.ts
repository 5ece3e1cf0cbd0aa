import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { InlineExchange, type TestAccount } from '../../support/inline-exchange.ts';

let exchange: InlineExchange;
let alice: TestAccount;
let bob: TestAccount;

async function start(options: Parameters<typeof InlineExchange.start>[0] = {}): Promise<void> {
  exchange = await InlineExchange.start(options);
  alice = await exchange.account();
  bob = await exchange.account();
}
beforeEach(() => start());
afterEach(() => exchange.close());

async function trade(amount: string, price: string, fields: object = {}): Promise<[maker: string, taker: string]> {
  const maker = await exchange.order(alice, 'sell', amount, price);
  const taker = await exchange.order(bob, 'buy', amount, price, fields);
  expect(taker.body).toMatchObject({ executed_amount: amount });
  return [maker.body.order_id, taker.body.order_id];
}

describe('mytrades', () => {
  test('each side sees its own: fee, side, aggressor, ids; newest first', async () => {
    const [maker, taker] = await trade('2', '100.00', { client_order_id: 'mine' });
    await trade('0.5', '101.00');
    const ofTaker = (await exchange.post(bob, '/v1/mytrades', { symbol: 'BTCUSD' })).body;
    expect(ofTaker.map((row: { price: string }) => row.price)).toEqual(['101.00', '100.00']);
    expect(ofTaker[1]).toEqual({
      price: '100.00',
      amount: '2',
      timestamp: Math.floor(ofTaker[1].timestampms / 1_000),
      timestampms: expect.any(Number),
      type: 'Buy',
      aggressor: true,
      fee_currency: 'USD',
      fee_amount: '0.8',
      tid: expect.any(Number),
      order_id: taker,
      client_order_id: 'mine',
      exchange: 'gemini',
      is_auction_fill: false,
      is_clearing_fill: false,
      symbol: 'BTCUSD',
    });
    const ofMaker = (await exchange.post(alice, '/v1/mytrades')).body;
    expect(ofMaker[1]).toMatchObject({ type: 'Sell', aggressor: false, fee_amount: '0.4', order_id: maker });
    expect(ofMaker[1]).not.toHaveProperty('client_order_id');
    expect(ofMaker[1].tid).toBe(ofTaker[1].tid);
  });

  test('symbol, limit and time bound the list; seconds and milliseconds are told apart', async () => {
    for (const price of ['100.00', '101.00', '102.00']) await trade('1', price);
    const ask = async (fields: object) =>
      (await exchange.post(bob, '/v1/mytrades', fields)).body.map((row: { price: string }) => row.price);
    expect(await ask({ limit_trades: 2 })).toEqual(['102.00', '101.00']);
    expect(await ask({ symbol: 'ethusd' })).toEqual([]);
    const now = Date.now();
    expect(await ask({ timestamp: now + 60_000 })).toEqual([]);
    expect(await ask({ timestamp: `${Math.floor(now / 1_000) + 60}` })).toEqual([]);
    expect(await ask({ timestamp: Math.floor(now / 1_000) - 60 })).toHaveLength(3);
    expect(await ask({ timestamp: now - 60_000, limit_trades: 1 })).toEqual(['100.00']); // the oldest after the bound
    for (const fields of [{ timestamp: 'soon' }, { timestamp: -1 }, { timestamp: 1.5 }, { timestamp: true }])
      expect((await exchange.post(bob, '/v1/mytrades', fields)).body.reason).toBe('InvalidTimestampInPayload');
    expect((await exchange.post(bob, '/v1/mytrades', { symbol: 'nousd' })).body.reason).toBe('InvalidSymbol');
    expect((await exchange.post(bob, '/v1/mytrades', { limit_trades: 0 })).status).toBe(400);
  });

  test('a history that lags is waited for', async () => {
    exchange.history.isStalled = true;
    await trade('1', '100.00');
    const asked = exchange.post(bob, '/v1/mytrades');
    setTimeout(() => {
      exchange.history.isStalled = false;
      exchange.history.wake();
    }, 100);
    expect((await asked).body).toHaveLength(1);
  });
});

test('orders/history has what is closed, newest first, each with its fills', async () => {
  const [maker, taker] = await trade('2', '100.00');
  const open = await exchange.order(bob, 'buy', '1', '50.00');
  const cancelled = await exchange.order(bob, 'buy', '1', '51.00');
  await exchange.post(bob, '/v1/order/cancel', { order_id: cancelled.body.order_id });
  const history = (await exchange.post(bob, '/v1/orders/history')).body;
  expect(history.map((order: { order_id: string }) => order.order_id)).toEqual([cancelled.body.order_id, taker]);
  expect(history[0]).toMatchObject({ is_cancelled: true, reason: 'Requested', trades: [], remaining_amount: '1' });
  expect(history[1]).toMatchObject({
    is_live: false,
    is_cancelled: false,
    executed_amount: '2',
    avg_execution_price: '100.00',
    trades: [{ order_id: taker, amount: '2', aggressor: true }],
  });
  expect(history.map((order: { order_id: string }) => order.order_id)).not.toContain(open.body.order_id);
  const ofMaker = await exchange.post(alice, '/v1/orders/history', { symbol: 'btcusd', limit_orders: 1 });
  expect(ofMaker.body).toMatchObject([{ order_id: maker, trades: [{ aggressor: false }] }]);
});

test('order/status shows the fills when they are asked for', async () => {
  const [, taker] = await trade('2', '100.00');
  const ask = async (fields: object) =>
    (await exchange.post(bob, '/v1/order/status', { order_id: taker, ...fields })).body;
  expect(await ask({})).not.toHaveProperty('trades');
  expect(await ask({ include_trades: false })).not.toHaveProperty('trades');
  expect((await ask({ include_trades: true })).trades).toMatchObject([{ amount: '2', price: '100.00', type: 'Buy' }]);
});

describe('orders that the view has forgotten', () => {
  beforeEach(async () => {
    await exchange.close();
    await start({ closedOrders: 2 });
  });

  async function forget(): Promise<void> {
    for (const price of ['100.00', '101.00', '102.00']) await trade('0.1', price);
  }

  test('status, by either id, and cancel answer from the history what the view would have', async () => {
    const placed = await exchange.order(bob, 'buy', '1', '10.00', { client_order_id: 'old' });
    const cancel = { order_id: placed.body.order_id };
    const cancelled = await exchange.post(bob, '/v1/order/cancel', cancel);
    const { client_order_id: _, ...byId } = { client_order_id: 'old', order_id: placed.body.order_id };
    await forget();
    expect(exchange.gateway.orders.order(Number(placed.body.order_id))).toBeUndefined();
    expect((await exchange.post(bob, '/v1/order/status', byId)).body).toEqual(cancelled.body);
    expect((await exchange.post(bob, '/v1/order/status', { client_order_id: 'old' })).body).toEqual(cancelled.body);
    expect(await exchange.post(bob, '/v1/order/cancel', cancel)).toEqual(cancelled);
    for (const path of ['/v1/order/status', '/v1/order/cancel'])
      expect((await exchange.post(alice, path, byId)).body).toMatchObject({ reason: 'OrderNotFound' });
  });

  test('a repeat finds its order, also while several repeats come at once; another order is a new one', async () => {
    const fields = { client_order_id: 'retry' };
    const placed = await exchange.order(bob, 'buy', '1', '10.00', fields);
    await exchange.post(bob, '/v1/order/cancel', { order_id: placed.body.order_id });
    await forget();
    const repeats = await Promise.all([1, 2, 3].map(() => exchange.order(bob, 'buy', '1', '10.00', fields)));
    for (const repeat of repeats)
      expect(repeat.body).toMatchObject({ order_id: placed.body.order_id, is_cancelled: true });
    const other = await exchange.order(bob, 'buy', '1', '11.00', fields);
    expect(other.body.order_id).not.toBe(placed.body.order_id);
    expect((await exchange.post(bob, '/v1/orders')).body).toMatchObject([{ order_id: other.body.order_id }]);
  });

  test('a repeat finds its order however many others its key placed under the same id since', async () => {
    const place = (price: string) =>
      exchange.order(bob, 'buy', '1', price, { client_order_id: 'one for all', options: ['immediate-or-cancel'] });
    const first = await place('10.00');
    for (let cents = 1; cents <= 120; cents++) await place((10 + cents / 100).toFixed(2));
    expect((await place('10.00')).body).toMatchObject({ order_id: first.body.order_id });
  });

  test('while the history lags a repeat finds what the history has; nothing is placed that might be a repeat of more', async () => {
    await forget();
    const placed = await exchange.order(bob, 'buy', '1', '10.00', { client_order_id: 'retry' });
    await exchange.post(bob, '/v1/order/cancel', { order_id: placed.body.order_id });
    await exchange.post(bob, '/v1/mytrades'); // the history has everything
    exchange.history.isStalled = true;
    const retry = () => exchange.order(bob, 'buy', '1', '10.00', { client_order_id: 'retry' });
    const other = (id: string) =>
      exchange.order(bob, 'buy', '1', '10.00', { options: ['immediate-or-cancel'], client_order_id: id });
    const [first] = [await other('a'), await other('b')];
    expect(exchange.gateway.orders.order(Number(placed.body.order_id))).toBeUndefined();
    expect((await retry()).body).toMatchObject({ order_id: placed.body.order_id, is_cancelled: true });

    await other('c'); // the first one is forgotten, and the history has not heard of it
    for (const ask of [() => other('a'), retry])
      expect(await ask()).toMatchObject({ status: 503, body: { reason: 'Maintenance' } });
    exchange.history.isStalled = false;
    exchange.history.wake();
    expect((await other('a')).body).toMatchObject({ order_id: first!.body.order_id, is_cancelled: true });
    expect((await retry()).body.order_id).toBe(placed.body.order_id);
  });
});
