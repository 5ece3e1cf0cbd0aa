import { setImmediate as nextTurn } from 'node:timers/promises';
import { fail } from '../../core/assert.ts';
import { EventLogCursor } from '../../core/journal/event-log-cursor.ts';
import { type EventConsumer, partitionOf } from '../../core/ports/event-feed.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { FeedStoppedError, WatermarkBeyondLogError } from './feed-errors.ts';
import { type ConsumerPosition, type ConsumerRunSettings, QUIET_EVENTS } from './feed-settings.ts';

interface Waiter {
  readonly eventSequence: number;
  readonly reached: PromiseWithResolvers<void>;
}

/**
 * Delivers the event log to one consumer, from the lowest of its watermarks. A chunk of the log is split by partition,
 * the partitions' batches are consumed side by side, then comes the next chunk: each partition gets its events in order,
 * and partition 0, which carries definitions, is called first.
 */
export class ConsumerRun {
  readonly #consumer: EventConsumer;
  readonly #settings: ConsumerRunSettings;
  readonly #lastSequences: number[] = []; // by partition: of the last event delivered, or the watermark
  readonly #failures = new Map<number, Error>();
  readonly #waiters = new Set<Waiter>();
  readonly #ended: Promise<void>;
  #failure: Error | null = null; // of the run as a whole
  #consumedSequence = 0;
  #isStopping = false;
  #mustAdvance = false;
  #wakeSleeper: (() => void) | null = null;

  constructor(consumer: EventConsumer, settings: ConsumerRunSettings) {
    this.#consumer = consumer;
    this.#settings = settings;
    this.#ended = this.#run();
  }

  get consumer(): string {
    return this.#consumer.name;
  }

  wake(): void {
    this.#wakeSleeper?.();
  }

  /** Moves the watermarks of quiet partitions up to what was consumed, soon. */
  advanceWatermarks(): void {
    this.#mustAdvance = true;
    this.wake();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.wake();
    await this.#ended;
    this.#rejectWaiters(new FeedStoppedError(`the feed of consumer ${this.#consumer.name} was stopped`));
  }

  /** @returns once all events up to that sequence were consumed; rejects when a partition has failed or on stop */
  consumedThrough(eventSequence: number): Promise<void> {
    const [failure] = this.#failures.values();
    if (this.#failure !== null || failure !== undefined) return Promise.reject(this.#failure ?? failure);
    if (eventSequence <= this.#consumedSequence) return Promise.resolve();
    if (this.#isStopping) return Promise.reject(new FeedStoppedError(`consumer ${this.#consumer.name} has no feed`));
    const reached = Promise.withResolvers<void>();
    this.#waiters.add({ eventSequence, reached });
    return reached.promise;
  }

  position(): ConsumerPosition {
    return {
      consumer: this.#consumer.name,
      consumedSequence: this.#consumedSequence,
      failedPartitions: [...this.#failures.keys()],
      durableSequence: this.#lastSequences.length === 0 ? 0 : Math.min(...this.#lastSequences),
    };
  }

  async #run(): Promise<void> {
    let cursor: EventLogCursor | null = null;
    try {
      const { folder, partitionCount, endSequence, batchEvents } = this.#settings;
      const watermarks = await this.#consumer.watermarks();
      if (watermarks.length !== partitionCount)
        fail(`consumer ${this.#consumer.name}: ${watermarks.length} watermarks for ${partitionCount} partitions`);
      const [highest, end] = [Math.max(...watermarks), endSequence()];
      if (highest > end) throw new WatermarkBeyondLogError(this.#consumer.name, highest, end);
      this.#lastSequences.push(...watermarks);
      this.#consumedSequence = Math.min(...watermarks);
      this.#resolveWaiters();
      cursor = new EventLogCursor(folder, this.#consumedSequence);
      while (!this.#isStopping) {
        if (this.#mustAdvance) {
          this.#mustAdvance = false;
          await this.#advanceQuietPartitions(0);
          this.#settings.onAdvance();
          continue; // a stop or a wake may have come meanwhile: nothing may run between looking for them and sleeping
        }
        const events = cursor.next(endSequence(), batchEvents);
        if (events.length === 0) {
          await this.#sleep(); // nothing has run since the end was asked for, so no wake can be missed
          continue;
        }
        await this.#deliver(events);
        this.#consumedSequence = events.at(-1)!.eventSequence;
        await this.#advanceQuietPartitions(QUIET_EVENTS);
        this.#settings.onAdvance();
        this.#resolveWaiters();
        await nextTurn(); // the event loop has other work than a long backlog
      }
      await this.#advanceQuietPartitions(0);
      this.#settings.onAdvance();
    } catch (error) {
      this.#failure = error as Error;
      this.#report(null, error as Error);
    } finally {
      cursor?.close();
    }
  }

  async #deliver(events: readonly ExchangeEvent[]): Promise<void> {
    const batches = new Map<number, ExchangeEvent[]>();
    for (const event of events) {
      const partition = partitionOf(event, this.#settings.partitionCount);
      if (event.eventSequence <= this.#lastSequences[partition]! || this.#failures.has(partition)) continue;
      const batch = batches.get(partition);
      if (batch === undefined) batches.set(partition, [event]);
      else batch.push(event);
    }
    const partitions = [...batches.keys()].sort((one, other) => one - other);
    await Promise.all(partitions.map((partition) => this.#deliverTo(partition, batches.get(partition)!)));
  }

  /** Moves the watermarks that stand further behind than that, for want of events: the next start reads from them. */
  async #advanceQuietPartitions(behindEvents: number): Promise<void> {
    for (const [partition, lastSequence] of this.#lastSequences.entries())
      if (this.#consumedSequence - lastSequence > behindEvents && !this.#failures.has(partition))
        await this.#deliverTo(partition, [], this.#consumedSequence);
  }

  async #deliverTo(
    partition: number,
    events: readonly ExchangeEvent[],
    lastSequence = events.at(-1)!.eventSequence,
  ): Promise<void> {
    const beforeSequence = this.#lastSequences[partition]!;
    try {
      await this.#consumer.consume({ partition, beforeSequence, lastSequence, events });
      this.#lastSequences[partition] = lastSequence;
    } catch (error) {
      this.#failures.set(partition, error as Error);
      this.#report(partition, error as Error);
    }
  }

  async #sleep(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wakeSleeper = resolve;
    });
    this.#wakeSleeper = null;
  }

  #report(partition: number | null, error: Error): void {
    this.#rejectWaiters(error);
    this.#settings.onFailure({ consumer: this.#consumer.name, partition, error });
  }

  #resolveWaiters(): void {
    for (const waiter of this.#waiters)
      if (waiter.eventSequence <= this.#consumedSequence) {
        this.#waiters.delete(waiter);
        waiter.reached.resolve();
      }
  }

  #rejectWaiters(error: Error): void {
    for (const { reached } of this.#waiters) reached.reject(error);
    this.#waiters.clear();
  }
}
