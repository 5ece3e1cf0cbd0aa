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
import { WORKER_CONCURRENCY, WORKER_JOB_TYPES, WORKER_RETRY_DELAYS_MS } from '../support/queue-worker-orders.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { startRabbitmq, startRedis } from '../support/servers/test-servers.ts';
import { waitUntil } from '../support/wait-until.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 }); // brokers and processes start slowly on a busy machine

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const IS_LONG = process.env.RINGBOOK_TEST_LONG === '1';
const ROUNDS = IS_LONG ? 100 : 4;
const JOBS_A_ROUND = IS_LONG ? 200 : 300;
const PREFIX = 'killed';
const SETTLE_MS = 500;

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

/**
 * As whoever must have a job done does it: again under its id, until it is known to be taken.
 * @returns how often nobody knew whether it was
 */
async function insist(id: string): Promise<number> {
  let unknowns = 0;
  for (let attempt = 0; attempt < 2_000; attempt++) {
    try {
      await queue.enqueue({ type: 'alpha', id, payload: { id } });
      return unknowns;
    } catch (error) {
      if (!(error instanceof WorkQueueUnavailableError)) throw error;
      if (!error.isOutcomeKnown) unknowns += 1;
      await sleep(50);
    }
  }
  throw new Error(`${id} was never taken`);
}

/** What one worker has told of its jobs. */
class WorkerLog {
  readonly done: string[] = [];
  readonly #begun: string[] = [];
  readonly #begunBefore = new Map<string, number>(); // of a job that it has done: how many were begun by then

  readonly onLine = ([word, id = '']: readonly string[]): void => {
    if (word === 'begun') this.#begun.push(id);
    if (word !== 'done') return;
    this.done.push(id);
    this.#begunBefore.set(id, this.#begun.length);
  };

  /**
   * Jobs that the broker certainly has no more: after their acknowledgement it has given out more than may be unacknowledged
   * at a time. (Acknowledgements are sent in the order of the lines, and one that is not stored makes no room.)
   */
  certainlyAcknowledged(): Set<string> {
    const enough = [...this.#begunBefore].filter(([, before]) => this.#begun.length - before > WORKER_CONCURRENCY);
    return new Set(enough.map(([id]) => id));
  }

  /** @returns what may come again after a kill: all that it has begun but for these */
  inHand(acknowledged: ReadonlySet<string>): string[] {
    return [...new Set(this.#begun)].filter((id) => !acknowledged.has(id));
  }
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
  `workers and the broker are killed at any moment: every job is done, and none again that nobody had in hand (SEED=${seed})`,
  async () => {
    await openQueue();
    const random = new RandomIntegers(seed);
    const place = { kind: 'rabbitmq', url: rabbitmq.url, redisUrl: redis.url, prefix: PREFIX } as const;
    const orders = { queue: place, consumes: 'alpha', jobMs: 2 } as const;
    const logs: WorkerLog[] = []; // of all workers there ever were
    const running = new Map<QueueWorker, WorkerLog>();
    const startWorker = async (): Promise<void> => {
      const log = new WorkerLog();
      const worker = await QueueWorker.start(orders, log.onLine);
      logs.push(log);
      workers.push(worker);
      running.set(worker, log);
    };
    const killed: WorkerLog[] = [];
    const doneIds = (): Set<string> => new Set(logs.flatMap(({ done }) => done));
    await startWorker();
    await startWorker();
    const most = new Map<string, number>(); // how often each job may be done
    const allow = (id: string, times: number): unknown => most.set(id, (most.get(id) ?? 0) + times);
    for (let round = 0; round < ROUNDS; round++) {
      const ids = Array.from({ length: JOBS_A_ROUND }, (_, at) => `round-${round}-${at}`);
      const taken = Promise.all(ids.map(async (id) => allow(id, 1 + (await insist(id)))));
      const before = doneIds().size;
      await waitUntil(() => doneIds().size >= before + random.between(1, JOBS_A_ROUND / 4), 'some are done');
      if (round % 2 === 1) {
        await rabbitmq.kill();
        const acknowledged = [...running.values()].map((log) => log.certainlyAcknowledged());
        rabbitmq = await PrivateRabbitmq.start({ folder: rabbitmq.folder, ports: rabbitmq.ports });
        for (const [at, log] of [...running.values()].entries())
          for (const id of log.inHand(acknowledged[at]!)) allow(id, 1);
      } else {
        const worker = workers.splice(random.below(workers.length), 1)[0]!;
        await worker.kill();
        killed.push(running.get(worker)!); // its last lines are yet to come
        running.delete(worker);
        await startWorker();
      }
      await taken;
    }
    const wanted = ROUNDS * JOBS_A_ROUND;
    await waitUntil(() => doneIds().size >= wanted, 'all are done');
    await sleep(SETTLE_MS); // what would be done again
    for (const log of killed) for (const id of log.inHand(log.certainlyAcknowledged())) allow(id, 1);
    const times = new Map<string, number>();
    for (const id of logs.flatMap(({ done }) => done)) times.set(id, (times.get(id) ?? 0) + 1);
    expect([...times.keys()].sort()).toEqual([...most.keys()].sort());
    expect([...times].filter(([id, count]) => count > most.get(id)!)).toEqual([]);
    expect([...most.values()].filter((count) => count === 1).length).toBeGreaterThan(wanted / 4);
    expect(await queue.parked.count()).toBe(0);
  },
  300_000 + ROUNDS * 30_000,
);
