import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PrivateRedis } from '../../main/services/private-redis.ts';
import type { StatusReport } from '../../main/status-report.ts';
import { expectAcknowledgedOnce } from '../support/acknowledged-orders.ts';
import { ExchangeProcess, MAIN } from '../support/exchange-process.ts';
import { adminPost } from '../support/operator.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { restartRedis, startRedis, startRedisOver } from '../support/servers/test-servers.ts';
import { signedPost } from '../support/signed-client.ts';
import { expectSound } from '../support/sound.ts';
import { TradingLoad } from '../support/trading-load.ts';
import { waitUntil } from '../support/wait-until.ts';

/** The whole exchange on a real Redis: processes of both are killed, and each test ends with an audit. */

const ROUNDS = process.env.RINGBOOK_TEST_LONG === '1' ? 100 : 3;
const CLIENTS = 8;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

let folder: string;
let redis: PrivateRedis;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-redis-'));
  redis = await startRedis();
});
afterEach(async () => {
  await redis.kill();
  rmSync(folder, { recursive: true, force: true });
});

function start(): Promise<ExchangeProcess> {
  return ExchangeProcess.start(folder, { RINGBOOK_REDIS_URL: redis.url });
}

/** Runs a command of ours to its end. */
function command(name: string, environment: Record<string, string> = {}): Promise<{ code: number; output: string }> {
  const env = { PATH: process.env.PATH ?? '', RINGBOOK_DATA_DIR: folder, ...environment };
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, name], { env, timeout: 120_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr });
    });
  });
}

/** Redis and folder agree, and everything that always holds, holds. */
async function expectAudited(when: string): Promise<void> {
  const { code, output } = await command('audit', { RINGBOOK_REDIS_URL: redis.url });
  expect([code, output.match(/^BROKEN.*$/gm) ?? []], `${when}\n${output}`).toEqual([0, []]);
}

async function statusOf({ sandbox }: ExchangeProcess): Promise<StatusReport> {
  const headers = { Authorization: `Bearer ${sandbox.adminToken}` };
  return (await (await fetch(`${sandbox.adminUrl}/status`, { headers })).json()) as StatusReport;
}

function order(name: string, fields: object = {}): object {
  const options: string[] = [];
  const common = { symbol: 'btcusd', amount: '0.01', price: '100.00', side: 'buy', type: 'exchange limit', options };
  return { ...common, client_order_id: name, ...fields };
}

test(`kill -9 of the exchange, of Redis, of both, ${ROUNDS} rounds under load (SEED=${seed})`, {
  timeout: ROUNDS * 60_000,
}, async () => {
  const random = new RandomIntegers(seed);
  for (let round = 0; round < ROUNDS; round++) {
    const exchange = await start();
    const load = new TradingLoad(exchange.sandbox.accounts, random);
    const running = load.run(exchange.sandbox.baseUrl, CLIENTS, round);
    await waitUntil(
      () => load.orders.some(({ orderId }) => typeof orderId === 'string'),
      'the first order is answered',
    );
    await sleep(random.between(0, 600));
    if (round % 3 === 0) await expectAudited(`at work, round ${round} (SEED=${seed})`);
    if (round % 3 !== 0) {
      await redis.kill();
      if (round % 3 === 1) {
        await sleep(random.between(0, 300));
        redis = await restartRedis(redis); // while the exchange goes on
        const answered = load.orders.length;
        await waitUntil(
          () => load.orders.slice(answered).some(({ orderId }) => typeof orderId === 'string'),
          'an order is taken again',
        );
      }
    }
    await exchange.kill();
    await running;
    if (round % 3 === 2) redis = await restartRedis(redis);
    await expectAudited(`after kill ${round}, before the restart (SEED=${seed})`);

    const restarted = await start();
    await expectAcknowledgedOnce(restarted.sandbox.baseUrl, load.orders, `round ${round} (SEED=${seed})`);
    expect(await restarted.stop()).toBe(0);
    await expectSound(
      folder,
      `after round ${round}, stopped in order: the folder alone tells everything (SEED=${seed})`,
    );
    await expectAudited(`after round ${round}, stopped in order (SEED=${seed})`);
  }
});

