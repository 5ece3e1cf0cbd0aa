import type { AmqpConnection } from './amqp-connection.ts';
import { ATTEMPTS, type FeedFailure } from './feed-settings.ts';

/** What a subscriber is made with, and what it tells. */
export interface EventSubscriberSettings {
  /** For consuming alone; who makes it closes it, after the subscriber was stopped. */
  readonly connection: AmqpConnection;
  /** The publisher's. */
  readonly namespace: string;
  readonly partitionCount: number;
  /**
   * Called once for each partition that stops, with what it has stopped at: its instruments are to be halted, and
   * somebody to be told. Its messages stay in their queue.
   */
  readonly onFailure: (failure: FeedFailure) => void;
  /** Told in a sentence what went wrong and is being mended. */
  readonly onTrouble?: (text: string) => void;
  /** Messages of a partition that are taken ahead. */
  readonly prefetch?: number;
  /** How often a batch is tried in all, each pause twice as long as the one before. */
  readonly attempts?: number;
  readonly firstPauseMs?: number;
  /** How often the broker is asked whether it still knows of an idle subscription. */
  readonly checkMs?: number;
  /** How long the broker may take to subscribe a partition before the connection is given up. */
  readonly openTimeoutMs?: number;
}

export const SUBSCRIBER_DEFAULTS = { ...ATTEMPTS, prefetch: 16, checkMs: 30_000 } as const;

/** What a subscription has done since its process began. */
export interface SubscriptionCounts {
  batches: number; // consumed
  events: number; // in them
  retries: number; // of batches that had failed
  rewinds: number; // that the publisher was asked for
  channels: number; // that were opened: one, and another for each that was lost
}

/** How far a subscribed consumer has come, as this process knows. */
export interface SubscriberPosition {
  readonly consumer: string;
  /** By partition; null before it was asked. */
  readonly watermarks: readonly (number | null)[];
  readonly failedPartitions: readonly number[];
  /** Partitions that the broker may deliver to us. */
  readonly subscribedPartitions: readonly number[];
  /**
   * Age of the oldest batch that was delivered and is not durable, or that its partition has stopped at; when nothing waits,
   * what the newest one took until it was durable. Since it was first published, by the host's wall clock; null before
   * the first. What a broker that is away keeps from being published is not in it.
   */
  readonly lagMs: number | null;
  /** Messages that were delivered and are not consumed. */
  readonly waitingMessages: number;
  /** Of all its partitions. */
  readonly counts: Readonly<SubscriptionCounts>;
}
