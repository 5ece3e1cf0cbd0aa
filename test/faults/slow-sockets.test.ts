import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { createKeys } from '../support/operator.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { RawSocket } from '../support/raw-socket.ts';
import { type Credentials, nextNonce, signedHeaders, signedPost } from '../support/signed-client.ts';
import { expectSound } from '../support/sound.ts';
import { waitUntil } from '../support/wait-until.ts';

const ROUNDS = process.env.RINGBOOK_TEST_LONG === '1' ? 4 : 1;
const KEYS = 128;
const ORDERS_PER_KEY = 10;
const BATCHES = 500; // far more than kernels and the exchange buffer for one socket
const SLEEPERS = 4; // of each feed
/** What kernels buffer at most for a socket that nobody reads, and our own buffer of 1 MiB. */
const MAX_BUFFERED_BYTES = 24 * 2 ** 20;
/** All sleepers' buffers, and what tens of thousands of orders take; unbounded buffers would go far beyond. */
const MAX_GROWTH_BYTES = 512 * 2 ** 20;
const FEEDS = ['/v2/marketdata', '/v1/marketdata/btcusd', '/v1/multimarketdata?symbols=BTCUSD', '/v1/order/events'];
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

async function open(baseUrl: string, path: string, key: Credentials): Promise<RawSocket> {
  const headers = path === '/v1/order/events' ? signedHeaders(key, { request: path, nonce: nextNonce() }) : {};
  const socket = await RawSocket.open(Number(new URL(baseUrl).port), path, headers);
  if (path === '/v2/marketdata')
    socket.send({ type: 'subscribe', subscriptions: [{ name: 'l2', symbols: ['BTCUSD'] }] });
  await socket.next();
  return socket;
}

/** Alice offers, bob takes it all at once: events for every feed, and as much of them as the sockets need. */
async function trade(
  baseUrl: string,
  makers: readonly Credentials[],
  taker: Credentials,
  random: RandomIntegers,
): Promise<void> {
  const order = { symbol: 'btcusd', type: 'exchange limit' };
  await Promise.all(
    makers.map(async (key) => {
      for (let count = 0; count < ORDERS_PER_KEY; count++) {
        const price = `${100 + random.below(20)}.00`;
        const fields = {
          ...order,
          side: 'sell',
          amount: '0.00001',
          price,
          client_order_id: `${nextNonce()}${'x'.repeat(70)}`,
        };
        expect((await signedPost(baseUrl, key, '/v1/order/new', fields)).status).toBe(200);
      }
    }),
  );
  const amount = (makers.length * ORDERS_PER_KEY * 0.00001).toFixed(5);
  const taken = await signedPost(baseUrl, taker, '/v1/order/new', { ...order, side: 'buy', amount, price: '120.00' });
  expect(taken).toMatchObject({ status: 200, body: { remaining_amount: '0' } });
}

/** @returns the numbers that a feed gives its messages, which have no gap; none for l2 */
function socketSequences(socket: RawSocket): number[] {
  return socket.messages.flatMap((text) => {
    const message = JSON.parse(text);
    const parts: { socket_sequence?: number }[] = Array.isArray(message) ? message : [message];
    return parts.flatMap(({ socket_sequence: sequence }) => (sequence === undefined ? [] : [sequence]));
  });
}

/** @returns the book that an l2 client has, price to quantity */
function bookOf(socket: RawSocket): Map<string, string> {
  const book = new Map<string, string>();
  for (const text of socket.messages) {
    const { type, changes } = JSON.parse(text);
    if (type !== 'l2_updates') continue;
    for (const [side, price, quantity] of changes)
      if (Number(quantity) === 0) book.delete(`${side} ${Number(price)}`);
      else book.set(`${side} ${Number(price)}`, String(Number(quantity)));
  }
  return book;
}

function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1_024;
}

