import { fail } from '../assert.ts';
import { type FileOperations, NODE_FILES } from './file-operations.ts';
import { LogKind } from './frame.ts';
import { JournalLossError } from './journal-errors.ts';
import type { LogEnd } from './journal-writer.ts';
import { type ScanProgress, scanJournal } from './log-scan.ts';
import {
  DEFAULT_SEGMENT_BYTES,
  MAX_SEGMENT_BYTES,
  MIN_SEGMENT_BYTES,
  segmentPath,
  tidyLogFolder,
} from './segment-files.ts';
import { keepTornBytes, replaceSegment } from './segment-write.ts';

/** Somebody who has effects of commands already: the journal may not end before them. */
export interface JournalClaim {
  readonly holder: string; // named in the refusal: 'the event log', 'settlement'
  readonly commandSequence: number; // 0 for none
}

export interface JournalRecoveryOptions {
  readonly segmentBytes?: number; // a multiple of 128 within MIN_SEGMENT_BYTES … MAX_SEGMENT_BYTES
  readonly files?: FileOperations;
  readonly claims?: readonly JournalClaim[];
  readonly onProgress?: ScanProgress;
}

export interface RecoveredJournal {
  readonly firstSequence: number; // of the oldest command kept; 1 when the journal is new
  readonly lastSequence: number; // firstSequence - 1 when it is empty
  readonly tornFrames: number; // 0 or 1: a group that was never acknowledged
  readonly tornBytes: number;
  readonly end: LogEnd;
}

/**
 * Finds what the journal holds and makes it ready for a JournalWriter. Everything is checked before anything is
 * changed. Then the last segment, which alone is unsealed, is replaced by a fresh synced copy without its torn frame,
 * whose bytes are kept in a file beside it: should they turn out to be missed, nothing is gone.
 * @throws JournalDamagedError, JournalLossError, UnknownVersionError, DiskFullError, StorageError
 */
export function recoverJournal(dataFolder: string, options: JournalRecoveryOptions = {}): RecoveredJournal {
  const { segmentBytes = DEFAULT_SEGMENT_BYTES, files = NODE_FILES, claims = [], onProgress = () => {} } = options;
  if (segmentBytes % 128 !== 0 || segmentBytes < MIN_SEGMENT_BYTES || segmentBytes > MAX_SEGMENT_BYTES)
    fail(`journal segments of ${segmentBytes} bytes`);
  const scan = scanJournal(dataFolder, onProgress);
  const { firstSequence, lastSequence, lastSegment, tornFrames, tornBytes } = scan;
  requireJournalReaches(lastSequence, claims);

  tidyLogFolder(files, dataFolder, LogKind.JOURNAL);
  const path = lastSegment?.segment.path ?? segmentPath(dataFolder, LogKind.JOURNAL, firstSequence);
  const positionBytes = lastSegment?.validBytes ?? 0;
  const sizeBytes = Math.max(segmentBytes, positionBytes);
  if (tornBytes > 0) keepTornBytes(files, path, positionBytes, tornBytes);
  replaceSegment(files, dataFolder, LogKind.JOURNAL, path, positionBytes, sizeBytes);
  return { firstSequence, lastSequence, tornFrames, tornBytes, end: { path, positionBytes, sizeBytes, lastSequence } };
}

/** @throws JournalLossError naming the first claim that the journal does not reach */
export function requireJournalReaches(lastSequence: number, claims: readonly JournalClaim[]): void {
  for (const { holder, commandSequence } of claims)
    if (commandSequence > lastSequence) throw new JournalLossError(holder, commandSequence, lastSequence);
}
