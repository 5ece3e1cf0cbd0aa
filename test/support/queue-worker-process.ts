/**
 * A worker of its own with a work queue: `node queue-worker-process.ts ORDERS`, its orders as JSON. Does `alpha` jobs, prints
 * a line for each one, takes commands by standard input, and knows nothing of being killed.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { DONE, PoisonJobError, type WorkQueue } from '../../core/ports/work-queue.ts';
import { EmbeddedWorkQueue } from '../../workers/queue/embedded/embedded-work-queue.ts';
import { WorkDatabase } from '../../workers/storage/work-database.ts';

export interface QueueWorkerOrders {
  readonly kind: 'embedded';
  readonly folder: string;
  /** Jobs whose number is a multiple of it can't be done. */
  readonly poisonEvery: number;
}

const RETRY_DELAYS_MS = [10, 20, 30, 40];
const CONCURRENCY = 16;
const orders = JSON.parse(process.argv[2] ?? '{}') as QueueWorkerOrders;

/** A line that is out before the next statement runs. */
function tell(...words: string[]): void {
  writeSync(1, `${words.join(' ')}\n`);
}

async function openQueue({ folder }: QueueWorkerOrders): Promise<WorkQueue> {
  const work = await WorkDatabase.open(folder, (error) => {
    throw error;
  });
  const clock = { nowMs: () => Date.now() };
  return EmbeddedWorkQueue.open(work, { types: ['alpha'], clock, retryDelaysMs: RETRY_DELAYS_MS });
}

const queue = await openQueue(orders);

async function enqueue(prefix: string, count: number): Promise<void> {
  const all = Array.from({ length: count }, (_, at) => `${prefix}-${at}`);
  await Promise.all(
    all.map(async (id) => {
      await queue.enqueue({ type: 'alpha', id, payload: { id } });
      tell('taken', id);
    }),
  );
}

async function obey([command = '', ...words]: readonly string[]): Promise<void> {
  if (command === 'enqueue') return enqueue(words[0]!, Number(words[1]));
  if (command === 'parked')
    tell('parked', JSON.stringify((await queue.parked.list({ limit: 1_000 })).map(({ id }) => id)));
}

queue.consume(
  'alpha',
  async ({ id, payload }) => {
    if (Number(id.split('-').at(-1)) % orders.poisonEvery === 0) throw new PoisonJobError('can not be done');
    if ((payload as { id: string }).id !== id) throw new PoisonJobError('another payload');
    await new Promise((resolve) => setImmediate(resolve));
    tell('done', id);
    return DONE;
  },
  { concurrency: CONCURRENCY },
);
createInterface({ input: process.stdin }).on('line', (line) => void obey(line.split(' ')));
tell('ready');
