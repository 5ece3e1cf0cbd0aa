import { type LogKind, MAX_FRAME_BYTES, requireKnownVersions } from './frame.ts';
import { JournalDamagedError } from './journal-errors.ts';
import type { SegmentFile } from './segment-files.ts';
import { type Frame, SegmentReader } from './segment-reader.ts';

/** What one segment holds: good frames from its start, then zeros or the end of the file, unless something is bad. */
export interface SegmentScan {
  readonly segment: SegmentFile;
  readonly sizeBytes: number;
  readonly validBytes: number; // end of the last good frame
  readonly badBytes: number; // from there to the last byte that is not zero; 0 when the segment is clean
  readonly goodFramesAfterBad: number;
  readonly lastSequence: number; // firstSequence - 1 when it holds no frame
}

/**
 * Reads a whole segment and checks every frame.
 * @param advice what the operator does about a damaged file
 * @param onFrame sees each good frame in order; its window is valid during the call only
 * @throws UnknownVersionError, JournalDamagedError (a good frame whose sequences are not the next ones), StorageError
 */
export function scanSegment(
  segment: SegmentFile,
  kind: LogKind,
  advice: string,
  onFrame: (frame: Frame) => void,
): SegmentScan {
  const reader = new SegmentReader(segment.path, kind);
  try {
    const sizeBytes = reader.sizeBytes();
    let validBytes = 0;
    let lastSequence = segment.firstSequence - 1;
    for (let frame = reader.frameAt(0); frame !== null; frame = reader.frameAt(validBytes)) {
      requireKnownVersions(frame, segment.path);
      if (frame.firstSequence !== lastSequence + 1) {
        const problem = `a frame begins with sequence ${frame.firstSequence} where ${lastSequence + 1} must follow`;
        throw new JournalDamagedError(segment.path, validBytes, problem, advice);
      }
      onFrame(frame);
      validBytes = frame.endBytes;
      lastSequence = frame.lastSequence;
    }
    const badBytes = reader.endOfContent(validBytes) - validBytes;
    const goodFramesAfterBad = badBytes === 0 ? 0 : countFrames(reader, validBytes, sizeBytes);
    return { segment, sizeBytes, validBytes, badBytes, goodFramesAfterBad, lastSequence };
  } finally {
    reader.close();
  }
}

/**
 * Only the last frame of an unsealed journal segment can be torn, since a group is written after the sync of the one
 * before. Whatever does not look like that is damage to commands that were acknowledged.
 */
export function requireTornTailAtMost(scan: SegmentScan, advice: string): void {
  if (scan.badBytes === 0) return;
  const { path } = scan.segment;
  if (scan.goodFramesAfterBad > 0)
    throw new JournalDamagedError(path, scan.validBytes, 'a good frame follows a bad one', advice);
  if (scan.badBytes > MAX_FRAME_BYTES) {
    const problem = `${scan.badBytes} bytes are unreadable, more than one interrupted write can leave`;
    throw new JournalDamagedError(path, scan.validBytes, problem, advice);
  }
}

/** A sealed segment was synced to its end: it must be clean and reach up to its successor. */
export function requireSealed(scan: SegmentScan, successorFirstSequence: number, advice: string): void {
  const { path } = scan.segment;
  if (scan.badBytes > 0)
    throw new JournalDamagedError(path, scan.validBytes, 'a bad frame lies in a finished segment', advice);
  if (scan.lastSequence !== successorFirstSequence - 1) {
    const problem = `it ends with sequence ${scan.lastSequence}, the next segment begins with ${successorFirstSequence}`;
    throw new JournalDamagedError(path, scan.validBytes, problem, advice);
  }
}

function countFrames(reader: SegmentReader, fromBytes: number, toBytes: number): number {
  let frames = 0;
  for (let frame = reader.findFrame(fromBytes, toBytes); frame !== null; frames++)
    frame = reader.findFrame(frame.endBytes, toBytes);
  return frames;
}
