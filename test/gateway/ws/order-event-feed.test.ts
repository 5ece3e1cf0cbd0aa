import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { putClockAhead } from '../../support/clock-ahead.ts';
import { InlineExchange, type TestAccount } from '../../support/inline-exchange.ts';
import { HandshakeRefused, type RawSocket } from '../../support/raw-socket.ts';
import { type Credentials, nextNonce, signedHeaders } from '../../support/signed-client.ts';
import { until } from '../../support/until.ts';

const PATH = '/v1/order/events';
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

async function open(account: Credentials, query = '', fields: object = {}): Promise<RawSocket> {
  const headers = signedHeaders(account, { request: PATH, nonce: nextNonce(), ...fields });
  return exchange.openSocket(PATH + query, headers);
}

/** @returns the types of the next events, each of which came alone in its array */
async function types(socket: RawSocket, count: number): Promise<string[]> {
  const found: string[] = [];
  for (let at = 0; at < count; at++) {
    const message = await socket.next();
    expect(message).toHaveLength(1);
    found.push(message[0].type);
  }
  return found;
}

test('acknowledged, then what is open, then what happens, field by field', async () => {
  const resting = await exchange.order(alice, 'buy', '5', '3633.00', {
    client_order_id: 'c-17',
    options: ['maker-or-cancel'],
  });
  const socket = await open(alice);
  expect(await socket.next()).toEqual({
    type: 'subscription_ack',
    accountId: alice.accountId,
    subscriptionId: expect.stringMatching(/^ws-order-events-\d+-[0-9a-f]+$/),
    symbolFilter: [],
    apiSessionFilter: [],
    eventTypeFilter: [],
  });
  const initial = {
    type: 'initial',
    socket_sequence: 0,
    order_id: resting.body.order_id,
    api_session: alice.key,
    client_order_id: 'c-17',
    symbol: 'btcusd',
    side: 'buy',
    behavior: 'maker-or-cancel',
    order_type: 'exchange limit',
    timestamp: resting.body.timestamp,
    timestampms: resting.body.timestampms,
    is_live: true,
    is_cancelled: false,
    is_hidden: false,
    avg_execution_price: '0.00',
    executed_amount: '0',
    remaining_amount: '5',
    original_amount: '5',
    price: '3633.00',
  };
  expect(await socket.next()).toEqual([initial]);
  await exchange.order(bob, 'sell', '2', '3600.00');
  expect(await socket.next()).toEqual([
    {
      ...initial,
      type: 'fill',
      socket_sequence: 1,
      event_id: expect.stringMatching(/^\d+$/),
      avg_execution_price: '3633.00',
      executed_amount: '2',
      remaining_amount: '3',
      fill: {
        trade_id: expect.stringMatching(/^\d+$/),
        liquidity: 'Maker',
        price: '3633.00',
        amount: '2',
        fee: '14.532',
        fee_currency: 'USD',
      },
    },
  ]);
  await exchange.post(alice, '/v1/order/cancel', { order_id: resting.body.order_id });
  expect(await socket.next()).toMatchObject([
    {
      type: 'cancelled',
      socket_sequence: 2,
      is_live: false,
      is_cancelled: true,
      reason: 'Requested',
      cancel_command_id: expect.stringMatching(/^\d+$/),
      remaining_amount: '3',
    },
  ]);
  expect(await socket.next()).toMatchObject([{ type: 'closed', socket_sequence: 3 }]);
});

test('lives of orders: filled at once, partly, killed, refused by nobody but the core', async () => {
  const socket = await open(bob);
  expect((await socket.next()).type).toBe('subscription_ack');
  await exchange.order(alice, 'sell', '1', '100.00');
  await exchange.order(bob, 'buy', '0.5', '100.00');
  expect(await types(socket, 3)).toEqual(['accepted', 'fill', 'closed']);
  await exchange.order(bob, 'buy', '1', '100.00');
  expect(await types(socket, 3)).toEqual(['accepted', 'fill', 'booked']);
  await exchange.order(bob, 'buy', '1', '90.00', { options: ['immediate-or-cancel'] });
  expect(await types(socket, 3)).toEqual(['accepted', 'cancelled', 'closed']);
  await exchange.order(bob, 'sell', '1', '100.00'); // its own order stands there
  expect(await types(socket, 3)).toEqual(['accepted', 'cancelled', 'closed']);
  await exchange.order(alice, 'sell', '0.5', '100.00');
  expect(await types(socket, 2)).toEqual(['fill', 'closed']);
});

