import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PrivateRedis } from '../../main/services/private-redis.ts';
import { expectAcknowledgedOnce } from '../support/acknowledged-orders.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { createKeys } from '../support/operator.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { LedgerCommands } from '../support/redis-exchange.ts';
import { startRedis } from '../support/servers/test-servers.ts';
import type { SettlingOrders } from '../support/settling-process.ts';
import { signedPost } from '../support/signed-client.ts';
import { TradingLoad } from '../support/trading-load.ts';
import { waitUntil } from '../support/wait-until.ts';

/** More than one process at one ledger: workers that deliver the same events, and an exchange that was thought dead. */

const IS_LONG = process.env.RINGBOOK_TEST_LONG === '1';
const ROUNDS = IS_LONG ? 20 : 1;
const WORKER = fileURLToPath(new URL('../support/settling-process.ts', import.meta.url));
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

let folder: string;
let redis: PrivateRedis;
const processes: { kill(): unknown }[] = [];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-twice-'));
  redis = await startRedis();
});
afterEach(async () => {
  for (const running of processes.splice(0)) await running.kill();
  rmSync(folder, { recursive: true, force: true });
});

async function start(dataFolder = folder): Promise<ExchangeProcess> {
  const exchange = await ExchangeProcess.start(dataFolder, { RINGBOOK_REDIS_URL: redis.url });
  processes.push(exchange);
  return exchange;
}

/** What a worker printed, and its exit code, once it has ended. */
interface Worker {
  readonly ended: Promise<{ code: number | null; output: string }>;
}

async function startWorker(orders: SettlingOrders): Promise<Worker> {
  const child = spawn(process.execPath, [WORKER, JSON.stringify(orders)], { stdio: ['ignore', 'pipe', 'pipe'] });
  processes.push({ kill: () => child.kill('SIGKILL') });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk;
    });
  const ended = new Promise<{ code: number | null; output: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, output })),
  );
  await waitUntil(() => output.includes('settling') || child.exitCode !== null, 'the worker settles');
  return { ended };
}

test(`each batch delivered 2 to 100 times, by the exchange and two workers at once, ${ROUNDS} rounds (SEED=${seed})`, {
  timeout: ROUNDS * 180_000,
}, async () => {
  const random = new RandomIntegers(seed);
  const commands = new LedgerCommands(folder, () => redis.url);
  for (let round = 0; round < ROUNDS; round++) {
    const when = `round ${round} (SEED=${seed})`;
    const exchange = await start();
    const { adminUrl, adminToken, accounts, baseUrl } = exchange.sandbox;
    const { ledger, settlementWatermarks } = await exchange.status();
    const orders = { folder, redisUrl: redis.url, epoch: ledger.epoch!, adminUrl, adminToken };
    const partitionCount = settlementWatermarks.length;
    const load = new TradingLoad(accounts, random, 'all');
    const running = load.run(baseUrl, 6, round);
    const workers = await Promise.all(
      [100, 10].map((mostRepeats, index) =>
        startWorker({ ...orders, partitionCount, mostRepeats, seed: seed + 2 * round + index }),
      ),
    );
    const sent = load.orders.length;
    await waitUntil(() => load.orders.length > sent + 200, 'two hundred orders are sent meanwhile');
    if (random.onceIn(2)) await exchange.kill();
    else expect(await exchange.stop(), when).toBe(0);
    await running;
    for (const { ended } of workers) {
      const { code, output } = await ended; // with the exchange
      expect(code, `${when}\n${output}`).toBe(0);
      const answers = JSON.parse(output.trim().split('\n').at(-1)!) as Record<string, number>;
      expect(answers.REPEATED, when).toBeGreaterThan(20);
      expect(answers.GAP, when).toBeUndefined();
    }
    await commands.expectAudited(when);
    const again = await start();
    await expectAcknowledgedOnce(again.sandbox.baseUrl, load.orders, when, 'all');
    expect(await again.stop(), when).toBe(0);
    await commands.expectAudited(`${when}, afterwards`);
  }
});

test('an exchange thought dead wakes beside its successor on a copy of its folder: it can hold nothing any more', async () => {
  const stale = await start();
  const order = { symbol: 'btcusd', amount: '0.1', price: '100.00', side: 'buy', type: 'exchange limit' };
  const [trader] = await createKeys(stale.sandbox, 'alice', 1);
  const place = ({ sandbox }: ExchangeProcess) => signedPost(sandbox.baseUrl, trader!, '/v1/order/new', order);
  expect((await place(stale)).status).toBe(200);
  await waitUntil(async () => {
    const { commands, events, ledger } = await stale.status();
    return (
      ledger.archivedSequence === ledger.ledgerSequence &&
      events.settledSequence === events.loggedSequence &&
      commands.durableSequence === commands.publishedSequence
    );
  }, 'it has nothing under way');
  stale.freeze();
  const copy = mkdtempSync(join(tmpdir(), 'ringbook-successor-'));
  cpSync(folder, copy, { recursive: true, filter: (path) => !path.endsWith('locks') });
  const successor = await start(copy);
  expect((await place(successor)).status).toBe(200);
  const held = await signedPost(successor.sandbox.baseUrl, trader!, '/v1/balances');

  stale.wake();
  // Every hold is below the floor by now; and it ends, once it finds that another process archives its ledger.
  for (let attempt = 0; attempt < 5; attempt++)
    expect((await place(stale).catch(() => ({ status: 500 }))).status).toBeGreaterThanOrEqual(500);
  await sleep(200);
  expect(await signedPost(successor.sandbox.baseUrl, trader!, '/v1/balances')).toEqual(held);
  await stale.kill();
  expect((await place(successor)).status).toBe(200);
  expect(await successor.stop()).toBe(0);
  await new LedgerCommands(copy, () => redis.url).expectAudited('of the successor');
  rmSync(copy, { recursive: true });
});
