import type { EventBatch } from '../../../core/ports/event-feed.ts';
import { AmqpConnection } from '../../../workers/bus/amqp-connection.ts';
import { EventSubscriber } from '../../../workers/bus/event-subscriber.ts';
import { SqliteDatabase } from '../../../workers/storage/sqlite-database.ts';

/**
 * A worker that writes the events it gets into a table, with no key that would hide a second copy, until it is killed:
 * node worker-process.ts DATABASE AMQP_URL NAMESPACE PARTITIONS
 */
const [path = '', url = '', namespace = '', partitions = ''] = process.argv.slice(2);
const partitionCount = Number(partitions);
const database = await SqliteDatabase.open(path);
const onFailure = ({ error }: { readonly error: Error }): never => {
  console.error(error);
  process.exit(1);
};

let isFree = Promise.resolve(); // one connection is one transaction

async function store({ partition, beforeSequence, lastSequence, events }: EventBatch): Promise<void> {
  const watermark = (await watermarks())[partition]!;
  if (beforeSequence > watermark) throw new Error(`gap: after ${beforeSequence} at ${watermark}`);
  const fresh = events.filter(({ eventSequence }) => eventSequence > watermark);
  await database.exec('BEGIN IMMEDIATE');
  for (const { eventSequence } of fresh)
    await database.run('INSERT INTO events VALUES (?, ?)', [partition, eventSequence]);
  await database.run('UPDATE watermarks SET sequence = max(sequence, ?) WHERE partition = ?', [
    lastSequence,
    partition,
  ]);
  await database.exec('COMMIT');
}

async function watermarks(): Promise<number[]> {
  const rows = await database.all<{ sequence: number }>('SELECT sequence FROM watermarks ORDER BY partition');
  return rows.map(({ sequence }) => sequence);
}

const subscriber = new EventSubscriber({
  connection: new AmqpConnection({ url, name: 'test worker', heartbeatSeconds: 5 }),
  namespace,
  partitionCount,
  onFailure,
});
subscriber.subscribe({
  name: 'table',
  watermarks,
  consume: (batch) => {
    const done = isFree.then(() => store(batch));
    isFree = done.catch(() => {});
    return done;
  },
});
