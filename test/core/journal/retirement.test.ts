import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EventLogCursor } from '../../../core/journal/event-log-cursor.ts';
import { LogKind } from '../../../core/journal/frame.ts';
import { JournalDamagedError, LogRangeError } from '../../../core/journal/journal-errors.ts';
import { recoverJournal } from '../../../core/journal/journal-recovery.ts';
import { LogReader } from '../../../core/journal/log-reader.ts';
import { scanEventLog, scanJournal } from '../../../core/journal/log-scan.ts';
import { retireSegments } from '../../../core/journal/retirement.ts';
import {
  archiveFolder,
  listArchivedSegments,
  listSegments,
  logFolder,
  retiredSequence,
} from '../../../core/journal/segment-files.ts';
import { listSnapshots } from '../../../core/journal/snapshot-files.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { FaultyFiles, systemError } from './faulty-files.ts';
import { recordTape, temporaryFolder } from './record-tape.ts';
import { flipBit, stateAfter, writeLogs, writeSnapshot } from './snapshot-tape.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const TAPE = recordTape(seed, 300);
const SEGMENT_BYTES = 8 * 1024;
const [OLDER, NEWER] = [stateAfter(TAPE, 150), stateAfter(TAPE, 250)];
const EVERYTHING = Number.MAX_SAFE_INTEGER;

/** Logs of 300 commands and snapshots at 150 and 250. */
function snappedFolder(): string {
  const folder = temporaryFolder();
  writeLogs(folder, TAPE, 300, SEGMENT_BYTES);
  writeSnapshot(folder, OLDER!);
  writeSnapshot(folder, NEWER!);
  return folder;
}

/** @returns last sequences of a log's segments, live or archived */
function ends(folder: string, kind: LogKind, list: typeof listSegments): number[] {
  const all = [...listArchivedSegments(folder, kind), ...listSegments(folder, kind)];
  return list(folder, kind).map(({ firstSequence }) => {
    const next = all.find((segment) => segment.firstSequence > firstSequence);
    return next === undefined ? Infinity : next.firstSequence - 1;
  });
}

function commandsFrom(folder: string, afterSequence: number): number[] {
  const reader = new LogReader(folder, LogKind.JOURNAL);
  reader.seek(afterSequence);
  const sequences: number[] = [];
  for (let frame = reader.nextFrame(); frame !== null; frame = reader.nextFrame())
    for (let sequence = frame.firstSequence; sequence <= frame.lastSequence; sequence++)
      if (sequence > afterSequence) sequences.push(sequence);
  reader.close();
  return sequences;
}

const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, at) => first + at);

test(`all that the older snapshot covers goes, and nothing else (SEED=${seed})`, () => {
  const folder = snappedFolder();
  const before = [LogKind.JOURNAL, LogKind.EVENTS].map((kind) => ends(folder, kind, listSegments));
  const retired = retireSegments(folder, EVERYTHING);
  for (const [index, kind] of [LogKind.JOURNAL, LogKind.EVENTS].entries()) {
    const bound = kind === LogKind.JOURNAL ? OLDER!.commandSequence : OLDER!.eventSequence;
    const archived = ends(folder, kind, listArchivedSegments);
    expect(archived).toEqual(before[index]!.filter((last) => last <= bound));
    expect(ends(folder, kind, listSegments)).toEqual(before[index]!.filter((last) => last > bound));
    expect(archived.length).toBeGreaterThan(0);
  }
  expect(retired.journalSegments).toEqual(listArchivedSegments(folder, LogKind.JOURNAL).map(({ path }) => path));
  expect(retireSegments(folder, EVERYTHING)).toEqual({ journalSegments: [], eventSegments: [] });
});

test('what a consumer still needs stays, to the event', () => {
  const random = new RandomIntegers(seed);
  for (const consumed of [0, 1, 2, OLDER!.eventSequence - 1, ...Array.from({ length: 8 }, () => random.below(400))]) {
    const folder = snappedFolder();
    const command = TAPE.decodedEvents[consumed - 1]?.commandSequence ?? 0;
    retireSegments(folder, consumed);
    for (const last of ends(folder, LogKind.EVENTS, listArchivedSegments)) expect(last).toBeLessThanOrEqual(consumed);
    for (const last of ends(folder, LogKind.JOURNAL, listArchivedSegments))
      if (consumed < OLDER!.eventSequence) expect(last, `consumed ${consumed}`).toBeLessThan(command);
    rmSync(join(folder, 'archive'), { recursive: true, force: true });
    const cursor = new EventLogCursor(folder, consumed);
    expect(cursor.next(TAPE.events.length, 5)).toEqual(TAPE.decodedEvents.slice(consumed, consumed + 5));
    cursor.close();
  }
});

test('a command of which one event is still needed stays in the journal', () => {
  const coveredEnds = ends(snappedFolder(), LogKind.JOURNAL, listSegments).filter((last) => last <= 150);
  expect(coveredEnds.length).toBeGreaterThan(2);
  for (const lastCommand of coveredEnds.slice(0, 6)) {
    const folder = snappedFolder();
    const firstEvent = TAPE.decodedEvents.find(({ commandSequence }) => commandSequence === lastCommand)!;
    retireSegments(folder, firstEvent.eventSequence);
    const archived = ends(folder, LogKind.JOURNAL, listArchivedSegments);
    expect(archived).toEqual(coveredEnds.filter((last) => last < lastCommand));
  }
});