test('Redis away: new orders wait outside, cancels go on; Redis back: everything settles', async () => {
  const exchange = await start();
  const { baseUrl, accounts } = exchange.sandbox;
  const [alice, bob] = accounts as [(typeof accounts)[number], (typeof accounts)[number]];
  const resting = await signedPost(baseUrl, alice, '/v1/order/new', order('resting'));
  const other = await signedPost(baseUrl, alice, '/v1/order/new', order('other', { price: '99.00' }));
  expect([resting.status, other.status]).toEqual([200, 200]);
  await redis.kill();

  await waitUntil(async () => (await statusOf(exchange)).ledger.trouble !== null, 'the exchange notices');
  expect(await signedPost(baseUrl, bob, '/v1/order/new', order('refused', { side: 'sell' }))).toMatchObject({
    status: 503,
  });
  expect(await signedPost(baseUrl, bob, '/v1/balances')).toMatchObject({ status: 503 });
  const cancelled = await signedPost(baseUrl, alice, '/v1/order/cancel', { order_id: other.body.order_id });
  expect(cancelled).toMatchObject({ status: 200, body: { is_cancelled: true } });

  redis = await restartRedis(redis);
  await waitUntil(async () => (await statusOf(exchange)).ledger.trouble === null, 'the exchange finds it again');
  const sold = await signedPost(baseUrl, bob, '/v1/order/new', order('sold', { side: 'sell' }));
  expect(sold).toMatchObject({ status: 200, body: { executed_amount: '0.01' } });
  const held = await signedPost(baseUrl, alice, '/v1/balances');
  expect(held.body.find(({ currency }: { currency: string }) => currency === 'BTC')).toMatchObject({
    amount: '100.01',
  });
  expect(held.body.find(({ currency }: { currency: string }) => currency === 'USD')).toMatchObject({
    amount: '999998.998',
    available: '999998.998',
  });
  expect(await exchange.stop()).toBe(0);
  await expectAudited('stopped in order');
});

test('stopped while Redis is away: the next start settles what the journal has', async () => {
  const exchange = await start();
  const { baseUrl, accounts } = exchange.sandbox;
  const placed = await signedPost(baseUrl, accounts[0]!, '/v1/order/new', order('placed'));
  await redis.kill();
  await waitUntil(async () => (await statusOf(exchange)).ledger.trouble !== null, 'the exchange notices');
  await signedPost(baseUrl, accounts[0]!, '/v1/order/cancel', { order_id: placed.body.order_id });
  expect(await exchange.stop()).toBe(0);
  redis = await restartRedis(redis);
  const again = await start();
  const { body } = await signedPost(again.sandbox.baseUrl, again.sandbox.accounts[0]!, '/v1/balances');
  expect(body.find(({ currency }: { currency: string }) => currency === 'USD')).toMatchObject({ available: '1000000' });
  await again.kill();
  await expectAudited('after it');
});

test('Redis falls silent as the exchange stops: it is not waited for, and the next start settles the rest', async () => {
  const exchange = await start();
  const { baseUrl, accounts } = exchange.sandbox;
  const placed = await signedPost(baseUrl, accounts[0]!, '/v1/order/new', order('placed'));
  redis.signal('SIGSTOP'); // its connection stays, so that nobody knows yet
  await signedPost(baseUrl, accounts[0]!, '/v1/order/cancel', { order_id: placed.body.order_id });
  expect(await exchange.stop()).toBe(0);
  redis.signal('SIGCONT');
  const again = await start();
  const { body } = await signedPost(again.sandbox.baseUrl, again.sandbox.accounts[0]!, '/v1/balances');
  expect(body.find(({ currency }: { currency: string }) => currency === 'USD')).toMatchObject({ available: '1000000' });
  expect(await again.stop()).toBe(0);
  await expectAudited('after it');
});

test('an older Redis pauses a running exchange, and a start, and says what to do; cancels go on', async () => {
  const exchange = await start();
  const { baseUrl, accounts } = exchange.sandbox;
  const alice = accounts[0]!;
  await signedPost(baseUrl, alice, '/v1/order/new', order('first'));
  await redis.stop();
  const older = mkdtempSync(join(tmpdir(), 'ringbook-older-'));
  cpSync(redis.folder, older, { recursive: true });
  redis = await restartRedis(redis);
  await waitUntil(async () => (await statusOf(exchange)).ledger.trouble === null, 'the exchange finds it again');
  const second = await signedPost(baseUrl, alice, '/v1/order/new', order('second'));
  expect(second.status).toBe(200);
  await redis.stop();
  const newer = redis;
  redis = await startRedisOver(older, newer.port);
  await waitUntil(
    async () => (await statusOf(exchange)).ledger.trouble?.includes('older copy') === true,
    'it is paused',
  );
  expect(await signedPost(baseUrl, alice, '/v1/order/new', order('third'))).toMatchObject({ status: 503 });
  expect(await signedPost(baseUrl, alice, '/v1/order/cancel', { order_id: second.body.order_id })).toMatchObject({
    status: 200,
    body: { is_cancelled: true },
  });
  await exchange.kill();
  const again = await start();
  expect((await statusOf(again)).ledger.trouble).toMatch(/Redis knows \d+ changes, but .* older copy/);
  await redis.stop();
  redis = await restartRedis(newer);
  await waitUntil(async () => (await statusOf(again)).ledger.trouble === null, 'it goes on with the newer one');
  expect(await again.stop()).toBe(0);
  rmSync(older, { recursive: true });
  await expectAudited('with the newer one back');
});

