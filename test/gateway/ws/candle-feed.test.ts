import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { InlineExchange, type TestAccount } from '../../support/inline-exchange.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { RawSocket } from '../../support/raw-socket.ts';
import { waitUntil } from '../../support/wait-until.ts';

const MINUTE_MS = 60_000;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
let exchange: InlineExchange;
let alice: TestAccount;
let bob: TestAccount;
let sockets: RawSocket[];
let nowMs: number;

beforeEach(async () => {
  sockets = [];
  nowMs = Math.ceil(Date.now() / MINUTE_MS) * MINUTE_MS + 10_000;
  vi.spyOn(Date, 'now').mockImplementation(() => nowMs);
  exchange = await InlineExchange.start();
  alice = await exchange.account();
  bob = await exchange.account();
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  vi.restoreAllMocks();
  await exchange.close();
});

async function follow(name: string, symbol = 'BTCUSD'): Promise<RawSocket> {
  const socket = await RawSocket.open(exchange.port, '/v2/marketdata');
  sockets.push(socket);
  socket.send({ type: 'subscribe', subscriptions: [{ name, symbols: [symbol] }] });
  return socket;
}

async function trade(amount: string, price: string, symbol = 'btcusd'): Promise<void> {
  await exchange.order(alice, 'sell', amount, price, { symbol });
  await exchange.order(bob, 'buy', amount, price, { symbol });
}

/** What a client that keeps the newest state of each candle has now, newest first. */
function shownBy({ messages }: RawSocket): number[][] {
  const rows = new Map<number, number[]>();
  for (const text of messages) for (const row of JSON.parse(text).changes ?? []) rows.set(row[0], row);
  return [...rows.values()].sort((one, other) => other[0]! - one[0]!);
}

const minute = (): number => nowMs - (nowMs % MINUTE_MS);
const update = (...changes: number[][]) => ({ type: 'candles_1m_updates', symbol: 'BTCUSD', changes });

test('the newest candles come first, then the present one as it grows, then its end though nothing trades', async () => {
  await trade('1', '100.00');
  const socket = await follow('candles_1m');
  expect(await socket.next()).toEqual(update([minute(), 100, 100, 100, 100, 1]));
  await trade('0.5', '102.00');
  expect(await socket.next()).toEqual(update([minute(), 100, 102, 100, 102, 1.5]));
  const before = minute();
  nowMs += MINUTE_MS;
  const end = update([minute(), 102, 102, 102, 102, 0], [before, 100, 102, 100, 102, 1.5]);
  expect(await socket.next()).toEqual(end);
  nowMs += MINUTE_MS;
  expect(await socket.next()).toEqual(
    update([minute(), 102, 102, 102, 102, 0], [minute() - MINUTE_MS, 102, 102, 102, 102, 0]),
  );
  await trade('2', '99.00');
  expect(await socket.next()).toEqual(update([minute(), 99, 99, 99, 99, 2]));
});

test('each client is answered in its own spelling; books and candles go over one socket', async () => {
  await trade('1', '100.00');
  for (const name of ['candles_1hr', 'candles_1h', 'candles_6hr', 'candles_1day', 'candles_1w', 'candles_1M']) {
    const socket = await follow(name);
    expect(await socket.next()).toMatchObject({
      type: `${name}_updates`,
      symbol: 'BTCUSD',
      changes: [[expect.any(Number), 100, 100, 100, 100, 1]],
    });
  }
  const both = await follow('l2');
  both.send({ type: 'subscribe', subscriptions: [{ name: 'candles_5m', symbols: ['btcusd', 'ethusd'] }] });
  const types = [await both.next(), await both.next(), await both.next()].map(
    ({ type, symbol }) => `${type} ${symbol}`,
  );
  expect(types.sort()).toEqual(['candles_5m_updates BTCUSD', 'candles_5m_updates ETHUSD', 'l2_updates BTCUSD']);
});