test(`clients of every feed that stop reading are ended with a close code, the others notice nothing, ${ROUNDS} rounds (SEED=${seed})`, {
  timeout: ROUNDS * 240_000,
}, async () => {
  const random = new RandomIntegers(seed);
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-slow-'));
  const exchange = await ExchangeProcess.start(folder);
  const sockets: RawSocket[] = [];
  try {
    const { baseUrl, accounts } = exchange.sandbox;
    const makers = await createKeys(exchange.sandbox, 'alice', KEYS);
    const openEach = async (feeds: readonly string[], count: number): Promise<RawSocket[]> => {
      const opened: RawSocket[] = [];
      for (const feed of feeds)
        for (let each = 0; each < count; each++) opened.push(await open(baseUrl, feed, accounts[0]!));
      sockets.push(...opened);
      return opened;
    };
    const readers = await openEach(FEEDS, 1);
    /** Sleepers of these feeds, until the last one is ended; what each had until then. @returns their close codes */
    const sleepUntilEnded = async (feeds: readonly string[], when: string): Promise<Set<number>> => {
      const sleepers = await openEach(feeds, SLEEPERS);
      for (const sleeper of sleepers) sleeper.stopReading();
      let batches = 0;
      for (; (await exchange.status()).openSockets > readers.length; batches++) {
        expect(batches, `batches until the last sleeper was ended, ${when}`).toBeLessThan(BATCHES);
        await trade(baseUrl, makers, accounts[1]!, random);
      }
      console.log(`${sleepers.length} sleepers were ended within ${batches} batches, ${when}`);
      const codes = new Set<number>();
      for (const sleeper of sleepers) {
        sleeper.readOn();
        codes.add((await sleeper.closed).code);
        const bytes = sleeper.messages.reduce((sum, text) => sum + text.length, 0);
        expect(bytes, `what was buffered for a sleeper, ${when}`).toBeLessThan(MAX_BUFFERED_BYTES);
        const sequences = socketSequences(sleeper);
        expect(sequences, `no gap before the end, ${when}`).toEqual(sequences.map((_, at) => sequences[0]! + at));
      }
      return codes;
    };
    for (let warmUp = 0; warmUp < 3; warmUp++) await trade(baseUrl, makers, accounts[1]!, random);
    for (let round = 0; round < ROUNDS; round++) {
      const when = `round ${round} (SEED=${seed})`;
      const residentBefore = residentBytes(exchange.pid);
      // The feed that fills a buffer within a batch: all of them are told why.
      expect(await sleepUntilEnded(['/v1/order/events'], when), when).toEqual(new Set([1013]));
      // The others take longer: who still reads nothing a while after the end is cut off without a word.
      const codes = await sleepUntilEnded(FEEDS, when);
      for (const code of codes) expect([1013, 1006], when).toContain(code);
      expect(residentBytes(exchange.pid) - residentBefore, `bytes of memory, ${when}`).toBeLessThan(MAX_GROWTH_BYTES);
      // Whoever comes back begins anew with a snapshot.
      for (const socket of await openEach(FEEDS, 1)) socket.destroy();
      await waitUntil(async () => (await exchange.status()).openSockets === readers.length, 'the new ones have left');
    }
    await signedPost(baseUrl, accounts[0]!, '/v1/order/new', {
      symbol: 'btcusd',
      type: 'exchange limit',
      side: 'sell',
      amount: '1.5',
      price: '777.00',
    });
    const l2 = readers[0]!;
    await waitUntil(() => bookOf(l2).get('sell 777') === '1.5', 'the reader sees the last order');
    expect([...bookOf(l2)], 'the book of the reader is the book').toEqual([['sell 777', '1.5']]);
    for (const reader of readers) {
      const sequences = socketSequences(reader);
      expect(sequences).toEqual(sequences.map((_, at) => sequences[0]! + at));
      if (reader !== l2) expect(sequences.length).toBeGreaterThan(0);
    }
    expect((await exchange.status()).openSockets).toBe(readers.length);
    expect(await exchange.stop()).toBe(0);
    await expectSound(folder, `after slow sockets (SEED=${seed})`);
  } finally {
    for (const socket of sockets) socket.destroy();
    await exchange.kill();
    rmSync(folder, { recursive: true, force: true });
  }
});
