/** The feed was stopped before the events that somebody waited for were consumed. */
export class FeedStoppedError extends Error {
  override readonly name = 'FeedStoppedError';
}

/** A consumer gets no more events of a partition: what somebody waited for does not come in this process any more. */
export class PartitionStoppedError extends Error {
  override readonly name = 'PartitionStoppedError';
  readonly consumer: string;
  readonly partition: number;

  /** @param cause what its batch went on failing with */
  constructor(consumer: string, partition: number, cause: Error) {
    super(`${consumer} has stopped at partition ${partition}: ${cause.message}`, { cause });
    this.consumer = consumer;
    this.partition = partition;
  }
}

/**
 * A consumer has effects of events that the log does not have: part of journal and event log is missing. Going on would
 * give new events the numbers of lost ones, and this consumer would take them for done.
 */
export class WatermarkBeyondLogError extends Error {
  override readonly name = 'WatermarkBeyondLogError';

  constructor(consumer: string, consumedSequence: number, endSequence: number) {
    super(
      `consumer ${consumer} has consumed event ${consumedSequence}, but the event log ends at ${endSequence}: restore ` +
        'journal and events folders from a copy that reaches this event.',
    );
  }
}
