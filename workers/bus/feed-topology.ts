import type { ConfirmChannel, Message } from 'amqplib';
import { envelopeOptions, PoisonMessageError, readEnvelope, readField } from './envelope.ts';

/**
 * The feed's names on the broker, below the namespace of one data folder:
 *   <namespace>.events.<consumer>.<partition>   durable quorum queue, single active consumer; batches in order
 *   <namespace>.events.control                  fanout exchange: what consumers ask of the publisher; its queue is the
 *                                               publisher's own and goes with it
 */
const QUEUE_OPTIONS = {
  durable: true,
  arguments: { 'x-queue-type': 'quorum', 'x-single-active-consumer': true },
} as const;

export function partitionQueue(namespace: string, consumer: string, partition: number): string {
  return `${namespace}.events.${consumer}.${partition}`;
}

/** For the publisher alone: two who declare the same quorum queue at the same time break it, and their connections. */
export async function declarePartitionQueue(channel: ConfirmChannel, queue: string): Promise<void> {
  await channel.assertQueue(queue, QUEUE_OPTIONS);
}

function controlExchange(namespace: string): string {
  return `${namespace}.events.control`;
}

export async function declareControl(channel: ConfirmChannel, namespace: string): Promise<void> {
  await channel.assertExchange(controlExchange(namespace), 'fanout', { durable: true });
}

/** A consumer lacks what comes after that event of the partition, and has discarded or lost what was sent. */
export interface RewindRequest {
  readonly consumer: string;
  readonly partition: number;
  readonly afterSequence: number;
}

const REWIND_TYPE = 'events-rewind';
const REWIND_VERSION = 2;
/** The first one had two headers more, which nobody has read. */
const KNOWN_REWIND_VERSIONS: readonly number[] = [1, REWIND_VERSION];

/** Not confirmed: a publisher that is away begins at the watermarks anyway, and one that misses it looks itself. */
export function requestRewind(channel: ConfirmChannel, namespace: string, request: RewindRequest): void {
  const { consumer, partition, afterSequence } = request;
  const envelope = {
    messageId: `rewind ${consumer} ${partition} ${afterSequence}`,
    type: REWIND_TYPE,
    version: REWIND_VERSION,
  };
  const options = envelopeOptions(envelope, { partition, afterSequence });
  channel.publish(controlExchange(namespace), '', Buffer.from(consumer), options);
}

/** Has the channel take the consumers' requests. @param onMalformed told of messages that are none of ours */
export async function takeRewindRequests(
  channel: ConfirmChannel,
  namespace: string,
  onRequest: (request: RewindRequest) => void,
  onMalformed: (error: PoisonMessageError) => void,
): Promise<void> {
  await declareControl(channel, namespace);
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.bindQueue(queue, controlExchange(namespace), '');
  const onMessage = (message: Message | null): void => {
    if (message === null) return;
    try {
      onRequest(readRewindRequest(message));
    } catch (error) {
      if (!(error instanceof PoisonMessageError)) throw error;
      onMalformed(error);
    }
  };
  await channel.consume(queue, onMessage, { noAck: true });
}

function readRewindRequest(message: Message): RewindRequest {
  const { messageId, type, version } = readEnvelope(message);
  if (type !== REWIND_TYPE || !KNOWN_REWIND_VERSIONS.includes(version))
    throw new PoisonMessageError(`message ${messageId}: ${type} of version ${version} is no request for a rewind`);
  return {
    consumer: message.content.toString(),
    partition: readField(message, 'partition'),
    afterSequence: readField(message, 'afterSequence'),
  };
}
