import { existsSync, mkdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { EVENT, eventSlots } from '../protocol/event-record.ts';
import { SLOT_BYTES } from '../protocol/record-window.ts';
import { type FileOperations, NODE_FILES, syncFolder, tryNames } from './file-operations.ts';
import { LogKind } from './frame.ts';
import { LogReader } from './log-reader.ts';
import { archiveFolder, listSegments, logFolder, retiredSequence } from './segment-files.ts';
import { KEPT_SNAPSHOTS, listSnapshots, peekSnapshot } from './snapshot-files.ts';
import type { SnapshotHeader } from './snapshot-format.ts';

/** Where the segments are now. */
export interface RetiredSegments {
  readonly journalSegments: readonly string[];
  readonly eventSegments: readonly string[];
}

const NOTHING: RetiredSegments = { journalSegments: [], eventSegments: [] };

/**
 * Moves segments that nothing needs any more to archive/journal and archive/events: those that the older of the two
 * kept snapshots covers wholly and whose events every consumer is past. Nothing is ever deleted: an operator decides.
 * The oldest goes first, and durably before the next, so that what is left has no hole whenever a crash comes.
 * @param consumedEventSequence every consumer of the event log is durably past it
 * @returns what was moved; less than could be when the disk is full: the next time goes on
 * @throws StorageError and what reading the event log throws
 */
export function retireSegments(
  dataFolder: string,
  consumedEventSequence: number,
  files: FileOperations = NODE_FILES,
): RetiredSegments {
  const older = olderSnapshot(dataFolder);
  // Who begins just behind what was retired has consumed nothing that is still here, and the archive may be empty.
  if (older === null || consumedEventSequence <= retiredSequence(dataFolder, LogKind.EVENTS)) return NOTHING;
  const hasConsumedAll = consumedEventSequence >= older.eventSequence;
  const lastEvent = hasConsumedAll ? older.eventSequence : consumedEventSequence;
  const lastCommand = hasConsumedAll ? older.commandSequence : commandOf(dataFolder, consumedEventSequence) - 1;
  const journalSegments = moveThrough(files, dataFolder, LogKind.JOURNAL, lastCommand);
  const eventSegments = moveThrough(files, dataFolder, LogKind.EVENTS, lastEvent);
  return { journalSegments, eventSegments };
}

/** @returns null unless two good snapshots are kept: with one alone, a bad block in it would cost the whole replay */
function olderSnapshot(dataFolder: string): SnapshotHeader | null {
  const kept = listSnapshots(dataFolder)
    .map(peekSnapshot)
    .filter((header) => typeof header !== 'string')
    .slice(0, KEPT_SNAPSHOTS);
  return kept.length === KEPT_SNAPSHOTS ? kept[KEPT_SNAPSHOTS - 1]! : null;
}

/** @returns the command that the event comes from: all events of the commands before it come before this one */
function commandOf(dataFolder: string, eventSequence: number): number {
  const reader = new LogReader(dataFolder, LogKind.EVENTS);
  reader.seek(eventSequence - 1);
  try {
    const frame = reader.nextFrame();
    if (frame === null) return 0; // the log does not reach it: nothing is known to be consumed
    let at = 0;
    for (let sequence = frame.firstSequence; sequence < eventSequence; sequence++)
      at += eventSlots(frame.window, at) * SLOT_BYTES;
    return frame.window.f64[(at + EVENT.COMMAND_SEQUENCE) >> 3]!;
  } finally {
    reader.close();
  }
}

/** Moves the log's oldest segments, as long as they end at or before the sequence. The last one is never moved. */
function moveThrough(files: FileOperations, dataFolder: string, kind: LogKind, lastSequence: number): string[] {
  const moved: string[] = [];
  const live = logFolder(dataFolder, kind);
  const archive = archiveFolder(dataFolder, kind);
  const segments = listSegments(dataFolder, kind);
  for (const [index, { path }] of segments.entries()) {
    const successor = segments[index + 1];
    if (successor === undefined || successor.firstSequence - 1 > lastSequence) break;
    makeFolder(files, archive);
    const archived = join(archive, basename(path));
    if (tryNames(path, () => files.rename(path, archived)) === 'DISK_FULL') break;
    syncFolder(files, archive); // before the other folder: the segment is never in neither
    syncFolder(files, live);
    moved.push(archived);
  }
  return moved;
}

function makeFolder(files: FileOperations, folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(files, dirname(folder));
  mkdirSync(folder, { mode: 0o700 });
  syncFolder(files, dirname(folder));
}
