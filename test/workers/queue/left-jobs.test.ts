import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { freePort } from '../../../main/services/free-ports.ts';
import { EmbeddedWorkQueue } from '../../../workers/queue/embedded/embedded-work-queue.ts';
import { LocalHopCounter } from '../../../workers/queue/hop-counter.ts';
import { RabbitmqWorkQueue } from '../../../workers/queue/rabbitmq/rabbitmq-work-queue.ts';
import { WorkDatabase } from '../../../workers/storage/work-database.ts';
import { CuttingProxy } from '../../support/servers/cutting-proxy.ts';
import { type RunningBroker, sharedRabbitmq } from '../../support/servers/test-servers.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { Deliveries, TYPES } from './queue-under-test.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 }); // brokers start slowly on a busy machine

const JOBS = 600; // more than are read at a time
const clock = { nowMs: () => Date.now() };
let broker: RunningBroker;
let folder: string;
let work: WorkDatabase;
let prefixNumber = 0;

beforeEach(async () => {
  broker = await sharedRabbitmq();
  folder = mkdtempSync(join(tmpdir(), 'ringbook-left-'));
  work = await WorkDatabase.open(folder, () => {});
  prefixNumber += 1;
});
afterEach(async () => {
  await work.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The folder as the embedded queue leaves it: jobs of two types that nobody has done, one of which was tried once. */
async function leaveJobs(): Promise<void> {
  const embedded = await EmbeddedWorkQueue.open(work, { types: TYPES, clock, retryDelaysMs: [600_000, 600_000] });
  embedded.consume('gamma', () => Promise.reject(new Error('not today')), { concurrency: 1 });
  await embedded.enqueue({ type: 'gamma', id: 'tried', payload: 'tried' });
  await waitUntil(() => embedded.counts.retried === 1, 'it waits for its second try');
  const types = ['alpha', 'beta'] as const;
  await Promise.all(
    Array.from({ length: JOBS }, (_, job) =>
      embedded.enqueue({ type: types[job % 2]!, id: `${job}`, payload: { job } }),
    ),
  );
  await embedded.stop();
}

function openAt(url: string, troubles: string[] = []): Promise<RabbitmqWorkQueue> {
  return RabbitmqWorkQueue.open({
    url,
    types: TYPES,
    clock,
    hopCounter: new LocalHopCounter(),
    work,
    prefix: `left-${prefixNumber}`,
    onTrouble: ({ message }) => troubles.push(message),
  });
}

function doAll(queue: RabbitmqWorkQueue): Deliveries {
  const seen = new Deliveries();
  for (const type of TYPES) queue.consume(type, seen.take, { concurrency: 50 });
  return seen;
}

async function leftCount(): Promise<number> {
  const [row] = await work.reader.all<{ count: number }>('SELECT count(*) AS count FROM jobs');
  return row!.count;
}

test('jobs that an embedded queue has left are done at the broker, with their tries, and leave the folder', async () => {
  await leaveJobs();
  expect(await leftCount()).toBe(JOBS + 1);
  const queue = await openAt(broker.url);
  const seen = doAll(queue);
  await waitUntil(() => seen.jobs.length === JOBS + 1, 'all of them');
  await waitUntil(async () => (await leftCount()) === 0, 'none is left');
  expect(new Set(seen.ids).size).toBe(JOBS + 1);
  expect(seen.attemptsOf('tried')).toEqual([2]);
  expect(seen.jobs.find(({ id }) => id === '3')).toMatchObject({ type: 'beta', payload: { job: 3 }, attempt: 1 });
  await queue.stop();
});

test('they wait while there is no broker, through an end and a start, and through a connection that breaks amid them', async () => {
  await leaveJobs();
  const alone = await openAt(`amqp://127.0.0.1:${await freePort()}`);
  await alone.stop();
  expect(await leftCount()).toBe(JOBS + 1);
  const proxy = await CuttingProxy.start(Number(new URL(broker.url).port));
  const troubles: string[] = [];
  const queue = await openAt(`amqp://${new URL(proxy.url).host}`, troubles);
  proxy.cutNext('BEFORE_SERVER', '"job":300}');
  const seen = doAll(queue);
  await waitUntil(async () => (await leftCount()) === 0, 'none is left');
  await waitUntil(() => new Set(seen.ids).size === JOBS + 1, 'all of them'); // some twice
  expect(troubles.some((text) => text.includes('embedded queue'))).toBe(true);
  await queue.stop();
  proxy.close();
});