test('each segment is durably in the archive before it is durably gone from the log, and before the next one goes', () => {
  const folder = snappedFolder();
  const files = new FaultyFiles();
  retireSegments(folder, EVERYTHING, files);
  const isAboutFolders = (path: string): boolean => path === folder || path === join(folder, 'archive');
  const acts = files.calls
    .filter(({ operation, path }) => (operation === 'rename' || operation === 'fsync') && !isAboutFolders(path))
    .map(({ operation, path }) => `${operation} ${path}`);
  const moved = [LogKind.JOURNAL, LogKind.EVENTS].flatMap((kind) =>
    listArchivedSegments(folder, kind).map(({ path }) => ({ path, kind })),
  );
  expect(acts).toEqual(
    moved.flatMap(({ path, kind }) => [
      `rename ${path}`,
      `fsync ${archiveFolder(folder, kind)}`,
      `fsync ${logFolder(folder, kind)}`,
    ]),
  );
});

test('nothing goes before two good snapshots are there', () => {
  const folder = temporaryFolder();
  writeLogs(folder, TAPE, 300, SEGMENT_BYTES);
  const nothing = { journalSegments: [], eventSegments: [] };
  expect(retireSegments(folder, EVERYTHING)).toEqual(nothing);
  writeSnapshot(folder, OLDER!);
  expect(retireSegments(folder, EVERYTHING)).toEqual(nothing);
  const path = writeSnapshot(folder, NEWER!);
  flipBit(path, 20);
  expect(retireSegments(folder, EVERYTHING)).toEqual(nothing);
  flipBit(path, 20);
  expect(retireSegments(folder, EVERYTHING).journalSegments.length).toBeGreaterThan(0);
});

test('the last segment never goes, not even when a snapshot covers all of it', () => {
  const folder = temporaryFolder();
  writeLogs(folder, TAPE, 250, SEGMENT_BYTES);
  writeSnapshot(folder, OLDER!);
  writeSnapshot(folder, NEWER!);
  writeSnapshot(folder, { ...NEWER!, commandSequence: 251 });
  retireSegments(folder, EVERYTHING);
  for (const kind of [LogKind.JOURNAL, LogKind.EVENTS]) expect(listSegments(folder, kind).length).toBe(1);
});

test('a crash at any file operation leaves no hole, and the next time finishes', () => {
  const counting = new FaultyFiles();
  retireSegments(snappedFolder(), EVERYTHING, counting);
  expect(counting.count('rename')).toBeGreaterThan(3);
  for (let crashAt = 1; crashAt <= counting.calls.length; crashAt++) {
    const folder = snappedFolder();
    const files = new FaultyFiles();
    files.before = () => {
      if (files.calls.length >= crashAt) throw systemError('EIO');
    };
    expect(() => retireSegments(folder, EVERYTHING, files), `operation ${crashAt}`).toThrow();
    expect(recoverJournal(folder, { segmentBytes: SEGMENT_BYTES }).lastSequence).toBe(300);
    expect(scanEventLog(folder, () => {}).lastSequence).toBe(TAPE.events.length);
    expect(commandsFrom(folder, 0)).toEqual(range(1, 300));
    retireSegments(folder, EVERYTHING);
    expect(scanJournal(folder, () => {}).lastSequence).toBe(300);
    expect(commandsFrom(folder, OLDER!.commandSequence)).toEqual(range(OLDER!.commandSequence + 1, 300));
    expect(listSnapshots(folder).length).toBe(2);
  }
});

test('a full disk stops it without harm', () => {
  const folder = snappedFolder();
  const files = new FaultyFiles();
  files.before = ({ operation }) => {
    if (operation === 'rename' && files.count('rename') > 1) throw systemError('ENOSPC');
  };
  expect(retireSegments(folder, EVERYTHING, files).journalSegments.length).toBe(1);
  expect(commandsFrom(folder, 0)).toEqual(range(1, 300));
});

test('readers find retired segments in the archive, also when it is retired under their eyes', () => {
  const folder = snappedFolder();
  const reader = new LogReader(folder, LogKind.JOURNAL);
  let next = 1;
  for (let frame = reader.nextFrame(); frame !== null; frame = reader.nextFrame()) {
    expect(frame.firstSequence).toBe(next);
    next = frame.lastSequence + 1;
    if (next === 11) retireSegments(folder, EVERYTHING);
  }
  expect(next).toBe(301);
  reader.close();
  expect(commandsFrom(folder, 0)).toEqual(range(1, 300));
  expect(commandsFrom(folder, 77)).toEqual(range(78, 300));
});

test('a consumer that begins just behind what was retired, and taken away, holds the rest', () => {
  const folder = snappedFolder();
  retireSegments(folder, EVERYTHING);
  const retired = retiredSequence(folder, LogKind.EVENTS);
  expect(retired).toBeGreaterThan(0);
  rmSync(join(folder, 'archive'), { recursive: true });
  expect(retireSegments(folder, retired)).toEqual({ journalSegments: [], eventSegments: [] });
});

test('an archive that is gone, or has a hole, is said; a damaged file in it is damage', () => {
  const folder = snappedFolder();
  retireSegments(folder, EVERYTHING);
  const archived = listArchivedSegments(folder, LogKind.JOURNAL);
  expect(archived.length).toBeGreaterThan(2);
  flipBit(archived[1]!.path, 140);
  expect(() => commandsFrom(folder, 0)).toThrow(JournalDamagedError);
  rmSync(archived[1]!.path);
  expect(() => commandsFrom(folder, 0)).toThrow(LogRangeError);
  expect(() => commandsFrom(folder, 0)).toThrow(`but ${archived[1]!.firstSequence} is needed`);
  rmSync(archiveFolder(folder, LogKind.JOURNAL), { recursive: true });
  expect(() => commandsFrom(folder, 0)).toThrow(/but 1 is needed/);
  expect(readdirSync(folder)).toContain('archive');
});
