import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { BROKEN_PAYLOADS, oddJson } from '../support/hostile-payloads.ts';
import { createKeys } from '../support/operator.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { type RawAnswer, rawRequest } from '../support/raw-http.ts';
import { HandshakeRefused, Opcode, RawSocket } from '../support/raw-socket.ts';
import { type Credentials, nextNonce, signedHeaders, signedPost } from '../support/signed-client.ts';
import { expectSound } from '../support/sound.ts';

const ROUNDS = process.env.RINGBOOK_TEST_LONG === '1' ? 20_000 : 600;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const SOCKETS = ['/v2/marketdata', '/v1/marketdata/btcusd', '/v1/multimarketdata?symbols=BTCUSD', '/v1/order/events'];
const ORDER = {
  symbol: '"btcusd"',
  amount: '"0.001"',
  price: '"100.00"',
  side: '"buy"',
  type: '"exchange limit"',
  client_order_id: '"hostile"',
};

let folder: string;
let exchange: ExchangeProcess;
let alice: Credentials;
let port: number;
let adminPort: number;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-hostile-'));
  exchange = await ExchangeProcess.start(folder);
  alice = exchange.sandbox.accounts[0]!;
  port = Number(new URL(exchange.sandbox.baseUrl).port);
  adminPort = Number(new URL(exchange.sandbox.adminUrl).port);
});
/** The same process lives, trades and has nothing to complain of. */
afterEach(async () => {
  const order = { symbol: 'btcusd', amount: '0.001', price: '100.00', side: 'buy', type: 'exchange limit' };
  const placed = await signedPost(exchange.sandbox.baseUrl, alice, '/v1/order/new', order);
  expect(placed.status, 'the exchange must live').toBe(200);
  const { order_id: orderId } = placed.body;
  const cancelled = await signedPost(exchange.sandbox.baseUrl, alice, '/v1/order/cancel', { order_id: orderId });
  expect(cancelled.body.is_cancelled).toBe(true);
  expect(exchange.output).not.toMatch(/"level":(50|60)/);
});
afterAll(async () => {
  try {
    expect(await exchange.stop()).toBe(0);
    await expectSound(folder, `after hostile input (SEED=${seed})`);
  } finally {
    await exchange.kill();
    rmSync(folder, { recursive: true, force: true });
  }
});

/** A typed error, never a stack, never "our fault". */
function expectTypedError(status: number, body: string, when: string): void {
  expect(status, `${when}: ${body}`).toBeGreaterThanOrEqual(400);
  expect(status, `${when}: ${body}`).toBeLessThan(500);
  if (status === 431) return; // headers beyond what the HTTP parser takes: it answers by itself, before any of our code
  const { result, reason, message } = JSON.parse(body);
  expect([result, typeof reason, typeof message], when).toEqual(['error', 'string', 'string']);
  expect(body, when).not.toMatch(/\.ts:\d|node:internal/);
}

async function post(path: string, payload: Buffer, key = alice): Promise<{ status: number; body: string }> {
  const encoded = payload.toString('base64');
  const signature = createHmac('sha384', key.secret).update(encoded).digest('hex');
  const headers = {
    'X-GEMINI-APIKEY': key.key,
    'X-GEMINI-PAYLOAD': encoded,
    'X-GEMINI-SIGNATURE': signature,
  };
  const response = await fetch(exchange.sandbox.baseUrl + path, { method: 'POST', headers });
  return { status: response.status, body: await response.text() };
}

test.each(BROKEN_PAYLOADS)('a signed payload of %s: a typed error on every signed path', async (name, payload) => {
  for (const path of [
    '/v1/order/new',
    '/v1/order/cancel',
    '/v1/order/status',
    '/v1/orders',
    '/v1/balances',
    '/v1/mytrades',
  ]) {
    const { status, body } = await post(path, payload);
    expectTypedError(status, body, `${name} at ${path}`);
  }
});