test('stops, amendments, decrements, dates: each has its word, and says what the order is after it', async () => {
  const carol = await exchange.account();
  await exchange.order(bob, 'sell', '0.1', '100.00');
  await exchange.order(carol, 'buy', '0.1', '100.00');
  const socket = await open(alice);
  await socket.next();
  const next = async () => (await socket.next())[0];
  const stop = { type: 'exchange stop limit', stop_price: '110.00', self_trade_prevention: 'decrement' };
  const placed = await exchange.order(alice, 'buy', '1', '111.00', stop);
  expect(await next()).toMatchObject({ type: 'accepted', order_type: 'stop-limit', stop_price: '110.00' });
  expect(await next()).toMatchObject({ type: 'booked', is_live: true, self_trade_prevention: 'decrement' });
  const named = { order_id: placed.body.order_id };
  await exchange.post(alice, '/v1/order/amend', { ...named, amount: '2' });
  expect(await next()).toMatchObject({
    type: 'amended',
    is_live: true,
    original_amount: '2',
    amend_command_id: expect.stringMatching(/^\d+$/),
  });
  await exchange.order(bob, 'sell', '0.1', '110.00');
  await exchange.order(carol, 'buy', '0.1', '110.00');
  expect(await types(socket, 2)).toEqual(['triggered', 'booked']);
  await exchange.post(alice, '/v1/order/amend', { ...named, price: '112.00' });
  expect(await next()).toMatchObject({ type: 'amended', price: '112.00' });
  expect(await next()).toMatchObject({ type: 'booked', price: '112.00', is_live: true });
  const own = { self_trade_prevention: 'decrement' };
  await exchange.order(alice, 'sell', '0.5', '112.00', own);
  expect(await next()).toMatchObject({ type: 'accepted', side: 'sell' });
  expect(await next()).toMatchObject({
    type: 'reduced',
    side: 'buy',
    remaining_amount: '1.5',
    reason: 'SelfCrossPrevented',
  });
  expect(await types(socket, 2)).toEqual(['cancelled', 'closed']);
  expect(await exchange.post(alice, '/v1/order/amend', { ...named, amount: '90000000' })).toMatchObject({
    status: 406,
  });
  await exchange.post(alice, '/v1/order/cancel', named);
  expect(await types(socket, 2)).toEqual(['cancelled', 'closed']);

  const spent = { symbol: 'btcusd', side: 'buy', type: 'exchange market', total_spend: '10' };
  await exchange.order(bob, 'sell', '0.01', '100.00');
  await exchange.post(alice, '/v1/order/new', spent);
  expect(await next()).toMatchObject({ type: 'accepted', order_type: 'market buy', total_spend: '10' });
  expect(await next()).toMatchObject({ type: 'fill', executed_amount: '0.01', remaining_spend: '9' });
  expect(await next()).toMatchObject({ type: 'cancelled', remaining_spend: '9' });
  expect(await types(socket, 1)).toEqual(['closed']);

  const expiresAtMs = Date.now() + 1_500;
  await exchange.order(alice, 'buy', '1', '50.00', { options: ['good-til-date'], expire_at: expiresAtMs });
  expect(await next()).toMatchObject({ type: 'accepted', behavior: 'good-til-date', expire_at: expiresAtMs });
  expect(await types(socket, 1)).toEqual(['booked']);
  expect(await next()).toMatchObject({ type: 'cancelled', reason: 'Expired', is_cancelled: true });
  expect(await types(socket, 1)).toEqual(['closed']);
});

