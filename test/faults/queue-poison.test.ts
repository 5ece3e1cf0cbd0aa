import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { DONE, type Job, PoisonJobError } from '../../core/ports/work-queue.ts';
import type { PrivateRedis } from '../../main/services/private-redis.ts';
import { RedisHopCounter } from '../../workers/queue/hop-counter.ts';
import { type RabbitmqQueueSettings, RabbitmqWorkQueue } from '../../workers/queue/rabbitmq/rabbitmq-work-queue.ts';
import { WorkDatabase } from '../../workers/storage/work-database.ts';
import { type RunningBroker, sharedRabbitmq, startRedis } from '../support/servers/test-servers.ts';
import { waitUntil } from '../support/wait-until.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 }); // brokers and processes start slowly on a busy machine

const PREFETCH = 256;
let rabbitmq: RunningBroker;
let redis: PrivateRedis;
let prefixNumber = 0;
let folder = '';
let work: WorkDatabase;
let queue: RabbitmqWorkQueue;

beforeAll(async () => {
  rabbitmq = await sharedRabbitmq();
  redis = await startRedis();
});
afterEach(async () => {
  await queue.stop();
  await work.close();
  rmSync(folder, { recursive: true, force: true });
});

async function openQueue(settings: Partial<RabbitmqQueueSettings> = {}): Promise<string> {
  prefixNumber += 1;
  const prefix = `poison-${prefixNumber}`;
  folder = mkdtempSync(join(tmpdir(), 'ringbook-poison-'));
  work = await WorkDatabase.open(folder, () => {});
  queue = await RabbitmqWorkQueue.open({
    url: rabbitmq.url,
    prefix,
    types: ['alpha'],
    retryDelaysMs: [20, 30, 40, 50],
    clock: { nowMs: () => Date.now() },
    hopCounter: new RedisHopCounter(redis.url),
    work,
    ...settings,
  });
  await queue.connected;
  return prefix;
}

/** So many at a time, since a publisher may only have so many under way. */
async function enqueueAll(ids: readonly string[]): Promise<void> {
  for (let at = 0; at < ids.length; at += 500)
    await Promise.all(
      ids.slice(at, at + 500).map((id) => queue.enqueue({ type: 'alpha', id, payload: { account: id } })),
    );
}

test('a poison job among 10,000 good ones: 9,999 are done, one is parked with reason and payload', async () => {
  await openQueue();
  const deliveries = new Map<string, number>();
  const handler = async ({ id }: Job) => {
    deliveries.set(id, (deliveries.get(id) ?? 0) + 1);
    if (id === 'job-4321') throw new Error('there is no account job-4321');
    return DONE;
  };
  queue.consume('alpha', handler, { concurrency: PREFETCH });
  await enqueueAll(Array.from({ length: 10_000 }, (_, at) => `job-${at}`));
  await waitUntil(() => queue.counts.done >= 9_999, 'all but one are done');
  await waitUntil(async () => (await queue.parked.list({ limit: 9 })).length === 1, 'one is parked');
  expect(deliveries.size).toBe(10_000);
  expect(deliveries.get('job-4321')).toBe(5);
  expect([...deliveries.values()].filter((count) => count !== 1)).toEqual([5]);
  expect(queue.counts).toMatchObject({ done: 9_999, retried: 4, parked: 1, hopAlarms: 0 });
  expect(await queue.parked.list({ limit: 10 })).toMatchObject([
    {
      type: 'alpha',
      id: 'job-4321',
      payloadText: '{"account":"job-4321"}',
      attempt: 5,
      hops: 4,
      cause: 'ATTEMPTS',
      reason: 'Error: there is no account job-4321',
    },
  ]);
}, 240_000);

test('what is no job at all is parked at once with its bytes, and may only be dropped', async () => {
  const prefix = await openQueue();
  queue.consume('alpha', async () => DONE, { concurrency: PREFETCH });
  const connection = await connect(rabbitmq.url);
  const channel = await connection.createConfirmChannel();
  const headers = { version: 1, hops: 0, attempt: 1, enqueuedMs: 1 };
  const bad: readonly (readonly [what: string, content: Buffer, options: object])[] = [
    ['no JSON', Buffer.from('{"half'), { correlationId: 'a', headers }],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), { correlationId: 'b', headers }],
    ['no id', Buffer.from('1'), { headers }],
    ['a later version', Buffer.from('2'), { correlationId: 'd', headers: { ...headers, version: 2 } }],
    ['hops below zero', Buffer.from('3'), { correlationId: 'e', headers: { ...headers, hops: -1 } }],
    ['attempts as text', Buffer.from('4'), { correlationId: 'f', headers: { ...headers, attempt: 'many' } }],
  ];
  for (const [, content, options] of bad) channel.sendToQueue(`${prefix}.jobs.alpha`, content, options);
  channel.sendToQueue(`${prefix}.jobs.alpha`, Buffer.from('5'), { correlationId: 'good, without any header' });
  channel.sendToQueue(`${prefix}.parked`, Buffer.from('6'), {}); // put among the parked by somebody else
  await channel.waitForConfirms();
  await connection.close();
  await waitUntil(
    async () => (await queue.parked.list({ limit: 100 })).length === bad.length + 1,
    'all of them are parked',
  );
  await waitUntil(() => queue.counts.done === 1, 'the good one is done');
  const rows = await queue.parked.list({ limit: 100 });
  for (const { cause, reason } of rows) {
    expect(cause).toBe('MALFORMED');
    expect(reason).not.toBe('');
  }
  expect(rows.find(({ id }) => id === 'a')).toMatchObject({ payloadText: '{"half', type: 'alpha' });
  expect(rows.find(({ id }) => id === 'd')!.reason).toContain('version 2');
  await expect(queue.parked.replay(rows[0]!.parkedId)).rejects.toThrow('Drop it.');
  for (const { parkedId } of rows) expect(await queue.parked.drop(parkedId)).toBe(true);
});