test(`${ROUNDS} signed requests with odd fields: an answer of its type for each (SEED=${seed})`, {
  timeout: ROUNDS * 200,
}, async () => {
  const random = new RandomIntegers(seed);
  const valid: readonly (readonly [path: string, fields: Readonly<Record<string, string>>])[] = [
    ['/v1/order/new', ORDER],
    ['/v1/order/new', { ...ORDER, options: '["immediate-or-cancel"]' }],
    ['/v1/order/cancel', { order_id: '4294967300' }],
    ['/v1/order/status', { client_order_id: '"hostile"', include_trades: 'true' }],
    ['/v1/orders/history', { symbol: '"btcusd"', limit_orders: '10', timestamp: '0' }],
    ['/v1/mytrades', { symbol: '"btcusd"', limit_trades: '10', timestamp: '0' }],
    ['/v1/balances', { account: '"primary"' }],
  ];
  let refused = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const [path, fields] = random.oneOf(valid);
    const odd = oddJson(fields, random).slice(1);
    const text = `{"request":"${path}","nonce":${nextNonce()}${odd === '}' ? '' : ','}${odd}`;
    const { status, body } = await post(path, Buffer.from(text));
    if (status === 200) continue; // some changes leave a request valid
    expectTypedError(status, body, `round ${round}, ${path} ${text.slice(0, 500)} (SEED=${seed})`);
    refused += 1;
  }
  expect(refused).toBeGreaterThan(ROUNDS / 4);
  // A nonce may use up its key for ever: each odd one has a key of its own.
  for (const key of await createKeys(exchange.sandbox, 'bob', 50)) {
    const text = oddJson({ request: '"/v1/balances"', nonce: nextNonce() }, random);
    const { status, body } = await post('/v1/balances', Buffer.from(text), key);
    if (status !== 200) expectTypedError(status, body, `${text} (SEED=${seed})`);
  }
  expect((await signedPost(exchange.sandbox.baseUrl, alice, '/v1/order/cancel/all')).status).toBe(200);
});

test(`operators' calls with odd fields: a typed error for each (SEED=${seed})`, async () => {
  const random = new RandomIntegers(seed);
  const instrument = {
    base: '"EUR"',
    quote: '"USD"',
    tickSize: '"0.01"',
    lotSize: '"0.01"',
    minimum: '"0.01"',
    baseDecimals: '2',
  };
  const valid: readonly (readonly [path: string, fields: Readonly<Record<string, string>>])[] = [
    ['/accounts', { name: '"alice"' }],
    ['/keys', { account: '"nobody"', roles: '["trader"]' }],
    ['/keys/revoke', { key: '"account-none"' }],
    ['/deposits', { account: '"nobody"', asset: '"USD"', amount: '"1"' }],
    ['/instruments', { ...instrument, lotSize: '"0"' }],
    ['/instruments/state', { symbol: '"nosuchusd"', state: '"halted"' }],
  ];
  const call = async (path: string, body: Buffer | string): Promise<void> => {
    const headers = { Authorization: `Bearer ${exchange.sandbox.adminToken}` };
    const response = await fetch(exchange.sandbox.adminUrl + path, { method: 'POST', headers, body });
    const text = await response.text();
    if (response.status !== 200) expectTypedError(response.status, text, `${path} ${`${body}`.slice(0, 500)}`);
  };
  for (let round = 0; round < ROUNDS / 2; round++) {
    const [path, fields] = random.oneOf(valid);
    await call(path, oddJson(fields, random));
  }
  for (const [, payload] of BROKEN_PAYLOADS) for (const [path] of valid) await call(path, payload);
  const deep = `{"name":${'['.repeat(30_000)}${']'.repeat(30_000)}}`;
  for (const [path] of valid) await call(path, deep);
  await call('/accounts', Buffer.alloc(65_537, 'x'));
  expect((await fetch(`${exchange.sandbox.adminUrl}/health`)).status, 'without the token').toBe(401);
});

