import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type FileOperations, syncFolder } from './file-operations.ts';
import { LogKind } from './frame.ts';

/**
 * Names on disk, below the data folder:
 *   journal/<first command sequence, 16 digits>.journal     events/<first event sequence, 16 digits>.events
 *   archive/journal, archive/events   the same names: older segments that nothing needs any more (retirement.ts)
 *   journal/<segment>.<position>.torn   bytes of a torn group that a start dropped; read by nobody but people
 *   *.temporary in the first two: not part of the log yet; removed at the next start
 * A segment is sealed when its successor exists: everything in it was synced before. Other names are left alone.
 */
const PLACES = {
  [LogKind.JOURNAL]: { folder: 'journal', suffix: '.journal' },
  [LogKind.EVENTS]: { folder: 'events', suffix: '.events' },
} as const;

const SEQUENCE_DIGITS = 16;
const TEMPORARY_SUFFIX = '.temporary';

/** Sizes of segments: large enough for two frames' slots, small enough for Int32 arithmetic and quick copies. */
export const MIN_SEGMENT_BYTES = 1024;
export const MAX_SEGMENT_BYTES = 2 ** 30;
export const DEFAULT_SEGMENT_BYTES = 64 * 1024 * 1024;

export interface SegmentFile {
  readonly path: string;
  readonly firstSequence: number; // of the frame it begins with, or will begin with
}

export function logFolder(dataFolder: string, kind: LogKind): string {
  return join(dataFolder, PLACES[kind].folder);
}

/** Where retired segments of a log go. */
export function archiveFolder(dataFolder: string, kind: LogKind): string {
  return join(dataFolder, 'archive', PLACES[kind].folder);
}

export function segmentPath(dataFolder: string, kind: LogKind, firstSequence: number): string {
  const name = String(firstSequence).padStart(SEQUENCE_DIGITS, '0') + PLACES[kind].suffix;
  return join(logFolder(dataFolder, kind), name);
}

/** @param purpose names the file: each is used by one writer only */
export function temporaryPath(dataFolder: string, kind: LogKind, purpose: 'next' | 'recovered'): string {
  return join(logFolder(dataFolder, kind), purpose + TEMPORARY_SUFFIX);
}

/** @returns the log's segments in order, without retired ones; none when the folder does not exist */
export function listSegments(dataFolder: string, kind: LogKind): SegmentFile[] {
  return segmentsIn(logFolder(dataFolder, kind), kind);
}

/** @returns the sequence that the log without its retired segments begins after; 0 while none was retired */
export function retiredSequence(dataFolder: string, kind: LogKind): number {
  return (listSegments(dataFolder, kind)[0]?.firstSequence ?? 1) - 1;
}

/** @returns the retired segments that are still in the archive, in order */
export function listArchivedSegments(dataFolder: string, kind: LogKind): SegmentFile[] {
  return segmentsIn(archiveFolder(dataFolder, kind), kind);
}

function segmentsIn(folder: string, kind: LogKind): SegmentFile[] {
  if (!existsSync(folder)) return [];
  const { suffix } = PLACES[kind];
  return readdirSync(folder)
    .filter((name) => name.endsWith(suffix) && /^\d{16}$/.test(name.slice(0, -suffix.length)))
    .sort()
    .map((name) => ({ path: join(folder, name), firstSequence: Number(name.slice(0, SEQUENCE_DIGITS)) }));
}

/** Makes the log's folder durable and removes what an interrupted start or preparation left. */
export function tidyLogFolder(files: FileOperations, dataFolder: string, kind: LogKind): void {
  const folder = logFolder(dataFolder, kind);
  if (!existsSync(folder)) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    syncFolder(files, dirname(folder));
  }
  for (const name of readdirSync(folder)) if (name.endsWith(TEMPORARY_SUFFIX)) files.unlink(join(folder, name));
}
