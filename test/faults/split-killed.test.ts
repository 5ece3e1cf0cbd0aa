import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { PrivateRabbitmq } from '../../main/services/private-rabbitmq.ts';
import { expectAcknowledgedOnce } from '../support/acknowledged-orders.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { restartRedis, startRabbitmq } from '../support/servers/test-servers.ts';
import type { SplitExchange } from '../support/split-exchange.ts';
import { splitExchange } from '../support/split-fixture.ts';
import { TradingLoad } from '../support/trading-load.ts';
import { waitUntil } from '../support/wait-until.ts';

/** Of three kills each: the audits, which read everything from the beginning, take longer each round. */
const ROUNDS = process.env.RINGBOOK_TEST_LONG === '1' ? 34 : 3;
const CLIENTS = 4;
const WORKERS = ['settlement', 'history', 'audit-tap,klines'];
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

const split = splitExchange(startRabbitmq);

/** kill -9, a while without it, and it is started again over what it left. */
async function killAndRestart(victim: string, all: SplitExchange<PrivateRabbitmq>, awayMs: number): Promise<void> {
  const { servers } = all;
  if (victim === 'redis') {
    await servers.redis.kill();
    await sleep(awayMs);
    servers.redis = await restartRedis(servers.redis);
  } else if (victim === 'rabbitmq') {
    const { folder, ports } = servers.rabbitmq;
    await servers.rabbitmq.kill();
    await sleep(awayMs);
    servers.rabbitmq = await startRabbitmq({ folder, ports });
  } else {
    await all.worker(victim).kill();
    await sleep(awayMs);
    await all.startWorker(victim);
  }
}

test(`kill -9 of RabbitMQ, Redis, every worker and the exchange, ${ROUNDS} rounds under load (SEED=${seed})`, {
  timeout: 300_000 + ROUNDS * 180_000,
}, async () => {
  const random = new RandomIntegers(seed);
  const all = split();
  let exchange = await all.startExchange();
  for (const roles of WORKERS) await all.startWorker(roles);
  const victims = [...WORKERS, 'rabbitmq', 'redis'];
  for (let round = 0; round < ROUNDS; round++) {
    const when = `round ${round} (SEED=${seed})`;
    const load = new TradingLoad(exchange.sandbox.accounts, random);
    const running = load.run(exchange.sandbox.baseUrl, CLIENTS, round);
    await waitUntil(() => load.orders.some(({ orderId }) => typeof orderId === 'string'), `an order is taken, ${when}`);
    for (let kills = 0; kills < 2; kills++) {
      await sleep(random.between(0, 500));
      const victim = victims[(round * 2 + kills) % victims.length]!;
      await killAndRestart(victim, all, random.between(0, 500));
    }
    await all.exchange.kill();
    await running;
    await all.expectAudited(`the exchange killed, its workers at work, ${when}`);
    exchange = await all.startExchange();
    await expectAcknowledgedOnce(exchange.sandbox.baseUrl, load.orders.slice(-200), when);
    await all.settled();
    await all.expectAudited(`settled, ${when}`);
    await all.expectAllAlive();
  }
  const { consumers } = await exchange.status();
  expect(consumers.flatMap(({ troubles }) => troubles)).toEqual([]);
  expect(await all.stop()).toEqual([0, ...WORKERS.map(() => 0)]);
  await all.expectAudited(`stopped in order (SEED=${seed})`);
});