test('an instrument that was never traded begins with nothing and goes on with its first trade', async () => {
  const socket = await follow('candles_1m', 'ETHUSD');
  expect(await socket.next()).toEqual({ type: 'candles_1m_updates', symbol: 'ETHUSD', changes: [] });
  await trade('1', '20.00', 'ethusd');
  expect(await socket.next()).toMatchObject({ symbol: 'ETHUSD', changes: [[minute(), 20, 20, 20, 20, 1]] });
});

test('an unsubscription ends it, and a subscription again begins anew', async () => {
  await trade('1', '100.00');
  const socket = await follow('candles_1m');
  const other = await follow('candles_1m');
  await socket.next();
  await other.next();
  socket.send({ type: 'unsubscribe', subscriptions: [{ name: 'candles_1m', symbols: ['BTCUSD'] }] });
  socket.send({ type: 'nonsense' });
  expect(await socket.next()).toMatchObject({ result: 'error' }); // the unsubscription has been read
  await trade('1', '105.00');
  expect(await other.next()).toMatchObject({ changes: [[minute(), 100, 105, 100, 105, 2]] });
  socket.send({ type: 'subscribe', subscriptions: [{ name: 'candles_1m', symbols: ['BTCUSD'] }] });
  expect(await socket.next()).toEqual(update([minute(), 100, 105, 100, 105, 2]));
  expect(socket.messages).toHaveLength(3);
});

test('trades that the store has late are sent when it has them, also of minutes that are over by then', async () => {
  await trade('1', '100.00');
  const socket = await follow('candles_1m');
  expect(await socket.next()).toEqual(update([minute(), 100, 100, 100, 100, 1]));
  const looked = vi.spyOn(exchange.history.klines, 'klines');
  exchange.history.isStalled = true;
  const first = minute();
  for (const price of [110, 120, 130]) {
    await trade('1', `${price}.00`);
    const before = looked.mock.calls.length;
    await waitUntil(() => looked.mock.calls.length > before + 1, 'the feed looks again while the store lags');
    nowMs += MINUTE_MS;
  }
  exchange.history.isStalled = false;
  exchange.history.wake();
  const expected = [
    [first + 3 * MINUTE_MS, 130, 130, 130, 130, 0],
    [first + 2 * MINUTE_MS, 130, 130, 130, 130, 1],
    [first + MINUTE_MS, 120, 120, 120, 120, 1],
    [first, 100, 110, 100, 110, 2],
  ];
  await waitUntil(() => JSON.stringify(shownBy(socket)) === JSON.stringify(expected), 'all trades were sent');
});

test.each([
  ['candles_2m', 'UnsupportedOption'],
  ['candles_', 'UnsupportedOption'],
  ['candles_constructor', 'UnsupportedOption'],
])('%s is answered with %s', async (name, reason) => {
  const socket = await follow(name);
  expect(await socket.next()).toMatchObject({ result: 'error', reason, message: expect.stringContaining('1m') });
});

test(`followers that join at any time end with the candles of REST (SEED=${seed})`, { timeout: 60_000 }, async () => {
  const random = new RandomIntegers(seed);
  const names = ['candles_1m', 'candles_5m', 'candles_1hr'];
  const followed: { readonly socket: RawSocket; readonly frame: string }[] = [];
  for (let round = 0; round < 15; round++) {
    const name = random.oneOf(names);
    followed.push({ socket: await follow(name), frame: name.slice('candles_'.length) });
    for (let count = random.below(5); count > 0; count--) await trade('0.1', `${random.between(90, 110)}.00`);
    nowMs += random.below(4) * 40_000;
  }
  await trade('0.1', '95.00');
  for (const { socket, frame } of followed) {
    const wanted = (await exchange.get(`/v2/candles/btcusd/${frame}`)).body;
    await waitUntil(
      () => JSON.stringify(shownBy(socket)) === JSON.stringify(wanted.slice(0, shownBy(socket).length)),
      `${frame} SEED=${seed}`,
    );
    expect(shownBy(socket), `${frame} SEED=${seed}`).toEqual(wanted);
  }
});
