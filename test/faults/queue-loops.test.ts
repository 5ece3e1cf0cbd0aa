import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'amqplib';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { HOP_LIMIT, type WorkQueueCounts } from '../../core/ports/work-queue.ts';
import type { PrivateRedis } from '../../main/services/private-redis.ts';
import { RedisHopCounter } from '../../workers/queue/hop-counter.ts';
import { RabbitmqWorkQueue } from '../../workers/queue/rabbitmq/rabbitmq-work-queue.ts';
import { WorkDatabase } from '../../workers/storage/work-database.ts';
import { QueueWorker } from '../support/queue-worker.ts';
import { WORKER_JOB_TYPES, WORKER_RETRY_DELAYS_MS } from '../support/queue-worker-orders.ts';
import { type RunningBroker, sharedRabbitmq, startRedis } from '../support/servers/test-servers.ts';
import { waitUntil } from '../support/wait-until.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 }); // brokers and processes start slowly on a busy machine

let rabbitmq: RunningBroker;
let redis: PrivateRedis;
let prefixNumber = 0; // and ids of their own: a minute remembers those of the test before
let folder = '';
let work: WorkDatabase;
let queue: RabbitmqWorkQueue;
const workers: QueueWorker[] = [];

beforeAll(async () => {
  rabbitmq = await sharedRabbitmq();
  redis = await startRedis();
});
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.kill();
  await queue.stop();
  await work.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Names of this test at the broker, and a queue in this process that enqueues and keeps what is parked. */
async function openQueue(): Promise<string> {
  prefixNumber += 1;
  const prefix = `loops-${prefixNumber}`;
  folder = mkdtempSync(join(tmpdir(), 'ringbook-loops-'));
  work = await WorkDatabase.open(folder, () => {});
  queue = await RabbitmqWorkQueue.open({
    url: rabbitmq.url,
    prefix,
    types: WORKER_JOB_TYPES,
    retryDelaysMs: WORKER_RETRY_DELAYS_MS,
    clock: { nowMs: () => Date.now() },
    hopCounter: new RedisHopCounter(redis.url),
    work,
  });
  await queue.connected;
  return prefix;
}

/** Two workers, each a process, each of which sends every job to the other. @returns how often that was done so far */
async function playBall(prefix: string, how: { isUnlimited?: boolean; losesHops?: boolean }): Promise<() => number> {
  let passes = 0;
  const count = ([word]: readonly string[]): void => {
    if (word === 'passed') passes += 1;
  };
  const place = { kind: 'rabbitmq', url: rabbitmq.url, redisUrl: redis.url, prefix, ...how } as const;
  for (const [consumes, passesTo] of [
    ['alpha', 'beta'],
    ['beta', 'alpha'],
  ] as const)
    workers.push(await QueueWorker.start({ queue: place, consumes, passesTo }, count));
  return () => passes;
}

async function forwards(): Promise<number> {
  const counts = await Promise.all(workers.map(async (worker) => JSON.parse(await worker.ask('counts'))));
  return (counts as WorkQueueCounts[]).reduce((sum, { forwarded }) => sum + forwarded, 0);
}

const oneParked = (): Promise<void> =>
  waitUntil(async () => (await queue.parked.list({ limit: 9 })).length === 1, 'one parked job');

test('without a limit two workers play ball with one message for ever', async () => {
  const prefix = await openQueue();
  const passes = await playBall(prefix, { isUnlimited: true });
  await queue.enqueue({ type: 'alpha', id: 'endless', payload: 0 });
  await waitUntil(() => passes() > 25 * HOP_LIMIT, 'far more forwards than there would be with a limit');
  const soFar = passes();
  await waitUntil(() => passes() > 2 * soFar, 'twice as many, and so on');
  expect(await queue.parked.count()).toBe(0);
});

test(`with it there are ${HOP_LIMIT} forwards and one parked message`, async () => {
  const prefix = await openQueue();
  await playBall(prefix, {});
  await queue.enqueue({ type: 'alpha', id: 'limited', payload: { at: 'play' } });
  await oneParked();
  await sleep(500); // nothing comes after it
  expect(await forwards()).toBe(HOP_LIMIT);
  expect(await queue.parked.list({ limit: 10 })).toMatchObject([
    { id: 'limited', cause: 'HOPS', hops: HOP_LIMIT, payloadText: '{"at":"play"}' },
  ]);
});

test('where each hop loses the count that the message carries, the count of the last minute ends it', async () => {
  const prefix = await openQueue();
  await playBall(prefix, { losesHops: true });
  await queue.enqueue({ type: 'alpha', id: 'stripped', payload: 0 });
  await oneParked();
  await sleep(500);
  expect(await forwards()).toBe(HOP_LIMIT);
  const [parked] = await queue.parked.list({ limit: 10 });
  expect(parked).toMatchObject({ id: 'stripped', cause: 'LOOP', hops: 0 });
  // Begun anew by an operator it has all its hops again.
  await queue.parked.replay(parked!.parkedId);
  await waitUntil(async () => (await forwards()) === 2 * HOP_LIMIT, 'as many forwards again');
  await oneParked();
});

test('100 redeliveries of a healthy message park nothing', async () => {
  const prefix = await openQueue();
  await queue.enqueue({ type: 'alpha', id: 'healthy-1', payload: { id: 'healthy-1' } });
  const connection = await connect(rabbitmq.url);
  const channel = await connection.createChannel();
  let redeliveries = 0;
  for (let round = 0; round < 101; round++) {
    let message = await channel.get(`${prefix}.jobs.alpha`);
    await waitUntil(async () => {
      if (message === false) message = await channel.get(`${prefix}.jobs.alpha`);
      return message !== false;
    }, 'it comes again');
    if (message === false) throw new Error('unreachable');
    if (message.fields.redelivered) redeliveries += 1;
    channel.nack(message, false, true);
  }
  await connection.close();
  expect(redeliveries).toBe(100);
  // Workers that die over it, one after the other, more of them than a job has hops.
  const place = { kind: 'rabbitmq', url: rabbitmq.url, redisUrl: redis.url, prefix } as const;
  for (let round = 0; round < HOP_LIMIT + 2; round++) {
    const begun = Promise.withResolvers<void>();
    const worker = await QueueWorker.start({ queue: place, consumes: 'alpha', jobMs: 600_000 }, ([word]) => {
      if (word === 'begun') begun.resolve();
    });
    await begun.promise;
    await worker.kill();
  }
  const done = Promise.withResolvers<string>();
  const last = await QueueWorker.start({ queue: place, consumes: 'alpha' }, ([word, id]) => {
    if (word === 'done') done.resolve(id!);
  });
  workers.push(last);
  expect(await done.promise).toBe('healthy-1');
  const counts = JSON.parse(await last.ask('counts')) as WorkQueueCounts;
  expect(counts).toMatchObject({ retried: 0, forwarded: 0, parked: 0, hopAlarms: 0 });
  expect(await queue.parked.count()).toBe(0);
});
