import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from '../../main/services/free-ports.ts';
import type { PrivateRedis } from '../../main/services/private-redis.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { adminPost } from '../support/operator.ts';
import { LedgerCommands } from '../support/redis-exchange.ts';
import { restartRedis, startRedis, startRedisOver } from '../support/servers/test-servers.ts';
import { signedPost } from '../support/signed-client.ts';
import { waitUntil } from '../support/wait-until.ts';

/** Starts without the Redis that has the ledger: cancels are served, everything else waits for it, and goes on by itself. */

let folder: string;
let redis: PrivateRedis;
let exchange: ExchangeProcess;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-paused-'));
  redis = await startRedis();
  exchange = await start();
});
afterEach(async () => {
  await exchange.kill();
  await redis.kill();
  rmSync(folder, { recursive: true, force: true });
});

function start(): Promise<ExchangeProcess> {
  return ExchangeProcess.start(folder, { RINGBOOK_REDIS_URL: redis.url });
}

const ORDER = { symbol: 'btcusd', amount: '0.01', price: '100.00', side: 'buy', type: 'exchange limit' };
const WITHDRAWAL = { amount: '1', address: 'bc1-somewhere' };

function ask(path: string, fields: object = {}, account = 0) {
  const { baseUrl, accounts } = exchange.sandbox;
  return signedPost(baseUrl, accounts[account]!, path, fields);
}

async function available(currency: string): Promise<string> {
  const { body } = await ask('/v1/balances');
  return body.find((balance: { currency: string }) => balance.currency === currency).available;
}

/** What is refused while the ledger can't be used, with the word that tells why; and what is served. */
async function expectPaused(code: string, cancelled: string): Promise<void> {
  const refused = { status: 503, body: { message: expect.stringContaining(`(${code})`) } };
  expect(await ask('/v1/order/new', ORDER)).toMatchObject(refused);
  expect(await ask('/v1/withdraw/BTC', WITHDRAWAL)).toMatchObject(refused);
  expect(await ask('/v1/balances')).toMatchObject(refused);
  expect(await ask('/v1/order/cancel', { order_id: cancelled })).toMatchObject({
    status: 200,
    body: { is_cancelled: true },
  });
  expect((await ask('/v1/orders')).status).toBe(200);
}

test.each(['killed', 'stopped in order'])(
  '%s, and started while Redis is away: it goes on by itself when Redis is back',
  { timeout: 180_000 },
  async (ending) => {
    const deposit = { account: 'alice', asset: 'BTC', amount: '0.5', idempotencyKey: 'first' };
    const submitted = (await adminPost(exchange.sandbox, '/deposits', deposit)).body.id as number;
    const [cancelled, resting] = await Promise.all([ask('/v1/order/new', ORDER), ask('/v1/order/new', ORDER, 1)]);
    expect([cancelled.status, resting.status]).toEqual([200, 200]);
    const withdrawal = Number((await ask('/v1/withdraw/BTC', WITHDRAWAL)).body.withdrawalId);
    await redis.kill();
    if (ending === 'killed') await exchange.kill();
    else expect(await exchange.stop()).toBe(0);

    exchange = await start();
    expect(exchange.output).toMatch(/New orders, deposits and withdrawals wait, cancels are served: /);
    const paused = await exchange.status();
    expect(paused).toMatchObject({ ledger: { kind: 'redis', trouble: expect.any(String) }, restingOrders: 2 });
    await expectPaused('AWAY', cancelled.body.order_id);
    expect(await adminPost(exchange.sandbox, '/deposits/confirm', { id: submitted })).toMatchObject({ status: 503 });
    const failing = { id: withdrawal, reason: 'no' };
    expect(await adminPost(exchange.sandbox, '/withdrawals/fail', failing)).toMatchObject({ status: 503 });

    redis = await restartRedis(redis);
    await waitUntil(async () => {
      const { ledger, start: begun } = await exchange.status();
      return ledger.trouble === null && begun.orphanedHoldsReleased !== null;
    }, 'it goes on');
    await waitUntil(
      async () => (await available('BTC')) === '100.5' && (await available('USD')) === '1000000',
      'the cancelled order, the deposit and the withdrawal are settled',
    );
    expect((await ask('/v1/order/new', ORDER)).status).toBe(200);
    expect((await ask('/v1/withdraw/BTC', WITHDRAWAL)).status).toBe(200);
    expect(await exchange.stop()).toBe(0);
    await new LedgerCommands(folder, () => redis.url).expectAudited(ending);
  },
);

test('started with an empty Redis: paused until it is rebuilt, also through kill and start', {
  timeout: 180_000,
}, async () => {
  const commands = new LedgerCommands(folder, () => redis.url);
  const [first, second] = [await ask('/v1/order/new', ORDER), await ask('/v1/order/new', ORDER)];
  expect(await exchange.stop()).toBe(0);
  const full = redis;
  redis = await startRedis();
  exchange = await start();
  await expectPaused('EMPTY', first.body.order_id);
  expect((await exchange.status()).ledger.trouble).toMatch(
    /Redis is empty, but \d+ changes are known: .*ledger rebuild/,
  );
  await exchange.kill();
  exchange = await start();
  await expectPaused('EMPTY', second.body.order_id);
  expect(await exchange.stop()).toBe(0);
  expect((await commands.rebuild('emptied')).correctedBalances).toBe(0);
  exchange = await start();
  expect((await exchange.status()).ledger.trouble).toBeNull();
  expect(await available('USD')).toBe('1000000');
  expect((await ask('/v1/order/new', ORDER)).status).toBe(200);
  expect(await exchange.stop()).toBe(0);
  await commands.expectAudited('rebuilt');
  await full.kill();
});

test('started with a Redis that keeps nothing on disk, and then one that does', async () => {
  const placed = await ask('/v1/order/new', ORDER);
  expect(await exchange.stop()).toBe(0);
  await redis.stop();
  const kept = redis;
  redis = await startRedis({ port: kept.port, directives: { appendonly: 'no' } });
  exchange = await start();
  await expectPaused('NOT_PERSISTENT', placed.body.order_id);
  await redis.kill();
  redis = await startRedisOver(kept.folder, kept.port);
  await waitUntil(async () => (await exchange.status()).ledger.trouble === null, 'it goes on');
  await waitUntil(async () => (await available('USD')) === '1000000', 'the cancelled order is settled');
  expect(await exchange.stop()).toBe(0);
  await new LedgerCommands(folder, () => redis.url).expectAudited('with the right one');
});

test('a first start has nothing to go on with: without its Redis it says so and ends', async () => {
  const fresh = mkdtempSync(join(tmpdir(), 'ringbook-first-'));
  const url = `redis://127.0.0.1:${await freePort()}`;
  await expect(ExchangeProcess.start(fresh, { RINGBOOK_REDIS_URL: url })).rejects.toThrow(
    /ended with 1 .*ECONNREFUSED/s,
  );
  const later = await ExchangeProcess.start(fresh, { RINGBOOK_REDIS_URL: (await startRedis()).url });
  expect(await later.stop()).toBe(0);
  rmSync(fresh, { recursive: true });
});
