import { afterEach, beforeEach, expect, test } from 'vitest';
import { InlineExchange, type TestAccount } from '../../support/inline-exchange.ts';
import { Opcode, type RawSocket } from '../../support/raw-socket.ts';

const RECONNECTS = process.env.RINGBOOK_TEST_LONG === '1' ? 2_000 : 200;
const SUBSCRIBE = { type: 'subscribe', subscriptions: [{ name: 'l2', symbols: ['BTCUSD'] }] };
let exchange: InlineExchange;
let alice: TestAccount;

beforeEach(async () => {
  exchange = await InlineExchange.start({ socketBufferBytes: 64 * 1024 });
  alice = await exchange.account();
});
afterEach(async () => {
  await exchange.close();
});

function open(path = '/v2/marketdata'): Promise<RawSocket> {
  return exchange.openSocket(path);
}

async function expectAlive(): Promise<void> {
  const socket = await open();
  socket.send(SUBSCRIBE);
  expect(await socket.next()).toMatchObject({ type: 'l2_updates' });
  expect((await exchange.order(alice, 'buy', '0.001', '1.00')).status).toBe(200);
  expect(exchange.logged).toEqual([]);
}

test.each([
  ['too long a message', (socket: RawSocket) => socket.sendFrame(Opcode.TEXT, Buffer.alloc(20_000, 'x')), 1009],
  ['far too long a message', (socket: RawSocket) => socket.sendFrame(Opcode.TEXT, Buffer.alloc(300_000, 'x')), null],
  [
    'one that claims to be 2^62 bytes',
    (socket: RawSocket) => socket.sendBytes(Buffer.from('81ff400000000000000012345678', 'hex')),
    null,
  ],
  ['bad UTF-8', (socket: RawSocket) => socket.sendFrame(Opcode.TEXT, Buffer.from([0xc3, 0x28, 0xff])), null],
  ['a reserved opcode', (socket: RawSocket) => socket.sendFrame(11, Buffer.from('x')), null],
  ['a long ping', (socket: RawSocket) => socket.sendFrame(Opcode.PING, Buffer.alloc(200)), null],
  ['random bytes', (socket: RawSocket) => socket.sendBytes(Buffer.alloc(5_000, 0xee)), null],
] as const)('%s ends that socket and nothing else', async (_name, misbehave, code) => {
  const socket = await open();
  misbehave(socket);
  const closed = await socket.closed;
  if (code !== null) expect(closed.code).toBe(code);
  await expectAlive();
});

test('a message in many fragments is one message; binary is read as text', async () => {
  const socket = await open();
  const bytes = Buffer.from(JSON.stringify(SUBSCRIBE));
  for (let at = 0; at < bytes.byteLength; at += 7)
    socket.sendFrame(
      at === 0 ? Opcode.TEXT : Opcode.CONTINUATION,
      bytes.subarray(at, at + 7),
      at + 7 >= bytes.byteLength,
    );
  expect(await socket.next()).toMatchObject({ type: 'l2_updates' });
  socket.sendFrame(Opcode.BINARY, Buffer.from([0xff, 0xfe]));
  expect(await socket.next()).toMatchObject({ result: 'error', reason: 'InvalidJson' });
});

test('a client that asks without end is ended', async () => {
  const socket = await open();
  for (let at = 0; at <= 100; at++) socket.send(SUBSCRIBE);
  expect((await socket.closed).code).toBe(1008);
  expect(socket.messages).toHaveLength(100);
  await expectAlive();
});

test(`${RECONNECTS} sockets at once get one book, written once`, async () => {
  for (let level = 0; level < 200; level++) await exchange.order(alice, 'buy', '0.001', `${100 + level}.00`);
  const opened = await Promise.all(Array.from({ length: RECONNECTS }, () => open()));
  for (const socket of opened) socket.send(SUBSCRIBE);
  const books = await Promise.all(opened.map((socket) => socket.next()));
  expect(new Set(books.map((book) => JSON.stringify(book))).size).toBe(1);
  expect(books[0].changes).toHaveLength(200);
  expect(exchange.gateway.socketCount).toBe(RECONNECTS);
  for (const socket of opened) socket.destroy();
  await expect.poll(() => exchange.gateway.socketCount, { timeout: 5_000 }).toBe(0);
});

test('a shutdown tells every client', async () => {
  const socket = await open('/v1/marketdata/btcusd');
  await socket.next();
  exchange.gateway.close();
  expect((await socket.closed).code).toBe(1001);
});
