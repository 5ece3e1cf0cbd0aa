import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { expectAcknowledgedOnce } from '../support/acknowledged-orders.ts';
import { DiskFaults } from '../support/disk-faults.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { signedPost } from '../support/signed-client.ts';
import { expectSound } from '../support/sound.ts';
import { TradingLoad } from '../support/trading-load.ts';
import { waitUntil } from '../support/wait-until.ts';

const ROUNDS = process.env.RINGBOOK_TEST_LONG === '1' ? 30 : 3;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

test(`an exchange thought dead keeps its folder while it stands still, and goes on when it wakes, ${ROUNDS} rounds (SEED=${seed})`, {
  timeout: ROUNDS * 60_000,
}, async () => {
  const random = new RandomIntegers(seed);
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-frozen-'));
  let exchange = await ExchangeProcess.start(folder);
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const when = `round ${round} (SEED=${seed})`;
      const load = new TradingLoad(exchange.sandbox.accounts, random);
      const running = load.run(exchange.sandbox.baseUrl, 4, round);
      await sleep(random.between(50, 200));
      exchange.freeze();
      const refused = ExchangeProcess.start(folder);
      await expect(refused, when).rejects.toThrow(new RegExp(`is in use by process ${exchange.pid} .*stop it first`));
      const answeredBefore = load.orders.filter(({ orderId }) => orderId !== undefined).length;
      exchange.wake();
      await sleep(random.between(50, 200));
      const isWoken = random.onceIn(2);
      if (isWoken) {
        expect(
          (await signedPost(exchange.sandbox.baseUrl, exchange.sandbox.accounts[0]!, '/v1/heartbeat')).status,
        ).toBe(200);
        await waitUntil(
          () => load.orders.filter(({ orderId }) => orderId !== undefined).length > answeredBefore,
          `it goes on, ${when}`,
        );
      } else {
        exchange.freeze(); // it never wakes: killed while it stands still, the folder is free at once
      }
      await exchange.kill();
      await running;
      const { stateHash } = await expectSound(folder, when);
      exchange = await ExchangeProcess.start(folder);
      expect((await exchange.status()).start.stateHash, when).toBe(stateHash);
      await expectAcknowledgedOnce(exchange.sandbox.baseUrl, load.orders, when);
    }
    expect(await exchange.stop()).toBe(0);
    await expectSound(folder, `after ${ROUNDS} rounds (SEED=${seed})`);
  } finally {
    await exchange.kill();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a hold that is answered after the client was told to ask again: one order, held once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-late-'));
  const disk = new DiskFaults();
  const exchange = await ExchangeProcess.start(folder, { RINGBOOK_ANSWER_TIMEOUT_MS: '500', ...disk.environment });
  try {
    const { baseUrl, accounts } = exchange.sandbox;
    const order = { symbol: 'btcusd', amount: '0.001', price: '100.00', side: 'buy', type: 'exchange limit' };
    const place = (name: string) =>
      signedPost(baseUrl, accounts[0]!, '/v1/order/new', { ...order, client_order_id: name });
    for (let round = 0; round < ROUNDS; round++) {
      disk.stall('ledger', 'commit');
      const late = await place(`late-${round}`);
      expect(late).toMatchObject({ status: 503, body: { reason: 'Maintenance' } });
      expect(late.body.message).toContain('the outcome is unknown');
      const again = place(`late-${round}`); // while the first is still on its way to its hold
      await disk.met('ledger', 'commit');
      disk.heal();
      const { body } = (await again).status === 200 ? await again : await place(`late-${round}`);
      expect(body.order_id).toMatch(/^[0-9]+$/);
      expect((await place(`late-${round}`)).body.order_id).toBe(body.order_id);
    }
    expect((await signedPost(baseUrl, accounts[0]!, '/v1/orders')).body).toHaveLength(ROUNDS);
    const cancelled = await signedPost(baseUrl, accounts[0]!, '/v1/order/cancel/all');
    expect(cancelled.body.details.cancelledOrders).toHaveLength(ROUNDS);
    const balances = (await signedPost(baseUrl, accounts[0]!, '/v1/balances')).body;
    for (const { currency, amount, available } of balances) expect(available, `${currency} held`).toBe(amount);
    expect(await exchange.stop()).toBe(0);
    await expectSound(folder, 'after late holds');
  } finally {
    disk.heal();
    await exchange.kill();
    disk.remove();
    rmSync(folder, { recursive: true, force: true });
  }
});
