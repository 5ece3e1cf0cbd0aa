import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { nextNonce, signedPost } from '../support/signed-client.ts';
import { expectSound } from '../support/sound.ts';

const CLIENT = fileURLToPath(new URL('../clients/classic-order.mjs', import.meta.url));
const ROUNDS = process.env.RINGBOOK_TEST_LONG === '1' ? 100 : 8;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

test(`kill -9 of a client anywhere around its request, ${ROUNDS} rounds: the order stands as the core decided, once (SEED=${seed})`, {
  timeout: ROUNDS * 10_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-client-'));
  const random = new RandomIntegers(seed);
  const exchange = await ExchangeProcess.start(folder);
  try {
    const { baseUrl, accounts } = exchange.sandbox;
    const alice = accounts[0]!;
    let standing = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const order = {
        symbol: 'btcusd',
        amount: '0.001',
        price: '100.00',
        side: 'buy',
        type: 'exchange limit',
        client_order_id: `round-${round}`,
      };
      const args = [CLIENT, baseUrl, alice.key, alice.secret, '/v1/order/new', JSON.stringify(order), nextNonce()];
      const client = spawn(process.execPath, args, { stdio: 'ignore' });
      const ended = new Promise((resolve) => client.once('exit', resolve));
      await sleep(random.between(20, 120)); // a Node process needs about half of that to send
      client.kill('SIGKILL');
      await ended;

      const asked = await signedPost(baseUrl, alice, '/v1/order/status', { client_order_id: order.client_order_id });
      const retried = await signedPost(baseUrl, alice, '/v1/order/new', order);
      expect(retried.status).toBe(200);
      if (asked.status === 200) {
        standing += 1;
        expect(retried.body.order_id).toBe(asked.body.order_id);
      } else {
        expect(asked).toMatchObject({ status: 404, body: { reason: 'OrderNotFound' } });
      }
    }
    const open = await signedPost(baseUrl, alice, '/v1/orders');
    const clientOrderIds = open.body.map((each: { client_order_id: string }) => each.client_order_id);
    expect(clientOrderIds.sort()).toEqual(Array.from({ length: ROUNDS }, (_, round) => `round-${round}`).sort());
    console.log(`killed clients: ${standing} of ${ROUNDS} orders stood (SEED=${seed})`);
    expect(await exchange.stop()).toBe(0);
    await expectSound(folder, `after ${ROUNDS} killed clients (SEED=${seed})`);
  } finally {
    await exchange.kill();
    rmSync(folder, { recursive: true, force: true });
  }
});
