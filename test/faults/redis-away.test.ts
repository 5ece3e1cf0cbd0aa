import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from '../../main/services/free-ports.ts';
import type { PrivateRedis } from '../../main/services/private-redis.ts';
import { LEDGER_SCRIPTS } from '../../workers/ledger/redis/ledger-scripts.ts';
import { expectAcknowledgedOnce } from '../support/acknowledged-orders.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { adminPost } from '../support/operator.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { LedgerCommands } from '../support/redis-exchange.ts';
import { CuttingProxy } from '../support/servers/cutting-proxy.ts';
import { startRedis } from '../support/servers/test-servers.ts';
import { signedPost } from '../support/signed-client.ts';
import { TradingLoad } from '../support/trading-load.ts';
import { waitUntil } from '../support/wait-until.ts';

/** A Redis that can't be reached, loses answers, or refuses, while the exchange runs under load. Nothing is lost by it. */

const IS_LONG = process.env.RINGBOOK_TEST_LONG === '1';
const ROUNDS = IS_LONG ? 20 : 2;
const CLIENTS = 6;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const BLOCKED_FILE = 'blocked.rdb';

let folder: string;
let redis: PrivateRedis;
let operator: Redis;
let exchange: ExchangeProcess | null;
let commands: LedgerCommands;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-away-'));
  redis = await startRedis({ directives: { save: '3600 1', dbfilename: BLOCKED_FILE, 'busy-reply-threshold': '20' } });
  operator = new Redis(redis.url);
  exchange = null;
  commands = new LedgerCommands(folder, () => redis.url);
});
afterEach(async () => {
  operator.disconnect();
  await exchange?.kill();
  rmSync(folder, { recursive: true, force: true });
});

/** Trades through the trouble, and once it is over: everything settles, everything acknowledged is there once. */
async function expectWeathered(
  random: RandomIntegers,
  when: string,
  makeTrouble: (running: ExchangeProcess) => Promise<void>,
  redisUrl = redis.url,
): Promise<void> {
  exchange = await ExchangeProcess.start(folder, { RINGBOOK_REDIS_URL: redisUrl });
  const { sandbox } = exchange;
  const load = new TradingLoad(sandbox.accounts, random);
  const running = load.run(sandbox.baseUrl, CLIENTS, 0);
  const isTaken = (): boolean => load.orders.some(({ orderId }) => typeof orderId === 'string');
  await waitUntil(isTaken, 'the first order is taken');
  for (let round = 0; round < ROUNDS; round++) {
    const deposits = Promise.all(
      Array.from({ length: 5 }, (_, at) => {
        const deposit = { account: 'alice', asset: 'BTC', amount: '0.5', idempotencyKey: `${round}-${at}` };
        return adminPost(sandbox, '/deposits', { ...deposit, confirm: true }).catch(() => undefined);
      }),
    );
    await makeTrouble(exchange);
    const sent = load.orders.length;
    await waitUntil(
      () => load.orders.slice(sent).some(({ orderId }) => typeof orderId === 'string'),
      `orders are taken again, ${when}`,
    );
    await deposits;
    if (load.orders.length > 5_000) break; // each client stops by itself
  }
  if (random.onceIn(2)) await exchange.kill();
  else expect(await exchange.stop(), when).toBe(0);
  await running;
  await commands.expectAudited(when);
  exchange = await ExchangeProcess.start(folder, { RINGBOOK_REDIS_URL: redis.url });
  await expectAcknowledgedOnce(exchange.sandbox.baseUrl, load.orders, when);
  await expectNothingHeldAfterCancel(exchange, when);
  expect(await exchange.stop(), when).toBe(0);
  await commands.expectAudited(`${when}, afterwards`);
}

/** Every hold belongs to an order that can be cancelled. */
async function expectNothingHeldAfterCancel({ sandbox }: ExchangeProcess, when: string): Promise<void> {
  for (const account of sandbox.accounts) {
    await signedPost(sandbox.baseUrl, account, '/v1/order/cancel/all');
    await waitUntil(async () => {
      const { body } = await signedPost(sandbox.baseUrl, account, '/v1/balances');
      return body.every(({ amount, available }: { amount: string; available: string }) => amount === available);
    }, `nothing stays held, ${when}`);
  }
}

test(`Redis stands still for a while, ${ROUNDS} times (SEED=${seed})`, { timeout: ROUNDS * 120_000 }, async () => {
  const random = new RandomIntegers(seed);
  await expectWeathered(random, `Redis stood still (SEED=${seed})`, async () => {
    await sleep(random.between(0, 200));
    redis.signal('SIGSTOP');
    await sleep(IS_LONG ? random.between(1_000, 60_000) / (random.onceIn(10) ? 1 : 20) : random.between(500, 1_500));
    redis.signal('SIGCONT');
  });
});

