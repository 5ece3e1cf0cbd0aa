import type { ConsumerProgress } from '../../core/ports/event-feed.ts';
import type { AmqpConnection } from './amqp-connection.ts';
import type { FeedFailure } from './feed-settings.ts';

/** What a publisher is made with, and what it tells. */
export interface EventPublisherSettings {
  /** Of this publisher alone; who makes it closes it, after the publisher was stopped. */
  readonly connection: AmqpConnection;
  /** Begins the names of its queues: no other data folder may have the same on one broker. */
  readonly namespace: string;
  /** The data folder. */
  readonly folder: string;
  readonly partitionCount: number;
  /** @returns the highest event sequence that may be delivered: what the journal thread announced of its event log */
  readonly endSequence: () => number;
  /** Those that get events, each by its own queues, and where their watermarks are read. */
  readonly consumers: readonly ConsumerProgress[];
  /** Called once for a consumer that gets no events any more: the log is damaged, or lacks what it has consumed. */
  readonly onFailure: (failure: FeedFailure) => void;
  /** Called when watermarks have moved, with the lowest of all consumers: durably past it are all of them. */
  readonly onAdvance?: (durableSequence: number) => void;
  /** Told in a sentence what went wrong and is being mended. */
  readonly onTrouble?: (text: string) => void;
  /** Batches that a partition of a consumer may be ahead of its watermark. */
  readonly windowBatches?: number;
  /** Events of a message at most. */
  readonly batchEvents?: number;
  readonly times?: Partial<PublisherTimes>;
}

/** What it waits for, and how long. */
export interface PublisherTimes {
  /** Between two looks at watermarks while they move, and while they do not. */
  readonly watermarkPauseMs: number;
  readonly longestWatermarkPauseMs: number;
  /** With messages on their way, how long no confirm at all may come before the channel is given up. */
  readonly confirmTimeoutMs: number;
  /** How long the broker may take to declare all queues before the connection is given up. */
  readonly openTimeoutMs: number;
  /** Before what was not taken is sent again. */
  readonly mendPauseMs: number;
  /** After how long without progress it is asked whether the messages are still there. */
  readonly stallMs: number;
}

export const PUBLISHER_TIMES: PublisherTimes = {
  watermarkPauseMs: 10,
  longestWatermarkPauseMs: 500,
  confirmTimeoutMs: 30_000,
  openTimeoutMs: 20_000,
  mendPauseMs: 1_000,
  stallMs: 10_000,
};

/** How far a consumer was brought. */
export interface PublisherPosition {
  readonly consumer: string;
  /** All events up to here are durable with it. */
  readonly consumedSequence: number;
  /** All events up to here were given to the broker. */
  readonly publishedSequence: number;
  /** Of these, batches that the broker has not confirmed yet. */
  readonly unconfirmedBatches: number;
}
