import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PrivateRedis } from '../../main/services/private-redis.ts';
import { expectAcknowledgedOnce } from '../support/acknowledged-orders.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { adminPost, createKeys } from '../support/operator.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { LedgerCommands } from '../support/redis-exchange.ts';
import { restartRedis, startRedis } from '../support/servers/test-servers.ts';
import { type Credentials, signedPost } from '../support/signed-client.ts';
import { TradingLoad } from '../support/trading-load.ts';
import { waitUntil } from '../support/wait-until.ts';

/**
 * A Redis that comes back without what the exchange knows it had, while that runs under load. New orders and withdrawals
 * pause, cancels go on, a start pauses too; `ledger rebuild`, itself killed now and then, proves what it makes; then all goes on.
 */

const ROUNDS = process.env.RINGBOOK_TEST_LONG === '1' ? 4 : 1; // of each loss
const CLIENTS = 8;
/** Where nobody else trades: it rests until it is cancelled. */
const RESTING = { symbol: 'linkusd', amount: '1', price: '1.00', side: 'buy', type: 'exchange limit' };
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

let folder: string;
let redis: PrivateRedis;
let exchange: ExchangeProcess | null;
let commands: LedgerCommands;
let funder: Credentials | undefined;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-lost-'));
  redis = await startRedis();
  exchange = null;
  commands = new LedgerCommands(folder, () => redis.url);
});
afterEach(async () => {
  await exchange?.kill();
  await redis.kill();
  rmSync(folder, { recursive: true, force: true });
});

/** The append-only file that Redis writes at now. */
function appendOnlyFile(): string {
  const parts = join(redis.folder, 'appendonlydir');
  const name = readdirSync(parts)
    .filter((file) => file.endsWith('.incr.aof'))
    .sort()
    .at(-1);
  if (name === undefined) throw new Error(`${parts} holds no append-only file`);
  return join(parts, name);
}

interface Loss {
  readonly lose: (random: RandomIntegers) => Promise<void>;
  /** What is lost may be nothing that anybody knew of. */
  readonly mayBeNothing?: true;
}

/** Each loses the end of what Redis was told, or all of it, while the exchange is under load. */
const LOSSES: Record<string, Loss> = {
  'its append-only file cut by a few bytes': {
    lose: (random) => cutAppendOnlyFile(random.between(1, 200)),
    mayBeNothing: true,
  },
  'its append-only file cut by many bytes': { lose: (random) => cutAppendOnlyFile(random.between(20_000, 40_000)) },
  'an old copy restored': {
    lose: async (random) => {
      const copy = mkdtempSync(join(tmpdir(), 'ringbook-copy-'));
      cpSync(redis.folder, copy, { recursive: true });
      await sleep(random.between(300, 600)); // it goes on
      await redis.kill();
      rmSync(redis.folder, { recursive: true });
      cpSync(copy, redis.folder, { recursive: true });
      rmSync(copy, { recursive: true });
      redis = await restartRedis(redis);
    },
  },
  emptied: {
    lose: async () => {
      await redis.kill();
      rmSync(join(redis.folder, 'appendonlydir'), { recursive: true });
      redis = await restartRedis(redis);
    },
  },
  'another instance at its address': {
    lose: async () => {
      const { port } = redis;
      await redis.kill();
      redis = await startRedis({ port });
    },
  },
  'a replica promoted that lacks writes': {
    lose: async (random) => {
      const { port } = redis;
      const replica = await startRedis({ directives: { replicaof: `127.0.0.1 ${port}` } });
      const client = new Redis(replica.url);
      await waitUntil(
        async () => /master_link_status:up/.test(await client.info('replication')),
        'the replica has caught up',
      );
      await client.replicaof('NO', 'ONE');
      client.disconnect();
      await sleep(random.between(300, 600));
      await redis.kill();
      await replica.stop();
      redis = await PrivateRedis.start({ folder: replica.folder, port });
    },
  },
};

async function cutAppendOnlyFile(bytes: number): Promise<void> {
  await redis.kill();
  const path = appendOnlyFile();
  truncateSync(path, Math.max(0, statSync(path).size - bytes));
  redis = await restartRedis(redis);
}

