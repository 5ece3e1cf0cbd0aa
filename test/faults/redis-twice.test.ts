import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PrivateRedis } from '../../main/services/private-redis.ts';
import { expectAcknowledgedOnce } from '../support/acknowledged-orders.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { adminPost, createKeys } from '../support/operator.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { LedgerCommands } from '../support/redis-exchange.ts';
import { startRedis } from '../support/servers/test-servers.ts';
import type { SettlingOrders } from '../support/settling-process.ts';
import { type Credentials, signedPost } from '../support/signed-client.ts';
import { TradingLoad } from '../support/trading-load.ts';
import { waitUntil } from '../support/wait-until.ts';
import { dumpOf } from '../workers/ledger/redis-under-test.ts';

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

test('an exchange thought dead wakes beside its successor on a copy of its folder: nothing that it does is done', {
  timeout: 180_000,
}, async () => {
  const stale = await start();
  const { sandbox } = stale;
  const order = { symbol: 'btcusd', amount: '0.1', price: '100.00', side: 'buy', type: 'exchange limit' };
  const traders = await createKeys(sandbox, 'alice', 4);
  const funders = await createKeys(sandbox, 'alice', 3, ['fundManager']);
  const place = (at: ExchangeProcess, trader: Credentials) =>
    signedPost(at.sandbox.baseUrl, trader, '/v1/order/new', order);
  const withdraw = (at: ExchangeProcess, funder: Credentials) =>
    signedPost(at.sandbox.baseUrl, funder, '/v1/withdraw/BTC', { amount: '0.1', address: 'bc1-somewhere' });
  const resting = await place(stale, traders[0]!);
  const waiting = await Promise.all(funders.slice(0, 2).map((funder) => withdraw(stale, funder)));
  const deposit = { account: 'alice', asset: 'BTC', amount: '0.5' };
  const submitted = await adminPost(sandbox, '/deposits', { ...deposit, idempotencyKey: 'first' });
  expect([resting, ...waiting, submitted].map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  const isIdle = async (exchange: ExchangeProcess): Promise<boolean> => {
    const { commands, events, ledger } = await exchange.status();
    return (
      ledger.archivedSequence === ledger.ledgerSequence &&
      events.settledSequence === events.loggedSequence &&
      commands.durableSequence === commands.publishedSequence
    );
  };
  await waitUntil(() => isIdle(stale), 'it has nothing under way');
  stale.freeze();
  const copy = mkdtempSync(join(tmpdir(), 'ringbook-successor-'));
  cpSync(folder, copy, { recursive: true, filter: (path) => !path.endsWith('locks') });
  const successor = await start(copy);
  expect((await place(successor, traders[0]!)).status).toBe(200);
  await waitUntil(() => isIdle(successor), 'the successor has nothing under way');
  const before = await dumpOf(redis.url);

  stale.wake(); // and everything that writes is asked of it at once
  const [first, second] = waiting.map(({ body }) => Number(body.withdrawalId));
  const asked = [
    ...traders.slice(1).map((trader) => place(stale, trader)),
    signedPost(sandbox.baseUrl, traders[0]!, '/v1/order/cancel', { order_id: resting.body.order_id }),
    withdraw(stale, funders[2]!),
    adminPost(sandbox, '/withdrawals/confirm', { id: first }),
    adminPost(sandbox, '/withdrawals/fail', { id: second, reason: 'no' }),
    adminPost(sandbox, '/deposits/confirm', { id: submitted.body.id }),
    adminPost(sandbox, '/deposits', { ...deposit, idempotencyKey: 'second', confirm: true }),
  ].map((answer) => answer.then(({ status }) => status).catch(() => 500)); // it ends amid them
  const statuses = await Promise.all(asked);
  statuses.splice(traders.length - 1, 1); // a cancel needs no ledger: it may be answered before the end
  for (const status of statuses) expect(status).toBeGreaterThanOrEqual(500);
  expect(await stale.ended).toBe(70);
  expect(stale.output).toMatch(
    /ringbook ends: .*a later start of this data folder, or of a copy of it, has the ledger/,
  );
  expect(await dumpOf(redis.url)).toEqual(before);

  // Started again and again on its own folder it still is not the newest, however high its start number gets.
  for (let attempt = 0; attempt < 3; attempt++) await expect(start()).rejects.toThrow(/has the ledger/);
  const stray = new LedgerCommands(folder, () => redis.url);
  expect(await stray.run(['audit'])).toMatchObject({ code: 1, output: expect.stringContaining('has the ledger') });
  expect(await stray.run(['ledger', 'rebuild'])).toMatchObject({
    code: 1,
    output: expect.stringContaining('has the ledger'),
  });
  expect(await dumpOf(redis.url)).toEqual(before);
  expect((await place(successor, traders[0]!)).status).toBe(200);
  expect(await successor.stop()).toBe(0);
  await new LedgerCommands(copy, () => redis.url).expectAudited('of the successor');
  rmSync(copy, { recursive: true });
});
