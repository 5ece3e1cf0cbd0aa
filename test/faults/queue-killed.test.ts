import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { DONE, WorkQueueUnavailableError } from '../../core/ports/work-queue.ts';
import { PrivateRabbitmq } from '../../main/services/private-rabbitmq.ts';
import type { PrivateRedis } from '../../main/services/private-redis.ts';
import { RedisHopCounter } from '../../workers/queue/hop-counter.ts';
import { RabbitmqWorkQueue } from '../../workers/queue/rabbitmq/rabbitmq-work-queue.ts';
import { WorkDatabase } from '../../workers/storage/work-database.ts';
import { QueueWorker } from '../support/queue-worker.ts';
import { WORKER_JOB_TYPES, WORKER_RETRY_DELAYS_MS } from '../support/queue-worker-orders.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { startRabbitmq, startRedis } from '../support/servers/test-servers.ts';
import { waitUntil } from '../support/wait-until.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 }); // brokers and processes start slowly on a busy machine

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const IS_LONG = process.env.RINGBOOK_TEST_LONG === '1';
const ROUNDS = IS_LONG ? 100 : 4;
const JOBS_A_ROUND = IS_LONG ? 200 : 300;
const PREFIX = 'killed';

let rabbitmq: PrivateRabbitmq;
let redis: PrivateRedis;
let folder = '';
let work: WorkDatabase | null = null;
let queue: RabbitmqWorkQueue;
const workers: QueueWorker[] = [];

afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.kill();
  await queue.stop();
  await work?.close();
  await rabbitmq.kill();
  rmSync(folder, { recursive: true, force: true });
});

async function openQueue(): Promise<void> {
  rabbitmq = await startRabbitmq();
  redis = await startRedis();
  folder = mkdtempSync(join(tmpdir(), 'ringbook-killed-'));
  work = await WorkDatabase.open(folder, () => {});
  queue = await RabbitmqWorkQueue.open({
    url: rabbitmq.url,
    prefix: PREFIX,
    types: WORKER_JOB_TYPES,
    retryDelaysMs: WORKER_RETRY_DELAYS_MS,
    clock: { nowMs: () => Date.now() },
    hopCounter: new RedisHopCounter(redis.url),
    work,
  });
  await queue.connected;
}

/** As whoever must have a job done does it: again under its id, until it is known to be taken. */
async function insist(id: string): Promise<void> {
  for (let attempt = 0; attempt < 2_000; attempt++) {
    try {
      return await queue.enqueue({ type: 'alpha', id, payload: { id } });
    } catch (error) {
      if (!(error instanceof WorkQueueUnavailableError)) throw error;
      await sleep(50);
    }
  }
  throw new Error(`${id} was never taken`);
}

test('a broker that is killed as soon as it has taken the first jobs of new queues has them afterwards', async () => {
  await openQueue();
  const done: string[] = [];
  const ids = ['first', 'second', 'third'];
  await Promise.all(ids.map((id) => queue.enqueue({ type: 'alpha', id, payload: { id } })));
  await rabbitmq.kill();
  rabbitmq = await PrivateRabbitmq.start({ folder: rabbitmq.folder, ports: rabbitmq.ports });
  queue.consume(
    'alpha',
    async ({ id }) => {
      done.push(id);
      return DONE;
    },
    { concurrency: 4 },
  );
  await waitUntil(() => done.length >= ids.length, 'what was taken is done');
  expect(done.sort()).toEqual([...ids].sort());
});

test(
  `workers and the broker are killed at any moment: every job is done, once in effect (SEED=${seed})`,
  async () => {
    await openQueue();
    const random = new RandomIntegers(seed);
    const effects = new Map<string, number>(); // how often each was delivered to its end
    const place = { kind: 'rabbitmq', url: rabbitmq.url, redisUrl: redis.url, prefix: PREFIX } as const;
    const startWorker = async (): Promise<void> => {
      const orders = { queue: place, consumes: 'alpha', jobMs: 2 } as const;
      const onLine = ([word, id = '']: readonly string[]): void => {
        if (word === 'done') effects.set(id, (effects.get(id) ?? 0) + 1);
      };
      workers.push(await QueueWorker.start(orders, onLine));
    };
    await startWorker();
    await startWorker();
    const wanted: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const ids = Array.from({ length: JOBS_A_ROUND }, (_, at) => `round-${round}-${at}`);
      wanted.push(...ids);
      const taken = Promise.all(ids.map(insist));
      const before = effects.size;
      await waitUntil(() => effects.size >= before + random.between(1, JOBS_A_ROUND / 4), 'some are done');
      if (round % 2 === 1) {
        await rabbitmq.kill();
        rabbitmq = await PrivateRabbitmq.start({ folder: rabbitmq.folder, ports: rabbitmq.ports });
      } else {
        await workers.splice(random.below(workers.length), 1)[0]!.kill();
        await startWorker();
      }
      await taken;
    }
    const missing = (): string[] => wanted.filter((id) => !effects.has(id));
    await waitUntil(() => missing().length === 0, 'all are done');
    expect(missing()).toEqual([]);
    expect(effects.size).toBe(wanted.length);
    expect(await queue.parked.count()).toBe(0);
  },
  300_000 + ROUNDS * 30_000,
);
