import { LogRangeError } from '../core/journal/journal-errors.ts';
import type { EventConsumer } from '../core/ports/event-feed.ts';
import { EmbeddedFeed } from '../workers/bus/embedded-feed.ts';

/** The history lacks events that are on this disk no longer. */
export class HistoryRebuildError extends Error {
  override readonly name = 'HistoryRebuildError';
}

/** A history that was far behind, or is built anew. */
export interface HistoryProgress {
  readonly type: 'history-progress';
  readonly eventSequence: number;
  readonly ofEventSequence: number;
}

export interface HistoryCatchUp {
  readonly folder: string; // the data folder
  readonly partitionCount: number;
  readonly history: EventConsumer;
  readonly throughSequence: number; // of an event that the event log holds
  readonly onProgress: (progress: HistoryProgress) => void;
}

/**
 * Brings the history up to an event, before anything reads it: a start from a snapshot asks it for what the snapshot
 * does not tell. Segments that were retired are read from the archive.
 * @throws HistoryRebuildError when they are not there any more; what else the history or reading the log throws
 */
export async function catchUpHistory(catchUp: HistoryCatchUp): Promise<void> {
  const { folder, partitionCount, history, throughSequence, onProgress } = catchUp;
  const lowest = Math.min(...(await history.watermarks()));
  if (lowest >= throughSequence) return;
  const feed = new EmbeddedFeed({
    folder,
    partitionCount,
    endSequence: () => throughSequence,
    onFailure: () => {}, // settledThrough tells of it
  });
  feed.subscribe({
    name: history.name,
    // Partitions that are past the end have nothing to come; the feed must not take that for a log that lost its end.
    watermarks: async () => (await history.watermarks()).map((sequence) => Math.min(sequence, throughSequence)),
    consume(batch) {
      const { lastSequence: eventSequence } = batch;
      onProgress({ type: 'history-progress', eventSequence, ofEventSequence: throughSequence });
      return history.consume(batch);
    },
  });
  try {
    await feed.settledThrough(throughSequence);
  } catch (error) {
    if (!(error instanceof LogRangeError)) throw error;
    throw new HistoryRebuildError(
      `history.sqlite has only the events through ${lowest}, and those after it are no longer in ${folder}: bring the ` +
        'older segments back into archive/events, or restore history.sqlite from a later copy, then start again.',
      { cause: error },
    );
  } finally {
    await feed.stop(); // moves the watermarks of quiet partitions up to the end, too
  }
}
