/**
 * A worker of its own with a work queue: `node queue-worker-process.ts ORDERS`, its orders as JSON. Does jobs or passes them
 * on, prints a line for each one, takes commands by standard input, and knows nothing of being killed.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DONE,
  forwardTo,
  HOP_LIMIT,
  type JobHandler,
  PoisonJobError,
  type WorkQueue,
} from '../../core/ports/work-queue.ts';
import { ConfirmedPublish } from '../../workers/bus/confirmed-publish.ts';
import { EmbeddedWorkQueue } from '../../workers/queue/embedded/embedded-work-queue.ts';
import { RedisHopCounter } from '../../workers/queue/hop-counter.ts';
import { RabbitmqWorkQueue } from '../../workers/queue/rabbitmq/rabbitmq-work-queue.ts';
import { WorkDatabase } from '../../workers/storage/work-database.ts';
import {
  type QueueWorkerOrders,
  WORKER_CONCURRENCY,
  WORKER_JOB_TYPES,
  WORKER_RETRY_DELAYS_MS,
} from './queue-worker-orders.ts';

/** A line that is out before the next statement runs. */
function tell(...words: string[]): void {
  writeSync(1, `${words.join(' ')}\n`);
}

async function openQueue(orders: QueueWorkerOrders['queue']): Promise<WorkQueue> {
  const clock = { nowMs: () => Date.now() };
  const common = { types: WORKER_JOB_TYPES, clock, retryDelaysMs: WORKER_RETRY_DELAYS_MS };
  if (orders.kind === 'embedded') {
    const work = await WorkDatabase.open(orders.folder, (error) => {
      throw error;
    });
    return EmbeddedWorkQueue.open(work, common);
  }
  const { url, redisUrl, prefix, isUnlimited = false, losesHops = false } = orders;
  if (losesHops) loseHops();
  const hopLimit = isUnlimited ? Number.POSITIVE_INFINITY : HOP_LIMIT;
  const hopCounter = new RedisHopCounter(redisUrl);
  const queue = await RabbitmqWorkQueue.open({ ...common, url, prefix, hopCounter, hopLimit });
  await queue.connected;
  return queue;
}

/** As a bridge or another program does that sends a message on without its headers. */
function loseHops(): void {
  const { send } = ConfirmedPublish.prototype;
  ConfirmedPublish.prototype.send = function (target, content, options) {
    const { hops: _, ...headers } = options.headers ?? {};
    return send.call(this, target, content, { ...options, headers });
  };
}

function handlerOf({ passesTo, poisonEvery, jobMs = 0 }: QueueWorkerOrders): JobHandler {
  return async ({ id, payload }) => {
    if (passesTo !== undefined) {
      tell('passed', id);
      return forwardTo(passesTo, payload);
    }
    if (poisonEvery !== undefined && Number(id.split('-').at(-1)) % poisonEvery === 0)
      throw new PoisonJobError('can not be done');
    if ((payload as { id: string }).id !== id) throw new PoisonJobError('another payload');
    tell('begun', id);
    await sleep(jobMs);
    tell('done', id);
    return DONE;
  };
}

const orders = JSON.parse(process.argv[2] ?? '{}') as QueueWorkerOrders;
const queue = await openQueue(orders.queue);

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
  if (command === 'counts') tell('counts', JSON.stringify(queue.counts));
  if (command === 'parked')
    tell('parked', JSON.stringify((await queue.parked.list({ limit: 1_000 })).map(({ id }) => id)));
}

queue.consume(orders.consumes, handlerOf(orders), { concurrency: WORKER_CONCURRENCY });
createInterface({ input: process.stdin }).on('line', (line) => void obey(line.split(' ')));
tell('ready');
