import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { RingbookCommands } from '../support/ringbook-commands.ts';
import { type Answer, type Credentials, signedPost } from '../support/signed-client.ts';

let folder: string;
let exchange: ExchangeProcess;
let alice: Credentials;
let bob: Credentials;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-admin-'));
  exchange = await ExchangeProcess.start(folder);
  alice = exchange.sandbox.accounts[0]!;
  bob = exchange.sandbox.accounts[1]!;
});
afterAll(async () => {
  await exchange.kill();
  rmSync(folder, { recursive: true, force: true });
});

const commands = new RingbookCommands(() => folder);

const post = (credentials: Credentials, path: string, fields: object = {}): Promise<Answer> =>
  signedPost(exchange.sandbox.baseUrl, credentials, path, fields);
const order = (credentials: Credentials, side: string, amount: string, price: string, fields: object = {}) =>
  post(credentials, '/v1/order/new', { symbol: 'btcusd', side, amount, price, type: 'exchange limit', ...fields });

async function admin(path: string, body?: unknown): Promise<Answer> {
  const { adminUrl, adminToken } = exchange.sandbox;
  const response = await fetch(adminUrl + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { Authorization: `Bearer ${adminToken}` },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}

test('an account is made, funded and given a key that trades until it is revoked', async () => {
  expect(await commands.json('accounts', 'create', 'carol')).toMatchObject({ name: 'carol' });
  const table = await commands.run('accounts', 'list');
  expect(table.stdout.split('\n').map((line) => line.split(/ +/)[1])).toEqual([
    'name',
    'alice',
    'bob',
    'carol',
    undefined,
  ]);
  const deposit = ['deposits', 'submit', 'carol', 'usd', '1000.0000000001', '--key', 'first', '--confirm'];
  expect(await commands.json(...deposit)).toMatchObject({
    account: 'carol',
    asset: 'USD',
    amount: '1000.0000000001',
    state: 'done',
    isRepeat: false,
  });
  expect(await commands.json(...deposit)).toMatchObject({ state: 'done', isRepeat: true });
  const history = await commands.json('accounts', 'history', 'carol');
  expect(history).toMatchObject([{ reason: 'deposit', availableBefore: '0', availableAfter: '1000.0000000001' }]);
  const carol = await commands.json('keys', 'create', 'carol', '--roles', 'trader,auditor');
  expect(carol).toEqual({
    account: 'carol',
    key: expect.stringMatching(/^account-/),
    secret: expect.stringMatching(/^[A-Za-z0-9]{32}$/),
    roles: ['trader', 'auditor'],
  });
  const placed = await order(carol, 'buy', '0.001', '1.00');
  expect(placed.status).toBe(200);
  const revoked = await commands.json('keys', 'revoke', carol.key);
  expect(revoked).toMatchObject({ account: 'carol', key: carol.key, revokedMs: expect.any(Number) });
  expect((await post(carol, '/v1/orders')).body).toMatchObject({ reason: 'InvalidSignature' });
  const listed = await commands.run('keys', 'list', '--json');
  expect(listed.stdout).toContain(carol.key);
  expect(listed.stdout).not.toContain(carol.secret);
});

test('a market is halted for orders but not for cancels, restricted, and resumed', async () => {
  const resting = await order(alice, 'sell', '0.01', '50000.00');
  expect(await commands.json('instruments', 'halt', 'BTCUSD')).toMatchObject({ symbol: 'btcusd', state: 'halted' });
  for (const option of [[], ['maker-or-cancel']])
    expect(await order(bob, 'buy', '0.01', '50000.00', { options: option })).toMatchObject({
      status: 400,
      body: { reason: 'MarketNotOpen' },
    });
  const details = async () => (await fetch(`${exchange.sandbox.baseUrl}/v1/symbols/details/btcusd`)).json();
  expect(await details()).toMatchObject({ status: 'closed' });
  expect((await order(bob, 'buy', '0.1', '50.00', { symbol: 'ethusd' })).status).toBe(200);
  const cancel = { order_id: resting.body.order_id };
  expect((await post(alice, '/v1/order/cancel', cancel)).body).toMatchObject({ is_cancelled: true });

  await commands.json('instruments', 'cancel-only', 'btcusd');
  expect(await order(bob, 'buy', '0.01', '1.00')).toMatchObject({ body: { reason: 'MarketNotOpen' } });
  await commands.json('instruments', 'post-only', 'btcusd');
  expect(await order(bob, 'buy', '0.01', '1.00')).toMatchObject({ body: { reason: 'MarketNotOpen' } });
  const maker = await order(bob, 'buy', '0.01', '1.00', { options: ['maker-or-cancel'] });
  expect(maker).toMatchObject({ status: 200, body: { is_live: true } });
  expect(await commands.json('instruments', 'resume', 'btcusd')).toMatchObject({ state: 'trading' });
  expect((await order(bob, 'buy', '0.01', '1.00')).body).toMatchObject({ is_live: true });
});

test('an operator clears a market, of one account or of all, and what was held is free again', async () => {
  const balance = async (of: Credentials, currency: string): Promise<[string, string]> => {
    const rows = (await post(of, '/v1/balances')).body as { currency: string; amount: string; available: string }[];
    const { amount, available } = rows.find((row) => row.currency === currency)!;
    return [amount, available];
  };
  for (const each of [alice, bob]) await post(each, '/v1/order/cancel/all');
  const other = await order(alice, 'sell', '1', '4000.00', { symbol: 'ethusd' });
  const stop = { type: 'exchange stop limit', stop_price: '80000.00' };
  for (const fields of [{}, {}, stop]) await order(alice, 'sell', '0.5', '70000.00', fields);
  await order(bob, 'sell', '0.25', '70000.00');
  const [total, available] = await balance(alice, 'BTC');
  expect(Number(total) - Number(available)).toBe(1.5);

  const ofBob = await commands.json('instruments', 'cancel-orders', 'BTCUSD', '--account', 'bob');
  expect(ofBob).toEqual({ symbol: 'btcusd', account: 'bob', cancelledOrders: 1 });
  expect((await post(bob, '/v1/orders')).body).toEqual([]);
  expect((await post(alice, '/v1/orders')).body).toHaveLength(4);
  await commands.json('instruments', 'halt', 'btcusd');
  const ofAll = await commands.run('instruments', 'cancel-orders', 'btcusd');
  expect(ofAll.stdout).toMatch(/cancelledOrders +4/); // with the one that is left of a revoked key
  await commands.json('instruments', 'resume', 'btcusd');
  const open = (await post(alice, '/v1/orders')).body;
  expect(open.map((each: { order_id: string }) => each.order_id)).toEqual([other.body.order_id]);
  expect(await balance(alice, 'BTC')).toEqual([total, total]);
  expect(await commands.run('audit')).toMatchObject({ code: 0 });
  expect((await commands.run('instruments', 'cancel-orders', '--help')).stdout).toContain('--account <name>');
});

test('an instrument with a new asset is added, trades, and is there after kill -9 with its state', async () => {
  const steps = ['--tick-size', '0.01', '--lot-size', '0.001', '--minimum', '0.01'];
  const added = await commands.json(
    'instruments',
    'add',
    'sol',
    'usd',
    ...steps,
    '--base-decimals',
    '6',
    '--maker-rate-ppm',
    '0',
  );
  expect(added).toEqual({
    symbol: 'solusd',
    base: 'SOL',
    quote: 'USD',
    tickSize: '0.01',
    lotSize: '0.001',
    minimum: '0.01',
    maximum: '9007199254740.991',
    makerRatePpm: 0,
    takerRatePpm: 4_000,
    priceBandPpm: 0,
    referencePrice: 'last',
    state: 'trading',
  });
  await commands.json('deposits', 'submit', 'alice', 'SOL', '10', '--key', 'sol', '--confirm');
  await order(alice, 'sell', '1', '20.00', { symbol: 'solusd' });
  expect((await order(bob, 'buy', '1', '20.00', { symbol: 'SOLUSD' })).body).toMatchObject({ executed_amount: '1' });
  const limits = ['--minimum', '0.5', '--maximum', '4', '--price-band-ppm', '50000', '--reference-price', '20.00'];
  expect(await commands.json('instruments', 'update', 'solusd', '--taker-rate-ppm', '100', ...limits)).toMatchObject({
    minimum: '0.5',
    maximum: '4',
    makerRatePpm: 0,
    takerRatePpm: 100,
    priceBandPpm: 50_000,
    referencePrice: '20.00',
  });
  expect(await order(bob, 'buy', '0.499', '20.00', { symbol: 'solusd' })).toMatchObject({ status: 400 });
  await commands.json('instruments', 'halt', 'solusd');
  const before = await commands.json('instruments', 'list');
  await exchange.kill();
  exchange = await ExchangeProcess.start(folder);
  expect(await commands.json('instruments', 'list')).toEqual(before);
  expect((await order(bob, 'buy', '1', '20.00', { symbol: 'solusd' })).body.reason).toBe('MarketNotOpen');
  const ticker = await (await fetch(`${exchange.sandbox.baseUrl}/v1/pubticker/solusd`)).json();
  expect(ticker).toMatchObject({ last: '20.00', volume: { SOL: '1', USD: '20' } });
});

const STEPS = { tickSize: '1', lotSize: '1', minimum: '1' };
test.each([
  ['/accounts', { name: 'alice' }, 400, 'is taken'],
  ['/keys', { account: 'nobody', roles: ['trader'] }, 404, 'there is no account "nobody"'],
  ['/keys', { account: 'alice', roles: ['king'] }, 400, 'roles'],
  ['/keys', { account: 'alice', roles: [] }, 400, 'roles'],
  ['/keys/revoke', { key: 'account-nobody' }, 400, 'does not exist'],
  ['/instruments/state', { symbol: 'nousd', state: 'halted' }, 404, 'there is no instrument "nousd"'],
  ['/instruments/cancel-orders', { symbol: 'nousd' }, 404, 'there is no instrument "nousd"'],
  ['/instruments/cancel-orders', { symbol: 'btcusd', account: 'nobody' }, 404, 'there is no account "nobody"'],
  ['/instruments/update', { symbol: 'nousd', makerRatePpm: 1 }, 404, 'there is no instrument "nousd"'],
  ['/instruments/update', { symbol: 'btcusd' }, 400, 'at least one'],
  ['/instruments', { base: 'BTC', quote: 'USD', ...STEPS }, 409, 'defined already'],
  ['/instruments', { base: 'BTC', quote: 'NEW', ...STEPS }, 400, 'quoteDecimals'],
  ['/instruments', { base: 'BTC', quote: 'ETH', ...STEPS, baseDecimals: 2 }, 400, 'has 8 decimals for ever'],
  ['/instruments', { base: 'BTC', quote: 'ETH', ...STEPS, minimum: '1.5' }, 400, 'multiple'],
  ['/instruments', { base: 'LINK', quote: 'BTC', ...STEPS, tickSize: '0.00000001', lotSize: '0.1' }, 400, 'would work'],
])('%s %j is refused with %i, and nothing is done', async (path, body, status, message) => {
  const before = await Promise.all(['/accounts', '/keys', '/instruments'].map((list) => admin(list)));
  const refused = await admin(path, body);
  expect(refused.status).toBe(status);
  expect(refused.body.message).toContain(message);
  expect(await Promise.all(['/accounts', '/keys', '/instruments'].map((list) => admin(list)))).toEqual(before);
});

test('a refusal is one sentence and exit code 1', async () => {
  const { code, stdout, stderr } = await commands.run('keys', 'create', 'nobody');
  expect([code, stdout, stderr]).toEqual([1, '', 'ringbook: there is no account "nobody"\n']);
});

test('the API itself: bodies that are no JSON, other fields, none; the token; methods', async () => {
  expect(await admin('/accounts', '{"name":')).toMatchObject({ status: 400, body: { reason: 'InvalidJson' } });
  for (const body of [{}, { name: 7 }, { name: 'x', more: 1 }, [], 'null', { name: '' }])
    expect(await admin('/accounts', body)).toMatchObject({ status: 400, body: { reason: 'InvalidInput' } });
  expect(await admin('/accounts', { name: 'tab\there' })).toMatchObject({ body: { reason: 'InvalidInput' } });
  expect(await admin('/deposits')).toMatchObject({ status: 405 });
  expect(await admin('/instruments/state', { symbol: 'btcusd', state: 'closed' })).toMatchObject({ status: 400 });
  expect(await admin('/accounts', `"${'x'.repeat(70_000)}"`)).toMatchObject({ status: 413 });
  const response = await fetch(`${exchange.sandbox.adminUrl}/deposits`, { method: 'POST', body: '{}' });
  expect(response.status).toBe(401);
});

test('every command explains itself, and says what to do when nothing answers', async () => {
  for (const words of [['keys'], ['instruments', 'add']]) {
    const { code, stdout } = await commands.run(...words, '--help');
    expect(code).toBe(0);
    expect(stdout).toContain('Usage: ringbook');
  }
  const empty = mkdtempSync(join(tmpdir(), 'ringbook-empty-'));
  const { code, stderr } = await commands.run('accounts', 'list', '--data-dir', empty);
  rmSync(empty, { recursive: true });
  expect(code).toBe(1);
  expect(stderr).toContain('npm start');
});
