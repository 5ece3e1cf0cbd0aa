import { EVENT } from '../protocol/event-record.ts';
import { CONTINUATION_KIND } from '../protocol/kinds.ts';
import { SLOT_BYTES } from '../protocol/record-window.ts';
import { LogKind } from './frame.ts';
import { listSegments, type SegmentFile } from './segment-files.ts';
import type { Frame } from './segment-reader.ts';
import { requireSealed, requireTornTailAtMost, type SegmentScan, scanSegment } from './segment-scan.ts';

/** What a whole log holds on disk. Nothing was changed to find out. */
export interface LogScan {
  readonly segments: readonly SegmentFile[];
  readonly firstSequence: number; // of the oldest segment kept; 1 when there is none
  readonly lastSequence: number; // firstSequence - 1 when the log is empty
  readonly lastSegment: SegmentScan | null; // null when there is no segment yet
  /** Frames and bytes at the end that are bad, or (event log) that follow a bad one: to be dropped. */
  readonly tornFrames: number;
  readonly tornBytes: number;
}

export interface EventLogScan extends LogScan {
  readonly lastCommandSequence: number; // of the last event; 0 when the log is empty
}

/** @param bytes of segment files scanned so far */
export type ScanProgress = (scannedBytes: number) => void;

const JOURNAL_ADVICE = 'Nothing was changed: restore this file from a copy before the next start.';
const EVENT_LOG_ADVICE = 'Move the whole events folder away and start again: it is written anew from the journal.';

/**
 * Checks every frame of the journal.
 * @throws JournalDamagedError, UnknownVersionError, StorageError
 */
export function scanJournal(dataFolder: string, onProgress: ScanProgress): LogScan {
  const scan = scanLog(dataFolder, LogKind.JOURNAL, JOURNAL_ADVICE, onProgress, () => {});
  if (scan.lastSegment !== null) requireTornTailAtMost(scan.lastSegment, JOURNAL_ADVICE);
  return scan;
}

/**
 * Checks every frame of the event log. In its last segment, synced lazily, all from the first bad frame on counts as
 * torn: it follows from the journal and is written again.
 * @throws JournalDamagedError, UnknownVersionError, StorageError
 */
export function scanEventLog(dataFolder: string, onProgress: ScanProgress): EventLogScan {
  let lastCommandSequence = 0;
  const scan = scanLog(dataFolder, LogKind.EVENTS, EVENT_LOG_ADVICE, onProgress, (frame) => {
    lastCommandSequence = lastCommandOf(frame);
  });
  return { ...scan, lastCommandSequence };
}

function scanLog(
  dataFolder: string,
  kind: LogKind,
  advice: string,
  onProgress: ScanProgress,
  onFrame: (frame: Frame) => void,
): LogScan {
  const segments = listSegments(dataFolder, kind);
  let scannedBytes = 0;
  let lastSegment: SegmentScan | null = null;
  for (const [index, segment] of segments.entries()) {
    lastSegment = scanSegment(segment, kind, advice, onFrame);
    const successor = segments[index + 1];
    if (successor !== undefined) requireSealed(lastSegment, successor.firstSequence, advice);
    scannedBytes += lastSegment.sizeBytes;
    onProgress(scannedBytes);
  }
  return {
    segments,
    firstSequence: segments[0]?.firstSequence ?? 1,
    lastSequence: lastSegment?.lastSequence ?? 0,
    lastSegment,
    tornFrames: lastSegment === null || lastSegment.badBytes === 0 ? 0 : 1 + lastSegment.goodFramesAfterBad,
    tornBytes: lastSegment?.badBytes ?? 0,
  };
}

/** @returns the command that the last event of a frame comes from */
export function lastCommandOf(frame: Frame): number {
  const { u8, f64 } = frame.window;
  const lastSlot = frame.byteLength - SLOT_BYTES;
  const record = u8[lastSlot] === CONTINUATION_KIND ? lastSlot - SLOT_BYTES : lastSlot;
  return f64[(record + EVENT.COMMAND_SEQUENCE) >> 3]!;
}
