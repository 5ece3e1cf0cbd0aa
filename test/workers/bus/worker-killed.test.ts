import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { partitionOf } from '../../../core/ports/event-feed.ts';
import { SqliteDatabase } from '../../../workers/storage/sqlite-database.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { sharedRabbitmq } from '../../support/servers/test-servers.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { PARTITIONS } from './event-store.ts';
import { freshNamespace, startPublisher } from './rabbitmq-feed.ts';
import { writtenLog } from './written-log.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const rounds = process.env.RINGBOOK_TEST_LONG === '1' ? 50 : 4;
const PROGRAM = fileURLToPath(new URL('./worker-process.ts', import.meta.url));

let worker: ChildProcess | null = null;

afterEach(() => worker?.kill('SIGKILL'));

test(`a worker process is killed anywhere, again and again: every event is in its table once, in order (SEED=${seed})`, {
  timeout: 300_000 + rounds * 15_000,
}, async () => {
  const random = new RandomIntegers(seed);
  const { folder, events } = await writtenLog(seed, 150 * rounds);
  const rabbitmq = await sharedRabbitmq();
  const namespace = freshNamespace();
  const path = join(folder, 'table.sqlite');
  const database = await SqliteDatabase.open(path);
  await database.exec('CREATE TABLE events (partition INTEGER, sequence INTEGER)');
  await database.exec('CREATE TABLE watermarks (partition INTEGER PRIMARY KEY, sequence INTEGER)');
  for (let partition = 0; partition < PARTITIONS; partition++)
    await database.run('INSERT INTO watermarks VALUES (?, 0)', [partition]);
  const watermarks = async (): Promise<number[]> => {
    const rows = await database.all<{ sequence: number }>('SELECT sequence FROM watermarks ORDER BY partition');
    return rows.map(({ sequence }) => sequence);
  };
  const consume = (): Promise<void> => Promise.reject(new Error('it lives in another process'));
  const published = startPublisher({
    folder,
    namespace,
    url: rabbitmq.url,
    endSequence: () => events.length,
    consumers: [{ name: 'table', watermarks, consume }],
    batchEvents: 3,
    publisher: { windowBatches: 4 },
  });
  const start = (): ChildProcess =>
    spawn(process.execPath, [PROGRAM, path, rabbitmq.url, namespace, String(PARTITIONS)], { stdio: 'inherit' });
  const storedCount = async (): Promise<number> =>
    (await database.all<{ count: number }>('SELECT count(*) AS count FROM events'))[0]!.count;
  for (let round = 0; round < rounds; round++) {
    worker = start();
    const goal = (await storedCount()) + random.below(Math.floor(events.length / (rounds + 1)));
    await waitUntil(async () => (await storedCount()) >= goal, `${goal} events`);
    worker.kill('SIGKILL');
    await once(worker, 'exit');
  }
  worker = start();
  await published.publisher.settledThrough(events.length);
  const rows = await database.all<{ partition: number; sequence: number }>('SELECT * FROM events ORDER BY rowid');
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const stored = rows.filter((row) => row.partition === partition).map(({ sequence }) => sequence);
    const own = events.filter((event) => partitionOf(event, PARTITIONS) === partition);
    expect(stored).toEqual(own.map(({ eventSequence }) => eventSequence));
  }
  await published.stop();
  await database.close();
});
