import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { expectAcknowledgedOnce } from '../support/acknowledged-orders.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { type Credentials, nextNonce, signedPost } from '../support/signed-client.ts';
import { expectSound } from '../support/sound.ts';
import { type SentOrder, TradingLoad } from '../support/trading-load.ts';
import { waitUntil } from '../support/wait-until.ts';

const ROUNDS = process.env.RINGBOOK_TEST_LONG === '1' ? 100 : 5;
const CLIENTS = 16;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

test(`kill -9 under load, ${ROUNDS} rounds: what was acknowledged is there once, the rest wholly or not at all (SEED=${seed})`, {
  timeout: ROUNDS * 30_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-kill-'));
  const random = new RandomIntegers(seed);
  const dead: SentOrder[] = [];
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const exchange = await ExchangeProcess.start(folder);
      const { baseUrl, accounts } = exchange.sandbox;
      const load = new TradingLoad(accounts, random);
      const running = load.run(baseUrl, CLIENTS, round);
      await waitUntil(
        () => load.orders.some((order) => typeof order.orderId === 'string'),
        'the first order is answered',
      );
      await sleep(random.between(0, 1_200));
      await exchange.kill();
      await running;

      await expectSound(folder, `after kill ${round}, before the restart (SEED=${seed})`);
      const restarted = await ExchangeProcess.start(folder);
      try {
        await expectAcknowledgedOnce(restarted.sandbox.baseUrl, load.orders, `round ${round} (SEED=${seed})`);
        await expectNoncesUsedUp(restarted.sandbox.baseUrl, accounts, load.nonces);
        dead.push(...(await retryUnanswered(restarted.sandbox.baseUrl, load.orders)));
      } finally {
        expect(await restarted.stop()).toBe(0);
      }
      await expectSound(folder, `after round ${round}, stopped in order (SEED=${seed})`);
    }
    console.log(`kill -9: ${ROUNDS} rounds, ${dead.length} orders were retried that had got no answer (SEED=${seed})`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

async function expectNoncesUsedUp(
  baseUrl: string,
  accounts: readonly Credentials[],
  nonces: ReadonlyMap<string, string>,
): Promise<void> {
  for (const credentials of accounts) {
    const nonce = nonces.get(credentials.key);
    if (nonce === undefined) continue;
    const replayed = await signedPost(baseUrl, credentials, '/v1/heartbeat', {}, nonce);
    // The retries above have used later nonces of the same key: any older one must be refused, this one above all.
    expect(replayed).toMatchObject({ status: 400, body: { reason: 'InvalidNonce' } });
  }
  const fresh = await signedPost(baseUrl, accounts[0]!, '/v1/heartbeat', {}, nextNonce());
  expect(fresh.status).toBe(200);
}

/** Sends what got no answer again, twice: both answers must be one order. */
async function retryUnanswered(baseUrl: string, orders: readonly SentOrder[]): Promise<SentOrder[]> {
  const unanswered = orders.filter((order) => order.orderId === undefined);
  for (const { credentials, fields } of unanswered) {
    const first = await signedPost(baseUrl, credentials, '/v1/order/new', fields);
    const second = await signedPost(baseUrl, credentials, '/v1/order/new', fields);
    expect(first.status, JSON.stringify(first.body)).toBe(200);
    expect(second.body.order_id).toBe(first.body.order_id);
  }
  return unanswered;
}