const poisonous = async ({ id }: Job) => {
  if (id.startsWith('poison')) throw new PoisonJobError('broken');
  return DONE;
};

/** As the publisher declares it. */
function jobQueueArguments(prefix: string): Record<string, unknown> {
  return {
    'x-queue-type': 'quorum',
    'x-overflow': 'reject-publish',
    'x-max-length': 1_000_000,
    'x-delivery-limit': 1_000_000,
    'x-dead-letter-exchange': `${prefix}.parked`,
    'x-dead-letter-strategy': 'at-least-once',
  };
}

/** Removes something of the broker's behind the queue's back. */
async function vandalize(act: (channel: Awaited<ReturnType<typeof openChannel>>['channel']) => Promise<unknown>) {
  const { connection, channel } = await openChannel();
  await act(channel);
  await connection.close();
}

async function openChannel() {
  const connection = await connect(rabbitmq.url);
  return { connection, channel: await connection.createConfirmChannel() };
}

test('the parking queue can not be reached: the job stays at its source, the publisher learns of it, neighbours go on', async () => {
  const prefix = await openQueue();
  queue.consume('alpha', poisonous, { concurrency: PREFETCH });
  await enqueueAll(['job-first']);
  await waitUntil(() => queue.counts.done === 1, 'jobs are done: everything is declared');
  await vandalize((channel) => channel.unbindQueue(`${prefix}.parked`, `${prefix}.parked`, ''));
  await enqueueAll(['poison-1', ...Array.from({ length: 100 }, (_, at) => `job-${at}`)]);
  await waitUntil(() => queue.counts.done === 101, 'the neighbours are done');
  await waitUntil(() => queue.counts.returned > 0, 'the publisher learns of the return');
  await waitUntil(
    async () => (await queue.parked.list({ limit: 9 })).length === 1,
    'the way is mended, and the job parked',
  );
  expect(queue.counts.parked).toBe(1);
  expect(await queue.parked.list({ limit: 9 })).toMatchObject([{ id: 'poison-1', cause: 'POISON' }]);
});

test('the parking queue was deleted: likewise', async () => {
  const prefix = await openQueue();
  queue.consume('alpha', poisonous, { concurrency: PREFETCH });
  await enqueueAll(['job-first']);
  await waitUntil(() => queue.counts.done === 1, 'jobs are done: everything is declared');
  await vandalize((channel) => channel.deleteQueue(`${prefix}.parked`));
  await enqueueAll(['poison-1', 'job-1']);
  await waitUntil(() => queue.counts.done === 2, 'the neighbour is done');
  await waitUntil(
    async () => (await queue.parked.list({ limit: 9 })).length === 1,
    'it is declared anew, and the job parked',
  );
  expect(await queue.parked.list({ limit: 9 })).toMatchObject([{ id: 'poison-1' }]);
});

test('a job queue that somebody has deleted and made again at once: the broker takes its consumer over and withholds jobs, until it is renewed', async () => {
  const prefix = await openQueue({ renewMs: 500 });
  queue.consume('alpha', async () => DONE, { concurrency: PREFETCH });
  for (let round = 1; round <= 5; round++) {
    await enqueueAll([`job-${round}`]);
    await waitUntil(() => queue.counts.done === 2 * round - 1, 'the consumer is given jobs');
    const alpha = `${prefix}.jobs.alpha`;
    await vandalize(async (channel) => {
      await channel.deleteQueue(alpha);
      await channel.assertQueue(alpha, { durable: true, arguments: jobQueueArguments(prefix) });
      await channel.bindQueue(alpha, `${prefix}.jobs`, 'alpha');
    });
    await enqueueAll([`job-after-${round}`]);
    await waitUntil(() => queue.counts.done === 2 * round, 'and again');
  }
});

test('a job queue that was deleted: who enqueues learns of it, and enqueues again with success', async () => {
  const prefix = await openQueue();
  await vandalize((channel) => channel.deleteQueue(`${prefix}.jobs.alpha`));
  await expect(queue.enqueue({ type: 'alpha', id: 'a', payload: 1 })).rejects.toMatchObject({
    code: 'UNROUTABLE',
    isOutcomeKnown: true,
  });
  expect(queue.counts.returned).toBe(1);
  await waitUntil(
    () =>
      queue.enqueue({ type: 'alpha', id: 'a', payload: 1 }).then(
        () => true,
        () => false,
      ),
    'it is taken',
  );
  queue.consume('alpha', async () => DONE, { concurrency: 1 });
  await waitUntil(() => queue.counts.done === 1, 'and done');
});