test(`calls and answers are lost with their connection, ${ROUNDS} times each script (SEED=${seed})`, {
  timeout: ROUNDS * 300_000,
}, async () => {
  const random = new RandomIntegers(seed);
  const proxy = await CuttingProxy.start(redis.port);
  const { holdFunds, settleLegs, creditFunds, releaseHold, trimChanges, readChanges, readBalances } = LEDGER_SCRIPTS;
  try {
    await expectWeathered(
      random,
      `answers were lost (SEED=${seed})`,
      async ({ sandbox }) => {
        for (const { sha } of [holdFunds, settleLegs, creditFunds, trimChanges, readChanges, readBalances, releaseHold])
          for (const where of ['BEFORE_SERVER', 'BEFORE_CLIENT'] as const) {
            proxy.cutNext(where, sha);
            await signedPost(sandbox.baseUrl, sandbox.accounts[0]!, '/v1/balances');
            await sleep(random.between(20, 80));
          }
      },
      proxy.url,
    );
  } finally {
    proxy.close();
  }
});

test.each(['late answers', 'answers after the deadline'])(
  `%s: what a gateway gave up is placed once or given back (SEED=${seed})`,
  { timeout: 180_000 },
  async (kind) => {
    const random = new RandomIntegers(seed);
    exchange = await ExchangeProcess.start(folder, {
      RINGBOOK_REDIS_URL: redis.url,
      RINGBOOK_ANSWER_TIMEOUT_MS: kind === 'late answers' ? '30000' : '300',
    });
    const { baseUrl, accounts } = exchange.sandbox;
    const order = { symbol: 'btcusd', amount: '0.001', price: '100.00', side: 'buy', type: 'exchange limit' };
    const place = (name: string) =>
      signedPost(baseUrl, accounts[0]!, '/v1/order/new', { ...order, client_order_id: name });
    for (let round = 0; round < ROUNDS; round++) {
      redis.signal('SIGSTOP');
      const waiting = Array.from({ length: 5 }, (_, at) => place(`late-${round}-${at}`));
      await sleep(random.between(400, 900));
      redis.signal('SIGCONT');
      const answers = await Promise.all(waiting);
      if (kind !== 'late answers')
        for (const { status, body } of answers) {
          expect([status, body.reason]).toEqual([503, 'Maintenance']);
          expect(body.message).toContain('the outcome is unknown');
        }
      for (const at of answers.keys()) {
        await waitUntil(async () => (await place(`late-${round}-${at}`)).status === 200, 'it can be placed again');
        const { body } = await place(`late-${round}-${at}`);
        if (answers[at]!.status === 200) expect(body.order_id).toBe(answers[at]!.body.order_id);
      }
    }
    expect((await signedPost(baseUrl, accounts[0]!, '/v1/orders')).body).toHaveLength(5 * ROUNDS);
    await expectNothingHeldAfterCancel(exchange, kind);
    expect(await exchange.stop()).toBe(0);
    await commands.expectAudited(kind);
  },
);

/** States in which a server refuses, made while the exchange trades, and ended. */
const REFUSALS: Record<string, () => Promise<void>> = {
  NOSCRIPT: async () => {
    await operator.script('FLUSH');
  },
  BUSY: async () => {
    const endless = new Redis(redis.url);
    const running = endless.call('EVAL', 'while true do end', '0').catch(() => undefined);
    await noticed('BUSY', () => operator.ping());
    await operator.script('KILL');
    await running;
    endless.disconnect();
  },
  OOM: async () => {
    await operator.config('SET', 'maxmemory', '1mb');
    await noticed('OOM', () => operator.set('{other}', 'anything'));
    await operator.config('SET', 'maxmemory', '0');
    await operator.del('{other}');
  },
  READONLY: async () => {
    await operator.replicaof('127.0.0.1', String(await freePort()));
    await noticed('READONLY', () => operator.set('{other}', 'anything'));
    await operator.replicaof('NO', 'ONE');
  },
  MISCONF: async () => {
    const blocked = join(redis.folder, BLOCKED_FILE);
    rmSync(blocked, { force: true }); // what it saved before
    mkdirSync(blocked);
    await operator.bgsave();
    await noticed('MISCONF', () => operator.set('{other}', 'anything'));
    rmdirSync(blocked);
    await operator.bgsave();
    await waitUntil(
      async () => /rdb_last_bgsave_status:ok/.test(await operator.info('persistence')),
      'it can write its snapshots again',
    );
    await operator.del('{other}');
  },
};

async function noticed(word: string, act: () => Promise<unknown>): Promise<void> {
  await waitUntil(
    async () =>
      act().then(
        () => false,
        (error: Error) => error.message.startsWith(word),
      ),
    `Redis says ${word}`,
  );
  await sleep(300); // the exchange hears it as well
}

test.each(Object.entries(REFUSALS))(
  `%s under load, ${ROUNDS} times: nothing is counted as done that was refused (SEED=${seed})`,
  { timeout: ROUNDS * 120_000 },
  async (name, makeTrouble) => {
    await expectWeathered(new RandomIntegers(seed), `${name} (SEED=${seed})`, makeTrouble);
  },
);