test('a deposit submitted and confirmed 100 times at once is credited once, also while Redis comes and goes', {
  timeout: 180_000,
}, async () => {
  const exchange = await start();
  const { sandbox } = exchange;
  const btc = async (): Promise<string> => {
    const { body } = await signedPost(sandbox.baseUrl, sandbox.accounts[0]!, '/v1/balances');
    return body.find(({ currency }: { currency: string }) => currency === 'BTC').available;
  };
  const request = { account: 'alice', asset: 'BTC', amount: '1.5' };
  const submit = (idempotencyKey: string) => adminPost(sandbox, '/deposits', { ...request, idempotencyKey });
  const submitted = await Promise.all(Array.from({ length: 100 }, () => submit('first')));
  const ids = new Set(submitted.map(({ body }) => body.id));
  expect(ids.size).toBe(1);
  const [id] = ids;
  await Promise.all(Array.from({ length: 100 }, () => adminPost(sandbox, '/deposits/confirm', { id })));
  expect(await btc()).toBe('101.5');

  const second = (await submit('second')).body.id;
  await redis.kill();
  await waitUntil(async () => (await statusOf(exchange)).ledger.trouble !== null, 'the exchange notices');
  const confirmations = Array.from({ length: 100 }, () => adminPost(sandbox, '/deposits/confirm', { id: second }));
  redis = await restartRedis(redis);
  await Promise.all(confirmations);
  await waitUntil(async () => {
    const answer = await adminPost(sandbox, '/deposits/confirm', { id: second });
    return answer.body.state === 'done';
  }, 'the second deposit is done');
  expect(await btc()).toBe('103');

  const withdrawal = { amount: '3', address: 'bc1-somewhere', client_transfer_id: 'out' };
  const asked = await signedPost(sandbox.baseUrl, sandbox.accounts[0]!, '/v1/withdraw/BTC', withdrawal);
  expect(await btc()).toBe('100');
  await redis.kill();
  redis = await restartRedis(redis);
  await waitUntil(async () => {
    const answer = await adminPost(sandbox, '/withdrawals/confirm', { id: Number(asked.body.withdrawalId) });
    return answer.body.state === 'done';
  }, 'the withdrawal is done');
  expect(await btc()).toBe('100');
  expect(await exchange.stop()).toBe(0);
  await expectAudited('after deposits and a withdrawal');
});

test('the audit finds what Redis and the folder tell differently, and a Redis that it can not ask', async () => {
  const exchange = await start();
  await exchange.stop();
  await expectAudited('as it was left');
  expect(await command('audit')).toMatchObject({
    code: 1,
    output: expect.stringContaining('RINGBOOK_REDIS_URL must name'),
  });
  const client = new Redis(redis.url);
  await client.hset('{s0}:bal:100', 'a1', '1');
  client.disconnect();
  expect(await command('audit', { RINGBOOK_REDIS_URL: redis.url })).toMatchObject({
    code: 1,
    output: expect.stringContaining(
      'account 100 asset 1: 1 available and 0 held in Redis, 10000000000000000 available',
    ),
  });
  await redis.kill();
  expect(await command('audit', { RINGBOOK_REDIS_URL: redis.url })).toMatchObject({
    code: 1,
    output: expect.stringContaining('could not be compared'),
  });
});

test('a folder keeps the ledger that it began with', async () => {
  const exchange = await start();
  await exchange.stop();
  expect(await command('start')).toMatchObject({
    code: 1,
    output: expect.stringContaining('the balances of this data folder are in Redis: name it with RINGBOOK_REDIS_URL'),
  });
  const embedded = mkdtempSync(join(tmpdir(), 'ringbook-embedded-'));
  await (await ExchangeProcess.start(embedded)).stop();
  await expect(ExchangeProcess.start(embedded, { RINGBOOK_REDIS_URL: redis.url })).rejects.toThrow(
    /it takes a Redis only through `ledger rebuild`/,
  );
  await expect(
    ExchangeProcess.start(mkdtempSync(join(tmpdir(), 'ringbook-other-')), { RINGBOOK_REDIS_URL: redis.url }),
  ).rejects.toThrow(/Redis holds the ledger of another data folder/);
});
