/** The feed was stopped before the events that somebody waited for were consumed. */
export class FeedStoppedError extends Error {
  override readonly name = 'FeedStoppedError';
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