test.each([
  ['clients', () => port],
  ['operators', () => adminPort],
])('bytes that are no request, at the door of %s: an error or a closed connection', async (_door, portOf) => {
  const random = new RandomIntegers(seed);
  const isRefused = ({ status }: RawAnswer): boolean => status === 0 || status >= 400;
  const requests: (string | Buffer)[] = [
    '\0\x01\x02\r\n\r\n',
    'GET / HTTP/0.9\r\n\r\n',
    'POST /v1/heartbeat HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
    'POST /v1/heartbeat HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nhello',
    'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n',
    `GET /${'a'.repeat(70_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `GET /v1/nothing HTTP/1.1\r\nHost: x\r\nX-GEMINI-PAYLOAD: ${'A'.repeat(70_000)}\r\n\r\n`,
    `GET /v1/nothing HTTP/1.1\r\nHost: x\r\n${'a: b\r\n'.repeat(1_000)}\r\n`,
    'GET /v1/book/%ff%fe%00 HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /v1/book/__proto__ HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /v1/book/constructor HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /v1/trades/btcusd?limit_trades=1e309 HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /v1/book/btcusd?limit_bids=-0.5 HTTP/1.1\r\nHost: x\r\n\r\n',
    `GET /v1/trades/btcusd?since=${'9'.repeat(400)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `POST /v1/heartbeat HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n${'x'.repeat(65_537)}`,
    ...Array.from({ length: 50 }, () =>
      Buffer.from(Array.from({ length: random.between(1, 2_000) }, () => random.below(256))),
    ),
  ];
  for (const bytes of requests)
    expect(
      isRefused(await rawRequest(portOf(), bytes)),
      `${bytes.toString('latin1').slice(0, 100)} (SEED=${seed})`,
    ).toBe(true);
});

test('headers that come byte by byte, on many connections: everyone else is served meanwhile', async () => {
  const sockets: Socket[] = [];
  const doors = [port, adminPort];
  for (let count = 0; count < 200; count++) {
    const socket = connect(doors[count % 2]!, '127.0.0.1');
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write('GET /v1/symbols HTTP/1.1\r\nX-Slow: ');
    sockets.push(socket);
  }
  for (let byte = 0; byte < 20; byte++) {
    for (const socket of sockets) if (!socket.destroyed) socket.write('a');
    expect((await fetch(`${exchange.sandbox.baseUrl}/v1/symbols`)).status).toBe(200);
    const headers = { Authorization: `Bearer ${exchange.sandbox.adminToken}` };
    expect((await fetch(`${exchange.sandbox.adminUrl}/health`, { headers })).status).toBe(200);
  }
  for (const socket of sockets) socket.destroy();
});

async function openSocket(path: string): Promise<RawSocket> {
  const headers = path === '/v1/order/events' ? signedHeaders(alice, { request: path, nonce: nextNonce() }) : {};
  return RawSocket.open(port, path, headers);
}

const MISDEEDS: readonly (readonly [name: string, misbehave: (socket: RawSocket) => void])[] = [
  ['too long a message', (socket) => socket.sendFrame(Opcode.TEXT, Buffer.alloc(20_000, 'x'))],
  ['far too long a message', (socket) => socket.sendFrame(Opcode.TEXT, Buffer.alloc(300_000, 'x'))],
  ['a claim of 2^62 bytes', (socket) => socket.sendBytes(Buffer.from('81ff400000000000000012345678', 'hex'))],
  ['bad UTF-8', (socket) => socket.sendFrame(Opcode.TEXT, Buffer.from([0xc3, 0x28, 0xff]))],
  ['a reserved opcode', (socket) => socket.sendFrame(11, Buffer.from('x'))],
  ['a reserved bit', (socket) => socket.sendBytes(Buffer.from('f18112345678', 'hex'))],
  ['a long ping', (socket) => socket.sendFrame(Opcode.PING, Buffer.alloc(200))],
  ['a fragmented ping', (socket) => socket.sendFrame(Opcode.PING, Buffer.from('x'), false)],
  ['a continuation of nothing', (socket) => socket.sendFrame(Opcode.CONTINUATION, Buffer.from('x'))],
  [
    'fragments without end',
    (socket) => {
      socket.sendFrame(Opcode.TEXT, Buffer.alloc(10_000, 'x'), false);
      for (let count = 0; count < 40; count++) socket.sendFrame(Opcode.CONTINUATION, Buffer.alloc(10_000, 'x'), false);
    },
  ],
];

test.each(SOCKETS)('frames against the rules end a socket of %s, and no other', async (path) => {
  const bystander = await openSocket(path);
  for (const [name, misbehave] of MISDEEDS) {
    const socket = await openSocket(path);
    misbehave(socket);
    const { code } = await socket.closed;
    expect(code, name).toBeGreaterThanOrEqual(1002);
  }
  let isClosed = false;
  bystander.closed.then(() => {
    isClosed = true;
  });
  bystander.sendFrame(Opcode.PING, Buffer.from('still there?'));
  expect((await fetch(`${exchange.sandbox.baseUrl}/v1/symbols`)).status).toBe(200);
  expect(isClosed).toBe(false);
  bystander.destroy();
});

test(`l2 messages of every odd kind get a typed error, and the socket goes on (SEED=${seed})`, async () => {
  const random = new RandomIntegers(seed);
  const valid = { type: '"subscribe"', subscriptions: '[{"name":"l2","symbols":["NOSUCHUSD"]}]' };
  const texts = [
    ...BROKEN_PAYLOADS.map(([, payload]) => payload).filter((payload) =>
      payload.equals(Buffer.from(payload.toString())),
    ),
    ...Array.from({ length: 60 }, () => Buffer.from(oddJson(valid, random))),
    Buffer.from(`{"type":"subscribe","subscriptions":${'['.repeat(7_000)}${']'.repeat(7_000)}}`),
    Buffer.from('{"type":"subscribe","subscriptions":[{"name":"l2","symbols":["__proto__","constructor"]}]}'),
  ];
  const socket = await openSocket('/v2/marketdata');
  for (const text of texts) {
    socket.sendFrame(Opcode.TEXT, text);
    const answer = await socket.next();
    expect(answer, `${text.toString().slice(0, 300)} (SEED=${seed})`).toMatchObject({
      result: 'error',
      reason: expect.any(String),
    });
  }
  socket.send({ type: 'subscribe', subscriptions: [{ name: 'l2', symbols: ['BTCUSD'] }] });
  expect(await socket.next()).toMatchObject({ type: 'l2_updates', symbol: 'BTCUSD' });
  socket.destroy();
});

test('sockets that nobody serves, or that are asked for without a right, get a typed error', async () => {
  const refusals: readonly (readonly [path: string, headers: Record<string, string>])[] = [
    ['/v1/marketdata/nosuchusd', {}],
    ['/v1/marketdata/__proto__', {}],
    ['/v1/multimarketdata', {}],
    [`/v1/multimarketdata?symbols=${'x,'.repeat(2_000)}`, {}],
    ['/v1/order/events', {}],
    ['/v1/order/events', signedHeaders(alice, { request: '/v1/order/events', nonce: '-0' })],
    ['/v1/order/events', { ...signedHeaders(alice, { request: '/v1/order/events' }), 'X-GEMINI-SIGNATURE': 'ff' }],
  ];
  for (const [path, headers] of refusals) {
    const refusal = await RawSocket.open(port, path, headers).catch((error: unknown) => error);
    expect(refusal, path.slice(0, 60)).toBeInstanceOf(HandshakeRefused);
    const { status, body } = refusal as HandshakeRefused;
    expectTypedError(status, body, path.slice(0, 60));
  }
});
