import type { EventConsumer, EventProgress } from '../../../core/ports/event-feed.ts';
import type { FeedFailure } from '../../../workers/bus/feed-settings.ts';

export interface FeedStart {
  readonly folder: string;
  readonly endSequence: () => number;
  readonly consumers: readonly EventConsumer[];
  readonly onAdvance?: (durableSequence: number) => void;
  readonly batchEvents?: number;
  readonly partitionCount?: number;
}

/** Both sides of a feed, in one process. */
export interface RunningFeed {
  readonly progress: EventProgress;
  readonly failures: readonly FeedFailure[];
  /** Ends both sides in an orderly way. */
  stop(): Promise<void>;
}

/** An adapter that the contract is tried on. One test's feeds come one after the other, as restarts of the same one. */
export interface FeedUnderTest {
  start(settings: FeedStart): RunningFeed;
}
