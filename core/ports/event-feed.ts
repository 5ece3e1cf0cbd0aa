import type { ExchangeEvent } from '../protocol/event-decoder.ts';

/**
 * All events of one partition after `beforeSequence` through `lastSequence`, in order. There may be none: a partition
 * in which nothing happens moves its watermark too, or every start would read the log from where it last traded.
 */
export interface EventBatch {
  readonly partition: number;
  readonly beforeSequence: number;
  readonly lastSequence: number; // above beforeSequence
  readonly events: readonly ExchangeEvent[];
}

/** Takes batches in order. Resolves once its effect and its watermark are durable; a rejection stops the partition. */
export interface EventConsumer {
  readonly name: string;
  /** Events that it is given at a time where there is a backlog; the feed's own number unless it says so. */
  readonly batchEvents?: number;
  /** Highest sequence of each partition whose effect is durable: where the feed begins. */
  watermarks(): Promise<readonly number[]>;
  consume(batch: EventBatch): Promise<void>;
}

export interface EventFeed {
  /** Delivers everything after the consumer's watermarks, then what comes, until `stop`. */
  subscribe(consumer: EventConsumer): void;
  /** @returns once every consumer has all events up to that sequence; rejects when a consumer has failed */
  settledThrough(eventSequence: number): Promise<void>;
  stop(): Promise<void>;
}

/** Partition of an event: its instrument's, or 0 for what belongs to no instrument. */
export function partitionOf(event: ExchangeEvent, partitionCount: number): number {
  return 'instrumentId' in event ? event.instrumentId % partitionCount : 0;
}
