import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { InlineExchange, type TestAccount } from '../../support/inline-exchange.ts';
import { rawRequest } from '../../support/raw-http.ts';
import { nextNonce, signedHeaders } from '../../support/signed-client.ts';

let exchange: InlineExchange;
let alice: TestAccount;

beforeAll(async () => {
  exchange = await InlineExchange.start();
  alice = await exchange.account();
});
afterEach(async () => {
  expect((await exchange.post(alice, '/v1/heartbeat')).status, 'the exchange must live').toBe(200);
  expect(exchange.logged).toEqual([]);
});
afterAll(() => exchange.close());

function headerLines(account: TestAccount, payload: object): string {
  return Object.entries(signedHeaders(account, payload))
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}

test.each([
  ['bytes that are no HTTP', '\x00\x01\x02\xff\r\n\r\n'],
  ['HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n'],
  ['an absolute URL', 'GET http://example/ HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['OPTIONS *', 'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a negative length', 'POST /v1/heartbeat HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n'],
  ['a length of 20 digits', 'POST /v1/heartbeat HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n'],
  ['two lengths', 'POST /v1/heartbeat HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nhello'],
  ['a length and chunks', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello'],
  ['a chunk without end', 'POST /v1/heartbeat HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n'],
  ['a header of 64 KiB', `GET / HTTP/1.1\r\nHost: x\r\nX-GEMINI-PAYLOAD: ${'A'.repeat(65_536)}\r\n\r\n`],
  ['500 headers', `GET / HTTP/1.1\r\nHost: x\r\n${'a: b\r\n'.repeat(500)}\r\n`],
  ['half a header', 'GET / HTTP/1.1\r\nHost:'],
  ['a header without colon', 'GET / HTTP/1.1\r\nHost x\r\n\r\n'],
  ['a NUL in a header', 'POST /v1/heartbeat HTTP/1.1\r\nHost: x\r\nX-GEMINI-APIKEY: a\0b\r\nContent-Length: 0\r\n\r\n'],
])('%s: an error or a closed connection', async (_name, bytes) => {
  const answer = await rawRequest(exchange.port, bytes);
  expect(answer.status === 0 || answer.status >= 400, `status ${answer.status}`).toBe(true);
});

test('bytes above ASCII in the key header are an unknown key', async () => {
  const bytes = Buffer.concat([
    Buffer.from('POST /v1/heartbeat HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nX-GEMINI-APIKEY: '),
    Buffer.from([0xff, 0xfe, 0xc3, 0x28]),
    Buffer.from('\r\nX-GEMINI-PAYLOAD: e30=\r\nX-GEMINI-SIGNATURE: 00\r\n\r\n'),
  ]);
  const answer = await rawRequest(exchange.port, bytes);
  expect(answer.status === 0 || JSON.parse(answer.body).reason === 'InvalidSignature').toBe(true);
});

test('a body of 64 KiB is ignored, one more byte is 413', async () => {
  for (const [length, status] of [
    [65_536, 200],
    [65_537, 413],
  ] as const) {
    const headers = headerLines(alice, { request: '/v1/heartbeat', nonce: nextNonce() });
    const head = `POST /v1/heartbeat HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n${headers}\r\n`;
    const answer = await rawRequest(exchange.port, head + 'x'.repeat(length));
    expect(answer.status, `${length} bytes`).toBe(status);
    expect(JSON.parse(answer.body).reason).toBe(status === 200 ? undefined : 'RequestTooLarge');
  }
});

test('the answer to HEAD ends with its headers', async () => {
  const { status, headers, body } = await rawRequest(exchange.port, 'HEAD /v1/symbols HTTP/1.1\r\nHost: x\r\n\r\n');
  expect([status, body]).toEqual([200, '']);
  expect(headers).toMatch(/content-length: [1-9]/i);
});

test('requests sent without waiting for answers close the connection, and nothing else', async () => {
  const request = 'GET /v1/symbols HTTP/1.1\r\nHost: x\r\n\r\n';
  expect([0, 200]).toContain((await rawRequest(exchange.port, request + request)).status);
});

test('chunks count towards the limit as well', async () => {
  const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
  const head = 'POST /v1/heartbeat HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
  const answer = await rawRequest(exchange.port, `${head}${chunk.repeat(5)}0\r\n\r\n`);
  expect([answer.status, JSON.parse(answer.body).reason]).toEqual([413, 'RequestTooLarge']);
});

test('a body that comes in pieces delays the answer to its end, and two requests share a connection', async () => {
  const request = (): string =>
    `POST /v1/heartbeat HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n${headerLines(alice, {
      request: '/v1/heartbeat',
      nonce: nextNonce(),
    })}\r\n`;
  const socket = connect(exchange.port, '127.0.0.1');
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk.toString();
  });
  const answers = (): number => received.split('HTTP/1.1 200').length - 1;
  const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 60));
  for (const round of [1, 2]) {
    socket.write(`${request()}01234`);
    await pause();
    expect(answers()).toBe(round - 1);
    socket.write('56789');
    await pause();
    expect(answers()).toBe(round);
  }
  socket.destroy();
});

test('clients that hang up at any moment leave nothing behind', async () => {
  const headers = (): string => headerLines(alice, { request: '/v1/balances', nonce: nextNonce() });
  const text = `POST /v1/balances HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n${headers()}\r\nbody`;
  for (let cut = 1; cut < text.length; cut += 37) {
    const socket = connect(exchange.port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write(text.slice(0, cut));
    socket.resetAndDestroy();
  }
  await exchange.gateway.drained();
});

test('hundreds of connections that send nothing do not keep others waiting', async () => {
  const sockets = Array.from({ length: 300 }, () => connect(exchange.port, '127.0.0.1'));
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  const started = performance.now();
  expect((await exchange.get('/v1/symbols')).status).toBe(200);
  expect(performance.now() - started).toBeLessThan(1_000);
  for (const socket of sockets) socket.destroy();
});
