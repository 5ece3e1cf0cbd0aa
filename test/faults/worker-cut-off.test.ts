import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LEDGER_SCRIPTS } from '../../workers/ledger/redis/ledger-scripts.ts';
import { SETTLEMENT } from '../../workers/settlement/settlement-consumer.ts';
import { expectAcknowledgedOnce } from '../support/acknowledged-orders.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { CuttingProxy } from '../support/servers/cutting-proxy.ts';
import { sharedRabbitmq } from '../support/servers/test-servers.ts';
import type { SplitExchange } from '../support/split-exchange.ts';
import { splitExchange } from '../support/split-fixture.ts';
import { TradingLoad } from '../support/trading-load.ts';
import { waitUntil } from '../support/wait-until.ts';

/** The settlement worker alone can't reach Redis or RabbitMQ: the exchange and the other workers reach both. */

const IS_LONG = process.env.RINGBOOK_TEST_LONG === '1';
const ROUNDS = IS_LONG ? 8 : 1;
const CUTS = IS_LONG ? 10 : 1; // of each kind, a round
const CLIENTS = 2;
const CLIENT_PAUSE_MS = 40;
const OTHERS = 'history,audit-tap,klines';
const SETTLE = LEDGER_SCRIPTS.settleLegs.sha;
const ACKNOWLEDGE = '\0\x3c\0\x50'; // AMQP's basic.ack: class 60, method 80
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

const split = splitExchange(sharedRabbitmq);
let redis: CuttingProxy;
let rabbitmq: CuttingProxy;

beforeEach(async () => {
  const { servers } = split();
  redis = await CuttingProxy.start(servers.redis.port);
  rabbitmq = await CuttingProxy.start(Number(new URL(servers.rabbitmq.url).port));
});
afterEach(() => {
  redis.close();
  rabbitmq.close();
});

function startCutOff(all: SplitExchange): Promise<unknown> {
  return all.startWorker(SETTLEMENT, {
    RINGBOOK_REDIS_URL: redis.url,
    RINGBOOK_AMQP_URL: `amqp://127.0.0.1:${rabbitmq.port}`,
  });
}

/** Everything that was logged by now gets settled, while more comes. */
async function expectGoesOn(all: SplitExchange, when: string): Promise<void> {
  const { loggedSequence } = (await all.exchange.status()).events;
  const settledSequence = async (): Promise<number> => (await all.exchange.status()).events.settledSequence;
  await waitUntil(async () => (await settledSequence()) >= loggedSequence, `settlement goes on, ${when}`);
}

/** Begun while nothing reaches the worker: orders are taken, and nothing of what is logged from now on is settled. */
async function expectStands(
  all: SplitExchange,
  load: TradingLoad,
  meanwhile: Promise<void>,
  when: string,
): Promise<void> {
  const { loggedSequence } = (await all.exchange.status()).events;
  const sent = load.orders.length;
  await meanwhile;
  const isTaken = (): boolean => load.orders.slice(sent).some(({ orderId }) => typeof orderId === 'string');
  await waitUntil(isTaken, `orders are taken, ${when}`);
  const { settlementWatermarks } = await all.exchange.status();
  expect(Math.max(...settlementWatermarks), when).toBeLessThanOrEqual(loggedSequence);
}

/** Calls, or acknowledgements, are lost on their way or have their answers lost. */
async function cut(all: SplitExchange, proxy: CuttingProxy, marker: string, name: string): Promise<void> {
  for (const where of ['BEFORE_SERVER', 'BEFORE_CLIENT'] as const)
    for (let cuts = 0; cuts < CUTS; cuts++) {
      proxy.cutNext(where, marker);
      await waitUntil(() => !proxy.isArmed, `${name} is cut off ${where}`);
      await expectGoesOn(all, `after ${name} was cut off ${where}`);
    }
}

/** The connection hangs with something under way, then connections are refused. */
async function away(
  all: SplitExchange,
  proxy: CuttingProxy,
  name: string,
  load: TradingLoad,
  hangMs: number,
  refusedMs: number,
): Promise<void> {
  proxy.freeze();
  await waitUntil(() => proxy.heldBack > 0, `something hangs on its way, ${name}`);
  await expectStands(all, load, sleep(hangMs), `${name} hung for ${hangMs} ms`);
  proxy.thaw();
  await expectGoesOn(all, `${name} hung for ${hangMs} ms`);
  proxy.refuse();
  await expectStands(all, load, sleep(refusedMs), `${name} refused connections for ${refusedMs} ms`);
  await proxy.accept();
  await expectGoesOn(all, `${name} refused connections for ${refusedMs} ms`);
}

test(`settlement alone is cut off from Redis and RabbitMQ, ${ROUNDS} rounds under load (SEED=${seed})`, {
  timeout: 120_000 + ROUNDS * 600_000,
}, async () => {
  const random = new RandomIntegers(seed);
  const awayMs = (): number => (IS_LONG ? random.between(1_000, 60_000) : random.between(1_000, 2_000));
  const all = split();
  const exchange = await all.startExchange();
  await Promise.all([startCutOff(all), all.startWorker(OTHERS)]);
  const { baseUrl, accounts } = exchange.sandbox;
  for (let round = 0; round < ROUNDS; round++) {
    const when = `round ${round} (SEED=${seed})`;
    const load = new TradingLoad(accounts, random, 'limit', CLIENT_PAUSE_MS);
    const running = load.run(baseUrl, CLIENTS, round);
    await cut(all, redis, SETTLE, 'a call of settlement');
    await away(all, redis, 'Redis', load, awayMs(), awayMs());
    await cut(all, rabbitmq, ACKNOWLEDGE, 'an acknowledgement');
    await away(all, rabbitmq, 'RabbitMQ', load, awayMs(), awayMs());
    // Both at once, until the worker has given up both: the call that was under way arrives with those that bring it again.
    const printed = all.worker(SETTLEMENT).output.length;
    const told = (text: string): Promise<void> =>
      waitUntil(() => all.worker(SETTLEMENT).output.includes(text, printed), `the worker tells: ${text}`);
    redis.freeze();
    await waitUntil(() => redis.heldBack > 0, 'a call hangs on its way');
    rabbitmq.freeze();
    const givenUp = Promise.all([told('settlement waits'), told('is not subscribed')]).then(() => {});
    await expectStands(all, load, givenUp, `both hung, ${when}`);
    rabbitmq.thaw();
    redis.thaw();
    await expectGoesOn(all, `both hung, ${when}`);
    load.end();
    await running;
    await all.settled();
    await expectAcknowledgedOnce(baseUrl, load.orders, when);
    if (IS_LONG) await all.expectAudited(when);
  }
  await all.expectAllAlive();
  // An outcome that was assumed would be a gap, or a batch that fails: both are mended, so only the worker's word shows them.
  expect(all.worker(SETTLEMENT).output).not.toMatch(/attempt \d+ failed/);
  const { consumers } = await exchange.status();
  expect(consumers.flatMap(({ troubles }) => troubles)).toEqual([]);
  expect(await all.stop()).toEqual([0, 0, 0]);
  await all.expectAudited(`stopped in order (SEED=${seed})`);
});
