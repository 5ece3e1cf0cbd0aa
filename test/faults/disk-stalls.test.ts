import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { expectAcknowledgedOnce } from '../support/acknowledged-orders.ts';
import { DiskFaults } from '../support/disk-faults.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { journalledOrderIds } from '../support/journalled-orders.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { type Answer, signedPost } from '../support/signed-client.ts';
import { expectSound } from '../support/sound.ts';
import { TradingLoad } from '../support/trading-load.ts';
import { waitUntil } from '../support/wait-until.ts';

const isLong = process.env.RINGBOOK_TEST_LONG === '1';
const ROUNDS = isLong ? 8 : 2;
const STALL_MS = 5_000;
const RING_SLOTS = 64;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const STALLS = [
  ['journal', 'write'],
  ['journal', 'sync'],
  ['events', 'write'],
  ['events', 'sync'],
  ['ledger', 'commit'],
  ['history', 'commit'],
] as const;

let folder: string;
let disk: DiskFaults;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-stall-'));
  disk = new DiskFaults();
});
afterEach(() => {
  disk.remove();
  rmSync(folder, { recursive: true, force: true });
});

test.each(isLong ? STALLS : STALLS.filter(([, operation]) => operation !== 'write'))(
  `the disk stalls for 5 s at the %s's %s: orders wait or get 503, none is lost or overtaken (SEED=${seed})`,
  {
    timeout: 120_000,
  },
  async (target, operation) => {
    const random = new RandomIntegers(seed);
    const settings = { RINGBOOK_COMMAND_RING_SLOTS: `${RING_SLOTS}` };
    const exchange = await ExchangeProcess.start(folder, { ...settings, ...disk.environment });
    try {
      const { baseUrl, accounts } = exchange.sandbox;
      let sent = 0;
      const place = (): Promise<Answer> =>
        signedPost(baseUrl, accounts[0]!, '/v1/order/new', {
          symbol: 'btcusd',
          amount: '0.001',
          price: `${100 + random.below(50)}.00`,
          side: 'buy',
          type: 'exchange limit',
          client_order_id: `order-${sent++}`,
        });
      const before: Answer[] = [];
      for (let count = 0; count < 10; count++) before.push(await place());

      disk.stall(target, operation);
      const stalled = sleep(STALL_MS);
      const during: Promise<Answer>[] = [];
      let answered = 0;
      for (let count = 0; count < 2 * RING_SLOTS; count++) {
        const publishedSequence = target === 'ledger' ? 0 : (await exchange.status()).commands.publishedSequence;
        let isAnswered = false;
        const answer = place().finally(() => {
          answered += 1;
          isAnswered = true;
        });
        during.push(answer);
        if (target === 'ledger') {
          await sleep(10); // none gets into the ring before its hold is on disk
          continue;
        }
        // One after the other into the ring, or past a full one: the order in which they were taken is known.
        await waitUntil(
          async () => isAnswered || (await exchange.status()).commands.publishedSequence > publishedSequence,
          'the order is taken or refused',
        );
      }
      await disk.met(target, operation);
      await stalled;
      expect((await fetch(`${baseUrl}/v1/book/btcusd`)).status, 'what is read is served all the while').toBe(200);
      const answeredInStall = answered;
      disk.heal();

      const answers = [...before, ...(await Promise.all(during))];
      const refusals = new Set(
        answers.filter(({ status }) => status !== 200).map(({ status, body }) => `${status} ${body.reason}`),
      );
      if (target === 'ledger') refusals.delete('400 InvalidNonce'); // sent at the same time, one overtook the other
      if (target === 'history') expect(refusals, 'nobody waits for the history').toEqual(new Set());
      else expect(refusals, 'the ring pushed back').toEqual(new Set(['503 Maintenance']));
      const taken = answers.filter(({ status }) => status === 200).map(({ body }) => body.order_id as string);
      expect(taken.length, 'what was taken was kept').toBeGreaterThan(before.length + RING_SLOTS / 2);
      if (target === 'journal')
        expect(answeredInStall, 'only refusals come before the disk does').toBe(answers.length - taken.length);
      const open = await signedPost(baseUrl, accounts[0]!, '/v1/orders');
      expect(open.body.map(({ order_id: id }: { order_id: string }) => id).sort()).toEqual([...taken].sort());
      expect(await exchange.stop()).toBe(0);
      const journalled = journalledOrderIds(folder);
      if (target === 'ledger') expect([...journalled].sort()).toEqual([...taken].sort());
      else expect(journalled, 'in the order in which they were taken').toEqual(taken);
      await expectSound(folder, `after a stall of ${target} ${operation} (SEED=${seed})`);
    } finally {
      disk.heal();
      await exchange.kill();
    }
  },
);

test(`stalls of a random disk act under load, each ending in a kill, ${ROUNDS} rounds (SEED=${seed})`, {
  timeout: ROUNDS * 60_000,
}, async () => {
  const random = new RandomIntegers(seed);
  let stateHash: string | null = null;
  for (let round = 0; round < ROUNDS; round++) {
    disk.heal();
    const [target, operation] = random.oneOf(STALLS);
    const when = `round ${round}, ${target} ${operation} (SEED=${seed})`;
    const exchange = await ExchangeProcess.start(folder, disk.environment);
    const { baseUrl, accounts } = exchange.sandbox;
    if (stateHash !== null) expect((await exchange.status()).start.stateHash, when).toBe(stateHash);
    const load = new TradingLoad(accounts, random);
    const running = load.run(baseUrl, 4, round);
    await sleep(random.between(50, 250));
    disk.stall(target, operation);
    await sleep(random.between(50, 1_000));
    if (random.onceIn(2)) {
      disk.heal();
      await sleep(random.between(0, 300));
    }
    await exchange.kill();
    await running;
    ({ stateHash } = await expectSound(folder, when));
    disk.heal();
    const restarted = await ExchangeProcess.start(folder);
    expect((await restarted.status()).start.stateHash, when).toBe(stateHash);
    await expectAcknowledgedOnce(restarted.sandbox.baseUrl, load.orders, when);
    expect(await restarted.stop()).toBe(0);
    ({ stateHash } = await expectSound(folder, when));
  }
});

test("status answers while the ledger's disk stalls, and says so", { timeout: 120_000 }, async () => {
  const exchange = await ExchangeProcess.start(folder, disk.environment);
  try {
    expect((await exchange.status()).ledger.trouble).toBeNull();
    disk.stall('ledger', 'commit');
    const { baseUrl, accounts } = exchange.sandbox;
    const order = { symbol: 'btcusd', amount: '0.001', price: '100.00', side: 'buy', type: 'exchange limit' };
    const answer = signedPost(baseUrl, accounts[0]!, '/v1/order/new', order);
    await disk.met('ledger', 'commit');
    const { ledger } = await exchange.status(); // would wait for the disk for ever
    expect(ledger.trouble).toContain('waits for its disk');
    expect(ledger.ledgerSequence).toBeGreaterThan(0);
    disk.heal();
    expect((await answer).status).toBe(200);
    expect((await exchange.status()).ledger.trouble).toBeNull();
  } finally {
    await exchange.kill();
  }
  await expectSound(folder, 'after a stall');
});
