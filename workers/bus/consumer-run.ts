import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../../core/assert.ts';
import { EventLogCursor } from '../../core/journal/event-log-cursor.ts';
import { type EventConsumer, partitionOf } from '../../core/ports/event-feed.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { FeedStoppedError, PartitionStoppedError, WatermarkBeyondLogError } from './feed-errors.ts';
import { type ConsumerPosition, type ConsumerRunSettings, QUIET_EVENTS } from './feed-settings.ts';

interface Waiter {
  readonly eventSequence: number;
  readonly reached: PromiseWithResolvers<void>;
}

/**
 * Delivers the event log to one consumer, from the lowest of its watermarks. A chunk of the log is split by partition,
 * the partitions' batches are consumed side by side, then comes the next chunk: each partition gets its events in order,
 * and partition 0, which carries definitions, is called first.
 *
 * A partition whose batch fails leaves the others: after a pause it goes on from its watermark with a cursor of its own,
 * until it is where they are. When that fails as often as it may, it stops there.
 */
export class ConsumerRun {
  readonly #consumer: EventConsumer;
  readonly #settings: ConsumerRunSettings;
  readonly #lastSequences: number[] = []; // by partition: of the last event delivered, or the watermark
  readonly #failures = new Map<number, Error>();
  readonly #behind = new Map<number, Promise<void>>(); // partitions that go on by themselves after a failure
  readonly #waiters = new Set<Waiter>();
  readonly #end = new AbortController();
  readonly #ended: Promise<void>;
  #failure: Error | null = null; // of the run as a whole
  #readSequence = 0; // through which the log was read, and split by partition
  #deliveredSequence = 0; // through which what was read is consumed, but for failed partitions and those behind
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
    this.#end.abort();
    this.wake();
    await this.#ended;
    this.#rejectWaiters(new FeedStoppedError(`the feed of consumer ${this.#consumer.name} was stopped`));
  }

  /** @returns once all events up to that sequence were consumed; rejects when a partition has stopped or on stop */
  consumedThrough(eventSequence: number): Promise<void> {
    const [stopped] = this.#failures;
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (stopped !== undefined) return Promise.reject(new PartitionStoppedError(this.consumer, ...stopped));
    if (eventSequence <= this.#consumedSequence) return Promise.resolve();
    if (this.#end.signal.aborted)
      return Promise.reject(new FeedStoppedError(`consumer ${this.#consumer.name} has no feed`));
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

  get #consumedSequence(): number {
    const alone = [...this.#behind.keys(), ...this.#failures.keys()];
    return Math.min(this.#deliveredSequence, ...alone.map((partition) => this.#lastSequences[partition]!));
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    let cursor: EventLogCursor | null = null;
    try {
      const { folder, partitionCount, endSequence, batchEvents } = this.#settings;
      const watermarks = await this.#consumer.watermarks();
      if (watermarks.length !== partitionCount)
        fail(`consumer ${this.#consumer.name}: ${watermarks.length} watermarks for ${partitionCount} partitions`);
      const [highest, end] = [Math.max(...watermarks), endSequence()];
      if (highest > end) throw new WatermarkBeyondLogError(this.#consumer.name, highest, end);
      this.#lastSequences.push(...watermarks);
      this.#readSequence = Math.min(...watermarks);
      this.#deliveredSequence = this.#readSequence;
      this.#resolveWaiters();
      cursor = new EventLogCursor(folder, this.#readSequence);
      while (!signal.aborted) {
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
        this.#deliveredSequence = this.#readSequence;
        await this.#advanceQuietPartitions(QUIET_EVENTS);
        this.#settings.onAdvance();
        this.#resolveWaiters();
        await nextTurn(); // the event loop has other work than a long backlog
      }
      await this.#advanceQuietPartitions(0);
      this.#settings.onAdvance();
    } catch (error) {
      this.#failure = error as Error;
      this.#end.abort();
      this.#rejectWaiters(this.#failure);
      this.#settings.onFailure({ consumer: this.consumer, partition: null, error: this.#failure });
    } finally {
      cursor?.close();
      await Promise.all(this.#behind.values());
    }
  }

  async #deliver(events: readonly ExchangeEvent[]): Promise<void> {
    const batches = new Map<number, ExchangeEvent[]>();
    for (const event of events) {
      const partition = partitionOf(event, this.#settings.partitionCount);
      if (event.eventSequence <= this.#lastSequences[partition]! || !this.#isWithOthers(partition)) continue;
      const batch = batches.get(partition);
      if (batch === undefined) batches.set(partition, [event]);
      else batch.push(event);
    }
    this.#readSequence = events.at(-1)!.eventSequence; // whoever is behind reads these for itself
    const partitions = [...batches.keys()].sort((one, other) => one - other);
    await Promise.all(
      partitions.map((partition) => {
        const batch = batches.get(partition)!;
        return this.#deliverTo(partition, batch, batch.at(-1)!.eventSequence);
      }),
    );
  }

  /** Moves the watermarks that stand further behind than that, for want of events: the next start reads from them. */
  async #advanceQuietPartitions(behindEvents: number): Promise<void> {
    for (const [partition, lastSequence] of this.#lastSequences.entries())
      if (this.#deliveredSequence - lastSequence > behindEvents && this.#isWithOthers(partition))
        await this.#deliverTo(partition, [], this.#deliveredSequence);
  }

  #isWithOthers(partition: number): boolean {
    return !this.#failures.has(partition) && !this.#behind.has(partition);
  }

  /** A batch that fails is not waited for: its partition is behind from here on. */
  async #deliverTo(partition: number, events: readonly ExchangeEvent[], lastSequence: number): Promise<void> {
    try {
      await this.#consume(partition, events, lastSequence);
    } catch (error) {
      this.#behind.set(
        partition,
        nextTurn().then(() => this.#tryAgain(partition, error as Error)),
      );
    }
  }

  async #consume(partition: number, events: readonly ExchangeEvent[], lastSequence: number): Promise<void> {
    const beforeSequence = this.#lastSequences[partition]!;
    await this.#consumer.consume({ partition, beforeSequence, lastSequence, events });
    this.#lastSequences[partition] = lastSequence;
  }

  /** @returns once the partition is with the others again, or has stopped; or at the end, with nothing told */
  async #tryAgain(partition: number, firstError: Error): Promise<void> {
    const { attempts, firstPauseMs, onTrouble } = this.#settings;
    const { signal } = this.#end;
    let error = firstError;
    let failedAfter = this.#lastSequences[partition]!;
    for (let attempt = 1; attempt < attempts; attempt++) {
      onTrouble(`${this.consumer}, partition ${partition}: attempt ${attempt} failed: ${error.message}`);
      await sleep(firstPauseMs * 2 ** (attempt - 1), undefined, { signal }).catch(() => {}); // stopped
      if (signal.aborted) return;
      try {
        return await this.#catchUp(partition);
      } catch (nextError) {
        error = nextError as Error;
      }
      if (this.#lastSequences[partition]! > failedAfter) attempt = 0; // it is another batch that fails now
      failedAfter = this.#lastSequences[partition]!;
    }
    if (!signal.aborted) this.#stopPartition(partition, error);
  }

  /** From the partition's watermark to where the others are; while those hurry through a backlog, behind them. */
  async #catchUp(partition: number): Promise<void> {
    const { folder, partitionCount, batchEvents } = this.#settings;
    const watermarks = await this.#consumer.watermarks(); // it may have been applied all the same
    this.#lastSequences[partition] = watermarks[partition]!;
    const cursor = new EventLogCursor(folder, this.#lastSequences[partition]);
    try {
      for (let isWell = false; !this.#end.signal.aborted; ) {
        const throughSequence = this.#readSequence;
        const events = cursor.next(throughSequence, batchEvents);
        if (events.length === 0 && (isWell || throughSequence <= this.#lastSequences[partition]!)) {
          this.#behind.delete(partition); // in the same turn: what is read from here on is delivered to it, too
          this.#resolveWaiters();
          return;
        }
        const own = events.filter((event) => partitionOf(event, partitionCount) === partition);
        const lastSequence = events.length === 0 ? throughSequence : own.at(-1)?.eventSequence;
        if (lastSequence !== undefined) {
          await this.#consume(partition, own, lastSequence);
          isWell = true;
          this.#settings.onAdvance();
        }
        await nextTurn();
      }
    } finally {
      cursor.close();
    }
  }

  #stopPartition(partition: number, error: Error): void {
    this.#failures.set(partition, error);
    this.#behind.delete(partition);
    this.#rejectWaiters(new PartitionStoppedError(this.consumer, partition, error));
    this.#settings.onFailure({ consumer: this.consumer, partition, error });
  }

  async #sleep(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wakeSleeper = resolve;
    });
    this.#wakeSleeper = null;
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