/** Deposits and withdrawals that come in, are decided and are not, until the exchange is gone. */
async function moveFunds({ sandbox }: ExchangeProcess, random: RandomIntegers, round: number): Promise<void> {
  for (let step = 0; step < 10_000; step++)
    try {
      const key = `${round}-${step}`;
      const deposit = { account: random.oneOf(['alice', 'bob']), asset: 'BTC', amount: '0.5', idempotencyKey: key };
      await adminPost(sandbox, '/deposits', { ...deposit, confirm: random.onceIn(2) });
      const withdrawal = { amount: '0.25', address: 'bc1-somewhere', client_transfer_id: key };
      const { status, body } = await signedPost(sandbox.baseUrl, funder!, '/v1/withdraw/BTC', withdrawal);
      if (status !== 200 || random.onceIn(3)) continue;
      const decision = random.oneOf(['confirm', 'fail']);
      await adminPost(sandbox, `/withdrawals/${decision}`, { id: Number(body.withdrawalId), reason: 'no' });
    } catch {
      return;
    }
}

test.each(Object.entries(LOSSES))(
  `%s, ${ROUNDS} rounds under load (SEED=${seed})`,
  { timeout: ROUNDS * 180_000 },
  async (name, { lose, mayBeNothing }) => {
    const random = new RandomIntegers(seed);
    for (let round = 0; round < ROUNDS; round++) {
      const when = `${name}, round ${round} (SEED=${seed})`;
      exchange = await ExchangeProcess.start(folder, { RINGBOOK_REDIS_URL: redis.url });
      const { baseUrl, accounts } = exchange.sandbox;
      const [trader] = await createKeys(exchange.sandbox, 'alice', 1);
      [funder] = await createKeys(exchange.sandbox, 'bob', 1, ['fundManager']);
      const load = new TradingLoad(accounts, random, 'all');
      const running = Promise.all([load.run(baseUrl, CLIENTS, round), moveFunds(exchange, random, round)]);
      await waitUntil(() => load.orders.length > 100, 'a hundred orders are sent');
      const resting = await signedPost(baseUrl, trader!, '/v1/order/new', RESTING);
      expect(resting.status, when).toBe(200);
      await sleep(random.between(0, 600));

      await lose(random);
      const isPaused = await pausedOrUsable(exchange);
      if (!mayBeNothing) expect(isPaused, when).toBe(true);
      if (isPaused) {
        expect(await signedPost(baseUrl, trader!, '/v1/order/new', RESTING), when).toMatchObject({ status: 503 });
        const withdrawal = { amount: '0.1', address: 'bc1-somewhere' };
        expect(await signedPost(baseUrl, funder!, '/v1/withdraw/BTC', withdrawal), when).toMatchObject({ status: 503 });
        const cancel = { order_id: resting.body.order_id };
        expect(await signedPost(baseUrl, trader!, '/v1/order/cancel', cancel), when).toMatchObject({
          status: 200,
          body: { is_cancelled: true },
        });
      }
      if (random.onceIn(2)) await exchange.kill();
      else expect(await exchange.stop(), when).toBe(0);
      await running;

      if (isPaused && !(await startsAgain(when, mayBeNothing === true))) {
        for (let kill = random.below(3); kill > 0; kill--)
          await commands.run(['ledger', 'rebuild'], random.between(300, 2_000));
        const report = await commands.rebuild(when);
        expect(report.correctedBalances, when).toBe(0);
      }
      await commands.expectAudited(when);
      exchange = await ExchangeProcess.start(folder, { RINGBOOK_REDIS_URL: redis.url });
      await expectAcknowledgedOnce(exchange.sandbox.baseUrl, load.orders, when, 'all');
      for (const kind of ['deposits', 'withdrawals'])
        expect((await adminPost(exchange.sandbox, `/${kind}/list`, { stuck: true })).body, when).toEqual([]);
      expect(await signedPost(exchange.sandbox.baseUrl, trader!, '/v1/order/new', RESTING), when).toMatchObject({
        status: 200,
      });
      expect(await exchange.stop(), when).toBe(0);
      await commands.expectAudited(`${when}, afterwards`);
    }
  },
);

/**
 * A start pauses with a ledger that lacks what folder or journal were based on. What only the killed process knew of is
 * done again by the next one: orders, settlement and transfers follow from what is on disk.
 * @returns whether it came up and goes on
 */
async function startsAgain(when: string, mayStart: boolean): Promise<boolean> {
  exchange = await ExchangeProcess.start(folder, { RINGBOOK_REDIS_URL: redis.url });
  const { trouble } = (await exchange.status()).ledger;
  if (trouble === null) expect(mayStart, `${when}: it goes on`).toBe(true);
  else expect(trouble, when).toContain('ledger rebuild');
  await exchange.kill();
  return trouble === null;
}

/** @returns whether the ledger is paused, once that is decided */
async function pausedOrUsable(running: ExchangeProcess): Promise<boolean> {
  for (;;) {
    const { trouble } = (await running.status()).ledger;
    if (trouble === null || trouble.includes('paused')) return trouble !== null;
    await sleep(20);
  }
}
