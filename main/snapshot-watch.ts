import type { Logger } from 'pino';
import type { SnapshotPlaced, SnapshotReport } from '../core/threads/thread-messages.ts';

/** What a snapshot is to an operator: where it stands, where it lies. */
export type SnapshotSummary = Pick<SnapshotPlaced, 'path' | 'commandSequence' | 'eventSequence' | 'restingOrders'>;

/** Follows what becomes of the snapshots that this process takes. */
export class SnapshotWatch {
  readonly #logger: Logger;
  readonly #onPlaced: () => void;
  #last: SnapshotSummary | null = null;

  /** @param onPlaced called when a snapshot is in place: logs that it covers may go once consumers are past it */
  constructor(logger: Logger, onPlaced: () => void) {
    this.#logger = logger;
    this.#onPlaced = onPlaced;
  }

  /** The newest one that this process has put in place. */
  get last(): SnapshotSummary | null {
    return this.#last;
  }

  onReport(report: SnapshotReport): void {
    switch (report.type) {
      case 'snapshot-placed': {
        const { path, commandSequence, eventSequence, restingOrders, sizeBytes } = report;
        this.#last = { path, commandSequence, eventSequence, restingOrders };
        this.#logger.info({ ...this.#last, sizeBytes }, 'snapshot placed');
        this.#onPlaced();
        break;
      }
      case 'snapshot-failed':
        this.#logger.warn(
          { commandSequence: report.commandSequence, reason: report.reason },
          'a snapshot was given up: the one before it still serves, and the next is tried in due course',
        );
        break;
      case 'segments-retired':
        this.#logger.info(
          { journalSegments: report.journalSegments, eventSegments: report.eventSegments },
          'segments that nothing needs any more were moved to the archive',
        );
        break;
    }
  }
}
