import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { createKeys } from '../support/operator.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { type Answer, type Credentials, signedPost } from '../support/signed-client.ts';
import { expectSound } from '../support/sound.ts';

const ROUNDS = process.env.RINGBOOK_TEST_LONG === '1' ? 40 : 4;
const AT_ONCE = 8;
const LARGEST_NONCE = '9'.repeat(19);
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const INVALID_NONCE = { status: 400, body: { result: 'error', reason: 'InvalidNonce' } };

/** A client that remembers what it used up: an order is its proof, since a nonce that is refused must not trade. */
class NonceClient {
  readonly used: bigint[] = [];
  readonly orderIds: string[] = [];
  readonly credentials: Credentials;
  highest = 0n;

  constructor(credentials: Credentials) {
    this.credentials = credentials;
  }

  async order(baseUrl: string, nonce: bigint): Promise<Answer> {
    const order = { symbol: 'btcusd', amount: '0.001', price: '100.00', side: 'buy', type: 'exchange limit' };
    const answer = await signedPost(baseUrl, this.credentials, '/v1/order/new', order, `${nonce}`);
    if (answer.status !== 200) return answer;
    this.used.push(nonce);
    this.orderIds.push(answer.body.order_id);
    if (nonce > this.highest) this.highest = nonce;
    return answer;
  }
}

test(`a nonce replayed, reordered, on many connections at once, or from before a restart is accepted once, ${ROUNDS} rounds (SEED=${seed})`, {
  timeout: ROUNDS * 30_000,
}, async () => {
  const random = new RandomIntegers(seed);
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-nonce-'));
  let exchange = await ExchangeProcess.start(folder);
  try {
    const [far, near] = (await createKeys(exchange.sandbox, 'alice', 2)).map((key) => new NonceClient(key));
    const client = near!;
    expect((await far!.order(exchange.sandbox.baseUrl, BigInt(LARGEST_NONCE))).status, 'far in the future').toBe(200);
    let maybe = 0; // orders that got no answer: there or not
    for (let round = 0; round < ROUNDS; round++) {
      const when = `round ${round} (SEED=${seed})`;
      const { baseUrl } = exchange.sandbox;

      const shared = client.highest + BigInt(random.between(1, 1_000));
      const atOnce = await Promise.all(Array.from({ length: AT_ONCE }, () => client.order(baseUrl, shared)));
      expect(
        atOnce.filter(({ status }) => status === 200),
        `${AT_ONCE} at once, ${when}`,
      ).toHaveLength(1);
      for (const answer of atOnce) if (answer.status !== 200) expect(answer, when).toMatchObject(INVALID_NONCE);

      for (let step = 0; step < 10; step++) {
        const nonce = client.highest + BigInt(random.between(-20, 20));
        const isRising = nonce > client.highest;
        const answer = await client.order(baseUrl, nonce);
        if (isRising) expect(answer.status, when).toBe(200);
        else expect(answer, when).toMatchObject(INVALID_NONCE);
      }

      if (random.onceIn(2)) {
        const unanswered = client.order(baseUrl, client.highest + 1_000n).catch(() => null);
        await sleep(random.between(0, 20));
        await exchange.kill();
        if ((await unanswered) === null) maybe += 1;
      } else {
        expect(await exchange.stop()).toBe(0);
      }
      await expectSound(folder, when);

      exchange = await ExchangeProcess.start(folder);
      for (const nonce of [client.highest, random.oneOf(client.used), client.used[0]!])
        expect(await client.order(exchange.sandbox.baseUrl, nonce), `${nonce} after ${when}`).toMatchObject(
          INVALID_NONCE,
        );
      for (const nonce of [LARGEST_NONCE, `${client.highest}`])
        expect(await far!.order(exchange.sandbox.baseUrl, BigInt(nonce)), when).toMatchObject(INVALID_NONCE);
      // The one that got no answer may be used up or not: what lies above it is fresh.
      expect((await client.order(exchange.sandbox.baseUrl, client.highest + 2_000n)).status, when).toBe(200);
    }
    const open = await signedPost(exchange.sandbox.baseUrl, exchange.sandbox.accounts[0]!, '/v1/orders');
    const openIds: string[] = open.body.map(({ order_id: id }: { order_id: string }) => id);
    for (const id of [...client.orderIds, ...far!.orderIds]) expect(openIds).toContain(id);
    expect(openIds.length, 'an order for each accepted nonce').toBeLessThanOrEqual(client.orderIds.length + 1 + maybe);
    expect(await exchange.stop()).toBe(0);
    await expectSound(folder, `after ${ROUNDS} rounds (SEED=${seed})`);
  } finally {
    await exchange.kill();
    rmSync(folder, { recursive: true, force: true });
  }
});
