import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'vitest';
import { type EventBatch, type EventConsumer, partitionOf } from '../../../core/ports/event-feed.ts';
import type { ExchangeEvent } from '../../../core/protocol/event-decoder.ts';

export const PARTITIONS = 8;

/**
 * What outlives the processes of a consumer: events and watermarks, written in one step. It takes what begins at or
 * before its watermark, trims it, and refuses what begins after it, as every consumer must.
 */
export class EventStore {
  readonly taken: ExchangeEvent[][];
  readonly watermarks: number[];
  batchCount = 0;
  trimmedCount = 0; // events that came although they were there
  gapCount = 0;

  constructor(watermarks: readonly number[] = Array(PARTITIONS).fill(0)) {
    this.watermarks = [...watermarks];
    this.taken = watermarks.map(() => []);
  }

  apply({ partition, beforeSequence, lastSequence, events }: EventBatch): void {
    const watermark = this.watermarks[partition]!;
    if (beforeSequence > watermark) {
      this.gapCount += 1;
      throw new Error(`gap: a batch after ${beforeSequence} at watermark ${watermark}`);
    }
    for (const event of events) expect(partitionOf(event, this.watermarks.length)).toBe(partition);
    const fresh = events.filter(({ eventSequence }) => eventSequence > watermark);
    this.trimmedCount += events.length - fresh.length;
    this.taken[partition]!.push(...fresh);
    this.watermarks[partition] = Math.max(watermark, lastSequence);
    this.batchCount += 1;
  }

  /** @returns whether the partition has as many events as there are */
  hasAll(events: readonly ExchangeEvent[], partition: number): boolean {
    const own = events.filter((event) => partitionOf(event, this.watermarks.length) === partition);
    return this.taken[partition]!.length === own.length;
  }

  /** Each partition has its events once, in order, and nothing else. */
  expectAll(events: readonly ExchangeEvent[], partitions: readonly number[] = [...this.watermarks.keys()]): void {
    for (const partition of partitions) {
      const own = events.filter((event) => partitionOf(event, this.watermarks.length) === partition);
      expect(this.taken[partition], `partition ${partition}`).toEqual(own);
    }
  }
}

/** A process's consumer of a store. */
export class StoringConsumer implements EventConsumer {
  readonly name: string;
  readonly store: EventStore;
  /** Called before a batch is applied: throws, or waits, where a test wants it to. */
  readonly #before: (batch: EventBatch) => Promise<void> | void;
  /** Batches under way at a time, by partition: more than one would be out of order. */
  readonly #underWay = new Map<number, number>();

  constructor(name: string, store: EventStore, before: (batch: EventBatch) => Promise<void> | void = () => {}) {
    this.name = name;
    this.store = store;
    this.#before = before;
  }

  async watermarks(): Promise<readonly number[]> {
    await nextTurn();
    return [...this.store.watermarks];
  }

  async consume(batch: EventBatch): Promise<void> {
    const { partition } = batch;
    expect(this.#underWay.get(partition) ?? 0).toBe(0);
    this.#underWay.set(partition, 1);
    try {
      await nextTurn();
      await this.#before(batch);
      this.store.apply(batch);
      await nextTurn();
    } finally {
      this.#underWay.set(partition, 0);
    }
  }
}
