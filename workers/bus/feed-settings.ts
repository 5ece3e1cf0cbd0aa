/** What an embedded feed is made with, and what it tells. */
export interface EmbeddedFeedSettings {
  /** The data folder. */
  readonly folder: string;
  readonly partitionCount: number;
  /** @returns the highest event sequence that may be delivered: what the journal thread announced of its event log */
  readonly endSequence: () => number;
  /** Called once for each partition that stops, or once for a consumer that stops as a whole. */
  readonly onFailure: (failure: FeedFailure) => void;
  /** Called after batches were consumed, with the lowest watermark of all consumers: durably past it are all of them. */
  readonly onAdvance?: (durableSequence: number) => void;
  /** Told in a sentence what went wrong and is tried again. */
  readonly onTrouble?: (text: string) => void;
  /** Events read at a time, for every consumer, whatever it asks for. A batch of one partition is never larger. */
  readonly batchEvents?: number;
  /** How often a batch is tried in all, each pause twice as long as the one before. */
  readonly attempts?: number;
  readonly firstPauseMs?: number;
}

/** On any feed. Six attempts take pauses of 3.1 s in all. */
export const ATTEMPTS = { attempts: 6, firstPauseMs: 100 } as const;

/** What one consumer's run is made with. */
export interface ConsumerRunSettings extends Omit<Required<EmbeddedFeedSettings>, 'onAdvance'> {
  /** Called after batches were consumed. */
  readonly onAdvance: () => void;
}

/** How far a consumer has come. */
export interface ConsumerPosition {
  readonly consumer: string;
  /** All events up to here were read from the log and consumed. */
  readonly consumedSequence: number;
  readonly failedPartitions: readonly number[];
  /** The lowest of its watermarks: where it would begin again. */
  readonly durableSequence: number;
}

/** Why a consumer gets no more events of a partition. Nothing was skipped: its watermark stays where it is. */
export interface FeedFailure {
  readonly consumer: string;
  readonly partition: number | null; // null: the consumer gets no events at all any more
  readonly error: Error;
}

/** A partition without events is told of it this often: how much of the log a start after a crash reads in vain. */
export const QUIET_EVENTS = 65_536;

/**
 * What is read at a time where there is a backlog; a consumer that keeps up gets a few. Settlement decides a batch in one
 * synchronous step: of 512 events it takes 0.7 ms of the event loop, of 4,096 it takes 4.4 ms and is no faster for it.
 */
export const DEFAULT_BATCH_EVENTS = 512;
