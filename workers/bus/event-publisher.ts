import type { ConfirmChannel } from 'amqplib';
import { fail } from '../../core/assert.ts';
import type { EventProgress } from '../../core/ports/event-feed.ts';
import { ConfirmedPublish } from './confirmed-publish.ts';
import { FeedStoppedError } from './feed-errors.ts';
import { DEFAULT_BATCH_EVENTS } from './feed-settings.ts';
import { declarePartitionQueue, partitionQueue, takeRewindRequests } from './feed-topology.ts';
import type { KeptChannel } from './kept-channel.ts';
import { PublisherSession } from './publisher-session.ts';
import { type EventPublisherSettings, PUBLISHER_TIMES, type PublisherPosition } from './publisher-settings.ts';
import { PublisherTail } from './publisher-tail.ts';

interface Waiter {
  readonly tails: readonly PublisherTail[]; // of the consumers that it waits for
  readonly eventSequence: number;
  readonly reached: PromiseWithResolvers<void>;
}

const WINDOW_BATCHES = 16;

/**
 * Sends the event log on, to a queue for each consumer and partition. The log is the outbox, and what was consumed is
 * known where its effect is: so the queues are worth nothing. With each channel they are emptied, and everything after
 * the consumers' watermarks is sent again; what a consumer then gets twice it trims. RabbitMQ may be away meanwhile, or
 * come back with an empty disk. One at a time: the data folder's lock sees to that.
 */
export class EventPublisher implements EventProgress {
  readonly #settings: EventPublisherSettings;
  readonly #tails: readonly PublisherTail[];
  readonly #kept: KeptChannel;
  readonly #waiters = new Set<Waiter>();
  readonly #queues: readonly string[];
  readonly #deadQueues = new Set<string>(); // to be deleted, then declared anew
  #preparing: { readonly at: number; readonly sinceMs: number } | null = null; // the queue whose answer is waited for
  #channel: ConfirmChannel | null = null; // from when it is opened until it is lost
  #failure: Error | null = null;
  #isStopped = false;
  #toldSequence = 0;

