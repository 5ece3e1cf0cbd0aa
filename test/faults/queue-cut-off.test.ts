import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { DONE, type Job, type WorkQueueUnavailableError } from '../../core/ports/work-queue.ts';
import type { PrivateRabbitmq } from '../../main/services/private-rabbitmq.ts';
import type { PrivateRedis } from '../../main/services/private-redis.ts';
import { RedisHopCounter } from '../../workers/queue/hop-counter.ts';
import { RabbitmqWorkQueue } from '../../workers/queue/rabbitmq/rabbitmq-work-queue.ts';
import { WorkDatabase } from '../../workers/storage/work-database.ts';
import { CuttingProxy } from '../support/servers/cutting-proxy.ts';
import { startRabbitmq, startRedis } from '../support/servers/test-servers.ts';
import { waitUntil } from '../support/wait-until.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 }); // brokers and processes start slowly on a busy machine

const AWAY_MS = process.env.RINGBOOK_TEST_LONG === '1' ? 60_000 : 15_000;
const KEPT_TOO_LONG_MS = 2_000;
let rabbitmq: PrivateRabbitmq;
let redis: PrivateRedis;
let prefixNumber = 0;
let folder = '';
let work: WorkDatabase;
let queue: RabbitmqWorkQueue;
let troubles: Error[];

beforeAll(async () => {
  rabbitmq = await startRabbitmq({
    brokerSettings: { consumer_timeout: KEPT_TOO_LONG_MS, channel_tick_interval: 500 },
  });
  redis = await startRedis();
});
afterEach(async () => {
  await queue.stop();
  await work.close();
  rmSync(folder, { recursive: true, force: true });
});

async function openQueue(url = rabbitmq.url): Promise<void> {
  prefixNumber += 1;
  troubles = [];
  folder = mkdtempSync(join(tmpdir(), 'ringbook-cut-off-'));
  work = await WorkDatabase.open(folder, () => {});
  queue = await RabbitmqWorkQueue.open({
    url,
    prefix: `cut-off-${prefixNumber}`,
    types: ['alpha'],
    retryDelaysMs: [20, 30, 40, 50],
    clock: { nowMs: () => Date.now() },
    hopCounter: new RedisHopCounter(redis.url, (error) => troubles.push(error)),
    work,
    onTrouble: (error) => troubles.push(error),
  });
  await queue.connected;
}

const enqueue = (id: string): Promise<void> => queue.enqueue({ type: 'alpha', id, payload: { id } });

/** Again under its id until it is known to be taken. @returns the codes of the refusals */
async function insist(id: string): Promise<string[]> {
  const codes: string[] = [];
  for (let attempt = 0; attempt < 2_000; attempt++) {
    try {
      await enqueue(id);
      return codes;
    } catch (error) {
      codes.push((error as WorkQueueUnavailableError).code);
      await sleep(50);
    }
  }
  throw new Error(`${id} was never taken`);
}

test('a job is kept longer than the broker allows: it comes again, and the late acknowledgement does no harm', async () => {
  await openQueue();
  const seen: string[] = [];
  const handler = async ({ id }: Job) => {
    seen.push(id);
    // The first try is kept until the broker has given the job to the next one.
    if (id === 'slow' && seen.filter((one) => one === 'slow').length === 1)
      await waitUntil(() => seen.filter((one) => one === 'slow').length > 1, 'it is delivered again');
    return DONE;
  };
  queue.consume('alpha', handler, { concurrency: 8 });
  await enqueue('slow');
  for (let at = 0; at < 20; at++) await enqueue(`quick-${at}`);
  await waitUntil(() => seen.filter((id) => id === 'slow').length >= 2, 'the slow one came again');
  await waitUntil(() => queue.counts.done >= 21, 'all are done');
  await enqueue('afterwards');
  await waitUntil(() => seen.includes('afterwards'), 'jobs go on');
  // The broker's own word on it is all that was told.
  expect(troubles.filter(({ message }) => !message.includes('acknowledgement'))).toEqual([]);
  expect(queue.counts).toMatchObject({ retried: 0, parked: 0 });
}, 120_000);

test.each(['BEFORE_SERVER', 'BEFORE_CLIENT'] as const)(
  'the connection breaks %s has the message or its confirm: the outcome is unknown, and asking again does the job once in effect',
  async (where) => {
    const proxy = await CuttingProxy.start(rabbitmq.ports.amqp);
    await openQueue(`amqp://${new URL(proxy.url).host}`);
    const effects = new Set<string>();
    let deliveries = 0;
    const handler = async ({ id }: Job) => {
      effects.add(id);
      deliveries += 1;
      return DONE;
    };
    proxy.cutNext(where, 'the-cut-one');
    await expect(enqueue('the-cut-one')).rejects.toMatchObject({ code: 'AWAY', isOutcomeKnown: false });
    expect((await insist('the-cut-one')).every((code) => code === 'AWAY')).toBe(true);
    queue.consume('alpha', handler, { concurrency: 4 });
    const times = where === 'BEFORE_CLIENT' ? 2 : 1; // the broker had it, and got it again
    await waitUntil(() => deliveries === times, `${times} deliveries`);
    await sleep(200);
    expect([deliveries, [...effects]]).toEqual([times, ['the-cut-one']]);
    await queue.stop();
    proxy.close();
  },
);

test('RabbitMQ does not answer for a while, in the midst of work: every job is done, once in effect', async () => {
  await openQueue();
  const effects = new Set<string>();
  const handler = async ({ id }: Job) => {
    await sleep(5);
    effects.add(id);
    return DONE;
  };
  queue.consume('alpha', handler, { concurrency: 8 });
  const ids = Array.from({ length: 400 }, (_, at) => `job-${at}`);
  const before = Promise.all(ids.slice(0, 200).map(insist));
  await waitUntil(() => effects.size > 20, 'work is under way');
  process.kill(-rabbitmq.pids[0]!, 'SIGSTOP');
  const meanwhile = Promise.all(ids.slice(200).map(insist));
  await sleep(AWAY_MS);
  process.kill(-rabbitmq.pids[0]!, 'SIGCONT');
  await before;
  await meanwhile;
  await waitUntil(() => effects.size === ids.length, 'all are done');
  expect(await queue.parked.count()).toBe(0);
}, 240_000);

test('Redis does not answer for a while: good jobs are done, a failing one is tried as often as ever and parked', async () => {
  await openQueue();
  let tries = 0;
  const handler = async ({ id }: Job) => {
    if (id !== 'failing') return DONE;
    tries += 1;
    throw new Error('no');
  };
  redis.signal('SIGSTOP');
  queue.consume('alpha', handler, { concurrency: 4 });
  await enqueue('failing');
  for (let at = 0; at < 20; at++) await enqueue(`good-${at}`);
  await waitUntil(() => queue.counts.done === 20, 'the good ones are done');
  await waitUntil(async () => (await queue.parked.list({ limit: 9 })).length === 1, 'the failing one is parked');
  redis.signal('SIGCONT');
  expect(tries).toBe(5);
  expect(troubles.length).toBeGreaterThan(0);
  expect(await queue.parked.list({ limit: 9 })).toMatchObject([{ id: 'failing', cause: 'ATTEMPTS', hops: 4 }]);
}, 120_000);
