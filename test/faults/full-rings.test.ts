import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DiskFaults } from '../support/disk-faults.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { journalledOrderIds } from '../support/journalled-orders.ts';
import { createKeys } from '../support/operator.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { type Credentials, nextNonce, signedHeaders, signedPost } from '../support/signed-client.ts';
import { expectSound } from '../support/sound.ts';
import { waitUntil } from '../support/wait-until.ts';

const isLong = process.env.RINGBOOK_TEST_LONG === '1';
const ROUNDS = isLong ? 20 : 2;
const CLIENTS = 100;
const ORDERS_PER_CLIENT = 10;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

let sent = 0; // over all rounds: no two orders share a client_order_id, or the later ones would be repeats
let folder: string;
let disk: DiskFaults;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-rings-'));
  disk = new DiskFaults();
});
afterEach(() => {
  disk.remove();
  rmSync(folder, { recursive: true, force: true });
});

interface Flood {
  readonly takenIds: string[];
  refused: number;
  readonly ended: Promise<unknown>;
}

/** Clients that send as fast as they are answered, one order after the other; a refusal must say when to come back. */
function flood(baseUrl: string, keys: readonly Credentials[], random: RandomIntegers, when: string): Flood {
  const takenIds: string[] = [];
  const runClient = async (credentials: Credentials): Promise<void> => {
    for (let count = 0; count < ORDERS_PER_CLIENT; count++) {
      const request = '/v1/order/new';
      const order = {
        symbol: 'btcusd',
        amount: '0.00001',
        price: `${100 + random.below(10)}.00`,
        side: random.oneOf(['buy', 'sell']),
        type: 'exchange limit',
        client_order_id: 'x'.repeat(random.below(90)), // two slots above 31 characters
      };
      sent += 1;
      const response = await fetch(baseUrl + request, {
        method: 'POST',
        headers: signedHeaders(credentials, {
          request,
          nonce: nextNonce(),
          ...order,
          client_order_id: `${sent}-${order.client_order_id}`,
        }),
      });
      const body = (await response.json()) as { order_id: string; reason: string };
      if (response.status === 200) {
        takenIds.push(body.order_id);
        continue;
      }
      expect([response.status, body.reason], when).toEqual([503, 'Maintenance']);
      expect(response.headers.get('retry-after'), when).toMatch(/^[1-9][0-9]*$/);
      flooded.refused += 1;
    }
  };
  const flooded: Flood = { takenIds, refused: 0, ended: Promise.resolve() };
  return Object.assign(flooded, { ended: Promise.all(keys.map(runClient)) });
}

/** What a client is told was taken is in the journal, once, and nothing else is. */
function expectEachOnce(takenIds: readonly string[], when: string): void {
  expect([...journalledOrderIds(folder)].sort(), when).toEqual([...takenIds].sort());
}

test.each([
  ['command', { RINGBOOK_COMMAND_RING_SLOTS: '64' }],
  ['event', { RINGBOOK_COMMAND_RING_SLOTS: '128', RINGBOOK_EVENT_RING_SLOTS: '64' }],
])(
  `a full %s ring, as the disk stands still: 503 at once, all else is served, ${ROUNDS} rounds (SEED=${seed})`,
  {
    timeout: ROUNDS * 60_000,
  },
  async (ring, sizes) => {
    const random = new RandomIntegers(seed);
    const exchange = await ExchangeProcess.start(folder, { ...sizes, ...disk.environment });
    try {
      const { baseUrl, adminUrl, adminToken } = exchange.sandbox;
      const keys = await createKeys(exchange.sandbox, 'alice', CLIENTS + 60);
      const takenIds: string[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const when = `round ${round} (SEED=${seed})`;
        disk.stall('journal', 'sync');
        const flooding = flood(baseUrl, keys, random, when);
        // All this while no disk has synced anything: who is answered now was not kept waiting by the ring.
        await waitUntil(() => flooding.refused >= CLIENTS, `${CLIENTS} orders are refused, ${when}`);
        const headers = { Authorization: `Bearer ${adminToken}` };
        expect((await fetch(`${adminUrl}/health`, { headers })).status, when).toBe(200);
        expect((await fetch(`${baseUrl}/v1/symbols`)).status, when).toBe(200);
        expect((await signedPost(baseUrl, exchange.sandbox.accounts[1]!, '/v1/orders')).status, when).toBe(200);
        const commands = async () => (await exchange.status()).commands;
        const { publishedSequence, appliedSequence, durableSequence } = await commands();
        expect(publishedSequence, when).toBeGreaterThan(durableSequence);
        if (ring === 'event')
          expect(appliedSequence, `the core waits for room, ${when}`).toBeLessThan(publishedSequence);
        else
          await waitUntil(async () => {
            const now = await commands();
            return now.appliedSequence === now.publishedSequence && now.durableSequence === durableSequence;
          }, `the core goes on, ${when}`);
        expect(flooding.takenIds, `nothing is answered before it is durable, ${when}`).toEqual([]);
        disk.heal();
        await flooding.ended;
        expect(flooding.takenIds.length + flooding.refused).toBe(keys.length * ORDERS_PER_CLIENT);
        takenIds.push(...flooding.takenIds);
      }
      expect(await exchange.stop()).toBe(0);
      expectEachOnce(takenIds, `SEED=${seed}`);
      await expectSound(folder, `after a full ${ring} ring (SEED=${seed})`);
    } finally {
      disk.heal();
      await exchange.kill();
    }
  },
);

test(`a flood over small rings on a disk that works: what is refused says so, what is taken is there once (SEED=${seed})`, {
  timeout: ROUNDS * 60_000,
}, async () => {
  const random = new RandomIntegers(seed);
  const small = { RINGBOOK_COMMAND_RING_SLOTS: '64', RINGBOOK_EVENT_RING_SLOTS: '64' };
  let exchange = await ExchangeProcess.start(folder, small);
  try {
    const keys = await createKeys(exchange.sandbox, 'alice', CLIENTS);
    const takenIds: string[] = [];
    let refused = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const flooding = flood(exchange.sandbox.baseUrl, keys, random, `round ${round} (SEED=${seed})`);
      await flooding.ended;
      takenIds.push(...flooding.takenIds);
      refused += flooding.refused;
    }
    expect(refused, 'the rings were full').toBeGreaterThan(0);
    await exchange.kill();
    const { stateHash } = await expectSound(folder, `after the flood (SEED=${seed})`);
    expectEachOnce(takenIds, `SEED=${seed}`);
    exchange = await ExchangeProcess.start(folder, small);
    expect((await exchange.status()).start.stateHash, 'a replay through rings as small').toBe(stateHash);
    expect(await exchange.stop()).toBe(0);
  } finally {
    await exchange.kill();
  }
});