  /** Begins at once, or when the broker is there. */
  constructor(settings: EventPublisherSettings) {
    this.#settings = settings;
    if (settings.consumers.length === 0) fail('an event publisher without consumers'); // everything would count as consumed
    const times = { ...PUBLISHER_TIMES, ...settings.times };
    this.#tails = settings.consumers.map(
      (consumer) =>
        new PublisherTail(consumer, {
          ...settings,
          times,
          batchEvents: settings.batchEvents ?? DEFAULT_BATCH_EVENTS,
          windowBatches: settings.windowBatches ?? WINDOW_BATCHES,
          onProgress: () => this.#onProgress(),
          onFailure: (error) => this.#onFailure(consumer.name, error),
          onTrouble: (text) => settings.onTrouble?.(text),
        }),
    );
    const partitions = Array.from({ length: settings.partitionCount }, (_, partition) => partition);
    this.#queues = settings.consumers.flatMap(({ name }) =>
      partitions.map((partition) => partitionQueue(settings.namespace, name, partition)),
    );
    this.#kept = settings.connection.keepChannel({
      name: 'event publisher',
      openTimeoutMs: times.openTimeoutMs,
      onOpen: (channel) => this.#open(channel, times.confirmTimeoutMs),
      onClose: (reason) => this.#onClose(reason),
    });
  }

  wake(): void {
    for (const tail of this.#tails) tail.wake();
  }

  advanceWatermarks(): void {
    for (const tail of this.#tails) tail.advanceWatermarks();
  }

  get durableSequence(): number {
    return Math.min(...this.#tails.map(({ durableSequence }) => durableSequence));
  }

  /** Waits for RabbitMQ and for consumers that are away or stand still: only what can never come true is rejected. */
  settledThrough(eventSequence: number, consumer?: string): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    const tails = this.#tails.filter((tail) => consumer === undefined || tail.consumer === consumer);
    if (tails.length === 0) fail(`settledThrough(${eventSequence}) of ${consumer}, which gets no events`);
    if (eventSequence <= consumedSequenceOf(tails)) return Promise.resolve();
    if (this.#isStopped) return Promise.reject(new FeedStoppedError('the event publisher was stopped'));
    const reached = Promise.withResolvers<void>();
    this.#waiters.add({ tails, eventSequence, reached });
    return reached.promise;
  }

  positions(): PublisherPosition[] {
    return this.#tails.map(({ consumer, consumedSequence, publishedSequence, unconfirmedBatches }) => ({
      consumer,
      consumedSequence,
      publishedSequence,
      unconfirmedBatches,
    }));
  }

  /** What was not confirmed is sent again by the next start. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#kept.close();
    await Promise.all(this.#tails.map((tail) => tail.stop()));
    this.#rejectWaiters(new FeedStoppedError('the event publisher was stopped'));
  }

  async #open(channel: ConfirmChannel, timeoutMs: number): Promise<void> {
    const { connection, namespace, onTrouble = () => {} } = this.#settings;
    this.#channel = channel;
    const publish = new ConfirmedPublish(channel, {
      timeoutMs,
      isBlocked: () => connection.state.isBlocked,
      onTimeout: () => this.#kept.reopen('the broker has confirmed nothing for too long'),
    });
    for (const [at, queue] of this.#queues.entries()) await this.#prepare(channel, queue, at);
    this.#preparing = null;
    // Before the watermarks are read: a consumer that finds a gap after that is heard.
    const onRequest = ({
      consumer,
      partition,
      afterSequence,
    }: {
      consumer: string;
      partition: number;
      afterSequence: number;
    }) => this.#tails.find((tail) => tail.consumer === consumer)?.rewind(partition, afterSequence);
    await takeRewindRequests(channel, namespace, onRequest, (error) => onTrouble(error.message));
    if (channel !== this.#channel) return; // lost right behind the broker's last answer
    const session = new PublisherSession(channel, publish, () => this.wake());
    for (const tail of this.#tails) tail.attach(session);
  }

  /** What an earlier session has sent goes: it will be sent again. */
  async #prepare(channel: ConfirmChannel, queue: string, at: number): Promise<void> {
    this.#preparing = { at, sinceMs: performance.now() };
    if (this.#deadQueues.has(queue)) {
      this.#settings.onTrouble?.(
        `queue ${queue} does not answer, or stands behind one: it is deleted and declared again`,
      );
      await channel.deleteQueue(queue);
      this.#deadQueues.delete(queue);
    }
    await declarePartitionQueue(channel, queue);
    await channel.purgeQueue(queue);
  }

  #onClose(reason: string): void {
    if (!this.#isStopped) this.#settings.onTrouble?.(`events are not published: ${reason}`);
    this.#channel = null;
    this.#findDead();
    for (const tail of this.#tails) tail.detach();
  }

  /**
   * A broker that is killed just after it has declared a queue may have kept its name and nothing else: whoever asks for
   * it waits for ever. Then the queues after it are hardly better, and nothing is lost with any of them.
   */
  #findDead(): void {
    const { openTimeoutMs } = { ...PUBLISHER_TIMES, ...this.#settings.times };
    const preparing = this.#preparing;
    this.#preparing = null;
    if (preparing === null || performance.now() - preparing.sinceMs < openTimeoutMs / 3) return;
    for (const queue of this.#queues.slice(preparing.at)) this.#deadQueues.add(queue);
  }

  #onProgress(): void {
    const durable = this.durableSequence;
    if (durable > this.#toldSequence) {
      this.#toldSequence = durable;
      this.#settings.onAdvance?.(durable);
    }
    for (const waiter of this.#waiters)
      if (waiter.eventSequence <= consumedSequenceOf(waiter.tails)) {
        this.#waiters.delete(waiter);
        waiter.reached.resolve();
      }
  }

  #onFailure(consumer: string, error: Error): void {
    this.#failure ??= error;
    this.#rejectWaiters(error);
    this.#settings.onFailure({ consumer, partition: null, error });
  }

  #rejectWaiters(error: Error): void {
    for (const { reached } of this.#waiters) reached.reject(error);
    this.#waiters.clear();
  }
}

function consumedSequenceOf(tails: readonly PublisherTail[]): number {
  return Math.min(...tails.map(({ consumedSequence }) => consumedSequence));
}
