import type { ExchangeEvent } from '../protocol/event-decoder.ts';
import { EVENT } from '../protocol/event-record.ts';
import { EventKind } from '../protocol/kinds.ts';
import type { RecordWindow } from '../protocol/record-window.ts';

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

/**
 * Takes batches in order. Resolves once its effect and its watermark are durable, both in one step: what is at or below
 * that watermark may come again, cut differently, after a crash or from another process, and must then change nothing.
 * A batch that begins after it must be refused with nothing applied. A rejection is tried again or stops the partition.
 */
export interface EventConsumer {
  readonly name: string;
  /** Events that it is given at a time where there is a backlog; the feed's own number unless it says so. */
  readonly batchEvents?: number;
  consume(batch: EventBatch): Promise<void>;
  /**
   * Highest sequence of each partition whose effect is durable: where the feed begins. Asked again whenever a batch does
   * not fit, so it tells what is durable by now, whichever process has made it so.
   */
  watermarks(): Promise<readonly number[]>;
}

/** What a feed needs to know of a consumer that lives in another process: how far it has come. */
export type ConsumerProgress = Pick<EventConsumer, 'name' | 'watermarks'>;

/** Where consumers get their events: everything after their watermarks, then what comes, until `stop`. */
export interface EventSubscriptions {
  subscribe(consumer: EventConsumer): void;
  /** Finishes the batches under way, then ends. */
  stop(): Promise<void>;
}

/** The side of a feed that has the event log: how far its consumers have come. */
export interface EventProgress {
  /**
   * @param consumer that is waited for; every one unless it is named
   * @returns once it has all events up to that sequence; rejects when that can't come true any more
   */
  settledThrough(eventSequence: number, consumer?: string): Promise<void>;
  /** The lowest watermark of all consumers as known by now: durably past it are all of them. */
  readonly durableSequence: number;
  /** To be called whenever the end of the event log has moved. Cheap when there is nothing to do. */
  wake(): void;
  /** Has consumers move the watermarks of partitions without events up to the log's end, soon. */
  advanceWatermarks(): void;
  stop(): Promise<void>;
}

/** Both sides in one process. */
export interface EventFeed extends EventSubscriptions, EventProgress {}

/** Partition of an event: its instrument's, or 0 for what belongs to no instrument. */
export function partitionOf(event: ExchangeEvent, partitionCount: number): number {
  return 'instrumentId' in event ? event.instrumentId % partitionCount : 0;
}

/** As partitionOf, of the event record that begins at an offset. */
export function partitionOfRecord(window: RecordWindow, offsetBytes: number, partitionCount: number): number {
  switch (window.u8[offsetBytes + EVENT.KIND]) {
    case EventKind.CHECKPOINTED:
    case EventKind.TIME_ADVANCED:
    case EventKind.ASSET_DEFINED:
    case EventKind.INSTRUMENT_DEFINED:
    case EventKind.DEFINITION_REJECTED:
      return 0;
    default:
      return window.u16[(offsetBytes + EVENT.INSTRUMENT_ID) >> 1]! % partitionCount;
  }
}
