import type { Channel } from 'amqplib';

export interface TopologySettings {
  /** What all names begin with: exchanges that share a broker's virtual host need one each. */
  readonly prefix: string;
  readonly types: readonly string[];
  readonly retryDelaysMs: readonly number[];
  readonly maxJobs: number; // of each type
  readonly maxParked: number;
}

/**
 * Ours are the only bounds on deliveries: brokers from 4.0 on drop, or dead-letter, after 20 unless told otherwise. What
 * comes to even this is parked by the broker.
 */
const DELIVERY_LIMIT = 1_000_000;

/** A healthy broker needs some hundredths of a second, one that has just started seconds. */
const SILENCE_MS = 10_000;

/** What is told of a queue that does not answer. It is not deleted by itself: in a cluster it may hold jobs. */
export const SILENT_QUEUE =
  'it does not answer. If RabbitMQ was killed just after it was made it is dead, with nothing in it: delete it ' +
  '(rabbitmqctl delete_queue NAME), it is made anew by itself. In a cluster bring the nodes back that have it';

/** `PREFIX.jobs`: direct, by type. */
export function jobExchange(prefix: string): string {
  return `${prefix}.jobs`;
}

export function jobQueue(prefix: string, type: string): string {
  return `${prefix}.jobs.${type}`;
}

/** Fanout to a queue of the same name, in which a job waits out its pause and goes back to its type by itself. */
export function retryExchange(prefix: string, delayMs: number): string {
  return `${prefix}.retry.${delayMs}`;
}

/** Fanout to a queue of the same name, which whoever keeps the parked jobs empties. */
export function parkingExchange(prefix: string): string {
  return `${prefix}.parked`;
}

/**
 * Declares everything, the same on every call and in every process. For the publisher alone: two who declare the same
 * quorum queue at the same time break it, and their connections. All queues are quorum queues that refuse what is too
 * much, so that a publisher learns of it; what leaves one for another by the broker's own hand is confirmed there first.
 * @param onSilence told of a queue that does not answer; it is waited for until its channel is lost
 */
export async function declareTopology(
  channel: Channel,
  settings: TopologySettings,
  onSilence: (queue: string) => void,
): Promise<void> {
  const declareQueue = async (name: string, most: number, more: object): Promise<void> => {
    const timer = setTimeout(() => onSilence(name), SILENCE_MS);
    await assertQueue(channel, name, most, more).finally(() => clearTimeout(timer));
  };
  const { prefix, types, retryDelaysMs, maxJobs, maxParked } = settings;
  const parking = parkingExchange(prefix);
  await channel.assertExchange(parking, 'fanout', { durable: true });
  await declareQueue(parking, maxParked, {});
  await channel.bindQueue(parking, parking, '');
  const jobs = jobExchange(prefix);
  await channel.assertExchange(jobs, 'direct', { durable: true });
  for (const type of types) {
    const queue = jobQueue(prefix, type);
    await declareQueue(queue, maxJobs, deadLetterTo(parking));
    await channel.bindQueue(queue, jobs, type);
  }
  for (const delayMs of new Set(retryDelaysMs)) {
    const retry = retryExchange(prefix, delayMs);
    await channel.assertExchange(retry, 'fanout', { durable: true });
    await declareQueue(retry, maxJobs, { ...deadLetterTo(jobs), 'x-message-ttl': delayMs });
    await channel.bindQueue(retry, retry, '');
  }
}

function deadLetterTo(exchange: string): Record<string, string> {
  return { 'x-dead-letter-exchange': exchange, 'x-dead-letter-strategy': 'at-least-once' };
}

async function assertQueue(channel: Channel, name: string, most: number, more: object): Promise<void> {
  await channel.assertQueue(name, {
    durable: true,
    arguments: {
      'x-queue-type': 'quorum',
      'x-overflow': 'reject-publish',
      'x-max-length': most,
      'x-delivery-limit': DELIVERY_LIMIT,
      ...more,
    },
  });
}
