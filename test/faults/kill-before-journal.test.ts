import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DiskFaults } from '../support/disk-faults.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { journalledOrderIds } from '../support/journalled-orders.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { signedPost } from '../support/signed-client.ts';
import { expectSound } from '../support/sound.ts';
import { waitUntil } from '../support/wait-until.ts';

const ROUNDS = process.env.RINGBOOK_TEST_LONG === '1' ? 100 : 4;
const ORDERS = 10; // killed in each round: a thousand in the long form
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const ORDER = { symbol: 'btcusd', amount: '0.001', price: '100.00', side: 'buy', type: 'exchange limit' };
/** What an order holds: 0.001 × 100.00 USD and the taker's fee on it. */
const NEED_USD = 0.1004;

test(`kill -9 between hold and journal, ${ROUNDS * ORDERS} orders: their holds come back, no others, and no id is used twice (SEED=${seed})`, {
  timeout: ROUNDS * 30_000,
}, async () => {
  const random = new RandomIntegers(seed);
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-hold-'));
  const disk = new DiskFaults();
  let resting = 0;
  let lost = 0;
  const answeredIds = new Set<string>();
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const when = `round ${round} (SEED=${seed})`;
      const exchange = await ExchangeProcess.start(folder, disk.environment);
      const { baseUrl, accounts } = exchange.sandbox;
      const place = (name: string) =>
        signedPost(baseUrl, accounts[0]!, '/v1/order/new', { ...ORDER, client_order_id: `${round}-${name}` });
      const answered = random.below(4);
      for (let count = 0; count < answered; count++) {
        const { order_id: id } = (await place(`kept-${count}`)).body;
        expect(answeredIds.has(id), `order id ${id} was given before, ${when}`).toBe(false);
        answeredIds.add(id);
      }
      resting += answered;

      // A command is published only when its hold is on disk: there it stays, since the journal's disk stands still.
      const operation = random.oneOf(['write', 'sync'] as const);
      disk.stall('journal', operation);
      const before = (await exchange.status()).commands.publishedSequence;
      const unanswered: Promise<unknown>[] = [];
      for (let count = 1; count <= ORDERS; count++) {
        unanswered.push(place(`dead-${count}`).catch(() => null));
        await waitUntil(
          async () => (await exchange.status()).commands.publishedSequence === before + count,
          `order ${count} is published, ${when}`,
        );
      }
      await disk.met('journal', operation);
      const { durableSequence } = (await exchange.status()).commands;
      expect(durableSequence, when).toBe(before);
      await exchange.kill();
      expect(await Promise.all(unanswered), when).toEqual(Array(ORDERS).fill(null));
      disk.heal();

      // What was written and not yet synced outlives a kill, as opposed to a power cut: such orders stand, wholly.
      const stood = journalledOrderIds(folder).length - resting;
      if (operation === 'write') expect(stood, when).toBe(0);
      resting += stood;
      lost += ORDERS - stood;
      await expectSound(folder, `${when}, before the restart`);
      const restarted = await ExchangeProcess.start(folder);
      await waitUntil(
        async () => (await restarted.status()).start.orphanedHoldsReleased !== null,
        `orphans are looked for, ${when}`,
      );
      const { start, restingOrders } = await restarted.status();
      expect(start.orphanedHoldsReleased, when).toBe(ORDERS - stood);
      expect(restingOrders, when).toBe(resting);
      const balances = await signedPost(restarted.sandbox.baseUrl, accounts[0]!, '/v1/balances');
      const usd = balances.body.find(({ currency }: { currency: string }) => currency === 'USD');
      expect(Number(usd.amount) - Number(usd.available), when).toBeCloseTo(resting * NEED_USD, 6);
      expect(await restarted.stop()).toBe(0);
      const ids = journalledOrderIds(folder);
      expect(new Set(ids).size, `no id twice in the journal, ${when}`).toBe(ids.length);
      await expectSound(folder, `${when}, after the restart`);
    }
    console.log(`killed between hold and journal: ${lost} holds released, ${resting} orders kept (SEED=${seed})`);
  } finally {
    disk.remove();
    rmSync(folder, { recursive: true, force: true });
  }
});