test('what the core refuses: an amendment that lost its order, an order that expired on its way', async () => {
  const placed = await exchange.order(alice, 'sell', '1', '100.00');
  const socket = await open(alice);
  expect((await socket.next()).type).toBe('subscription_ack');
  expect(await types(socket, 1)).toEqual(['initial']);
  const routes = exchange.gateway.adminRoutes({} as Parameters<typeof exchange.gateway.adminRoutes>[0]);
  await routes.find(({ path }) => path === '/instruments/state')!.answer({ symbol: 'btcusd', state: 'halted' });
  await exchange.post(alice, '/v1/order/amend', { order_id: placed.body.order_id, amount: '2' });
  expect(await socket.next()).toMatchObject([
    { type: 'amend_rejected', reason: 'MarketNotOpen', original_amount: '1', is_live: true },
  ]);
  let pass!: () => void;
  exchange.ledger.gate = new Promise((resolve) => {
    pass = resolve;
  });
  const fields = { symbol: 'ethusd', options: ['good-til-date'], expire_at: Date.now() + 30_000 };
  const late = exchange.order(alice, 'buy', '1', '50.00', fields);
  await until(() => exchange.gateway.ordersInFlight === 1);
  putClockAhead(60_000);
  pass();
  expect((await late).body.reason).toBe('InvalidTimestampInPayload');
  expect(await socket.next()).toMatchObject([
    { type: 'rejected', reason: 'InvalidTimestampInPayload', order_type: 'exchange limit' },
  ]);
});

test('filters: symbols, keys, types; without initial among the types there is no snapshot', async () => {
  const second = exchange.key(alice.accountId);
  await exchange.order(alice, 'buy', '1', '50.00');
  await exchange.order(second, 'buy', '1', '51.00');
  await exchange.order(alice, 'buy', '1', '52.00', { symbol: 'ethusd' });
  const bySymbol = await open(alice, '?symbolFilter=ETHUSD&symbolFilter=linkusd');
  expect((await bySymbol.next()).symbolFilter).toEqual(['ethusd', 'linkusd']);
  expect(await bySymbol.next()).toMatchObject([{ symbol: 'ethusd', socket_sequence: 0 }]);
  const byKey = await open(alice, `?apiSessionFilter=${second.key}`);
  await byKey.next();
  expect(await byKey.next()).toMatchObject([{ price: '51.00', socket_sequence: 0 }]);
  const byType = await open(alice, '?eventTypeFilter=booked&eventTypeFilter=cancelled');
  await byType.next();
  await exchange.order(alice, 'buy', '1', '53.00');
  expect(await byType.next()).toMatchObject([{ type: 'booked', socket_sequence: 0, price: '53.00' }]);
  await exchange.post(alice, '/v1/order/cancel/all');
  expect(await types(byType, 4)).toEqual(['cancelled', 'cancelled', 'cancelled', 'cancelled']);
  expect(await bySymbol.next()).toMatchObject([{ type: 'cancelled', socket_sequence: 1 }]);
});

test('nobody hears of another account', async () => {
  const socket = await open(bob);
  await socket.next();
  await exchange.order(alice, 'buy', '1', '50.00');
  await exchange.order(bob, 'buy', '1', '40.00');
  expect(await socket.next()).toMatchObject([{ type: 'accepted', price: '40.00' }]);
});

test('the handshake is refused as a signed request is, and its nonce is used up once', async () => {
  const refused = async (headers: Record<string, string>): Promise<[number, string]> => {
    const error = await exchange.openSocket(`${PATH}?heartbeat=true`, headers).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(HandshakeRefused);
    const { status, body } = error as HandshakeRefused;
    return [status, JSON.parse(body).reason];
  };
  expect(await refused({})).toEqual([400, 'MissingApikeyHeader']);
  const wrong = { key: alice.key, secret: 'x' };
  expect(await refused(signedHeaders(wrong, { request: PATH, nonce: nextNonce() }))).toEqual([400, 'InvalidSignature']);
  const elsewhere = signedHeaders(alice, { request: '/v1/orders', nonce: nextNonce() });
  expect(await refused(elsewhere)).toEqual([400, 'EndpointMismatch']);
  const manager = exchange.key(alice.accountId, ['fundManager']);
  expect(await refused(signedHeaders(manager, { request: PATH, nonce: nextNonce() }))).toEqual([403, 'MissingRole']);
  const headers = signedHeaders(alice, { request: PATH, nonce: nextNonce() });
  await exchange.openSocket(PATH, headers);
  expect(await refused(headers)).toEqual([400, 'InvalidNonce']);
});
