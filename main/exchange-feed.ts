import type { ConsumerProgress, EventConsumer, EventProgress } from '../core/ports/event-feed.ts';
import type { AmqpConnectionState } from '../workers/bus/amqp-connection.ts';
import { EmbeddedFeed } from '../workers/bus/embedded-feed.ts';
import type { FeedFailure } from '../workers/bus/feed-settings.ts';
import type { SubscriberPosition } from '../workers/bus/subscriber-settings.ts';

/** Who gets the exchange's events: consumers of this process, and how far those of others have come. */
export interface FeedConsumers {
  readonly here: readonly EventConsumer[];
  readonly elsewhere: readonly ConsumerProgress[];
}

/** Where one consumer stands. */
export interface FeedPosition {
  readonly consumer: string;
  readonly consumedSequence: number; // all events up to here
  readonly publishedSequence: number | null; // through which the broker has everything; null without one
}

/** The exchange's side of the feed, whichever way the events go. Nothing moves before `begin`. */
export interface ExchangeFeed extends EventProgress {
  /** The log holds what it must: everything after the consumers' watermarks is delivered from here on. Once. */
  begin(consumers: FeedConsumers): void;
  positions(): readonly FeedPosition[];
  /** Of consumers of this process that a broker brings their events; none otherwise. */
  subscriptions(): readonly SubscriberPosition[];
  /** Of the connection that publishes; null without a broker. */
  readonly bus: AmqpConnectionState | null;
}

export interface ExchangeFeedSettings {
  readonly dataFolder: string;
  readonly partitionCount: number;
  /** @returns the highest event sequence that the event log holds */
  readonly endSequence: () => number;
  readonly onAdvance: (durableSequence: number) => void;
  /** A consumer of this process stopped, at one partition or (without a broker) as a whole. */
  readonly onFailure: (failure: FeedFailure) => void;
  /** Told in a sentence what went wrong and is tried again. */
  readonly onTrouble: (text: string) => void;
}

/** Without a broker: consumers of this process read the event log themselves. */
export class LocalFeed implements ExchangeFeed {
  readonly bus = null;
  readonly #feed: EmbeddedFeed;

  constructor({ dataFolder, ...settings }: ExchangeFeedSettings) {
    this.#feed = new EmbeddedFeed({ folder: dataFolder, ...settings });
  }

  begin({ here }: FeedConsumers): void {
    for (const consumer of here) this.#feed.subscribe(consumer);
  }

  wake(): void {
    this.#feed.wake();
  }

  get durableSequence(): number {
    return this.#feed.durableSequence;
  }

  advanceWatermarks(): void {
    this.#feed.advanceWatermarks();
  }

  settledThrough(eventSequence: number, consumer?: string): Promise<void> {
    return this.#feed.settledThrough(eventSequence, consumer);
  }

  positions(): FeedPosition[] {
    return this.#feed
      .positions()
      .map(({ consumer, consumedSequence }) => ({ consumer, consumedSequence, publishedSequence: null }));
  }

  subscriptions(): [] {
    return [];
  }

  stop(): Promise<void> {
    return this.#feed.stop();
  }
}
