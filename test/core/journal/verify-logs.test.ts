import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { LogKind } from '../../../core/journal/frame.ts';
import { retireSegments } from '../../../core/journal/retirement.ts';
import { archiveFolder, listArchivedSegments, listSegments, logFolder } from '../../../core/journal/segment-files.ts';
import { snapshotPath } from '../../../core/journal/snapshot-files.ts';
import { verifyLogs } from '../../../core/journal/verify-logs.ts';
import { recordTape, temporaryFolder } from './record-tape.ts';
import { flipBit, stateAfter, writeLogs, writeSnapshot } from './snapshot-tape.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const TAPE = recordTape(seed, 300);
const SEGMENT_BYTES = 8 * 1024;

function soundFolder(commandCount = 300): string {
  const folder = temporaryFolder();
  writeLogs(folder, TAPE, commandCount, SEGMENT_BYTES);
  writeSnapshot(folder, stateAfter(TAPE, 150));
  writeSnapshot(folder, stateAfter(TAPE, 250));
  return folder;
}

const verify = (folder: string) => verifyLogs(folder, () => {});

test(`counts what is there, archive included, and tells how far it is (SEED=${seed})`, () => {
  const folder = soundFolder();
  for (const isRetired of [false, true]) {
    if (isRetired) retireSegments(folder, Number.MAX_SAFE_INTEGER);
    const seen: string[] = [];
    const report = verifyLogs(folder, (file, done, total) => {
      seen.push(file);
      expect(done).toBe(seen.length);
      expect(total).toBeGreaterThanOrEqual(done);
    });
    expect(report).toMatchObject({
      isSound: true,
      damage: null,
      journal: { frames: 60, records: 300, firstSequence: 1, lastSequence: 300, tornBytes: 0 },
      events: { records: TAPE.events.length, firstSequence: 1, lastSequence: TAPE.events.length, tornBytes: 0 },
      snapshots: [
        { commandSequence: 250, problem: null },
        { commandSequence: 150, problem: null },
      ],
    });
    expect(report.journal.segments).toBe(listSegments(folder, LogKind.JOURNAL).length);
    expect(report.journal.archivedSegments).toBe(listArchivedSegments(folder, LogKind.JOURNAL).length);
    expect(report.journal.archivedSegments > 0).toBe(isRetired);
    expect(new Set(seen).size).toBe(seen.length);
  }
  rmSync(archiveFolder(folder, LogKind.JOURNAL), { recursive: true });
  const report = verify(folder);
  expect(report).toMatchObject({ isSound: true, journal: { lastSequence: 300 } });
  expect(report.journal.firstSequence).toBeGreaterThan(1);
});

test('an empty folder is sound', () => {
  const report = verify(temporaryFolder());
  expect(report).toMatchObject({ isSound: true, snapshots: [], damage: null });
  expect(report.journal).toEqual({
    segments: 0,
    archivedSegments: 0,
    frames: 0,
    records: 0,
    firstSequence: 1,
    lastSequence: 0,
    tornBytes: 0,
  });
});

test('a torn end is counted and no damage; a bad frame further up is, with file and offset', () => {
  const folder = soundFolder();
  const last = listSegments(folder, LogKind.JOURNAL).at(-1)!.path;
  const bytes = readFileSync(last);
  const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
  const aligned = Math.ceil(end / 128) * 128;
  writeFileSync(last, bytes.fill(9, aligned, aligned + 40));
  expect(verify(folder)).toMatchObject({ isSound: true, journal: { tornBytes: 40, lastSequence: 300 } });

  for (const kind of [LogKind.JOURNAL, LogKind.EVENTS]) {
    const damaged = soundFolder();
    const { path } = listSegments(damaged, kind)[1]!;
    flipBit(path, 150);
    const report = verify(damaged);
    expect(report).toMatchObject({ isSound: false, damage: { file: path, offsetBytes: 0 } });
    expect(report.damage!.problem).toContain('is damaged at byte 0');
  }
});

test('damage in the archive is named too', () => {
  const folder = soundFolder();
  retireSegments(folder, Number.MAX_SAFE_INTEGER);
  const { path } = listArchivedSegments(folder, LogKind.EVENTS)[0]!;
  flipBit(path, 130);
  expect(verify(folder)).toMatchObject({ isSound: false, damage: { file: path, offsetBytes: 0 } });
});

test('a snapshot that is not used is told with its reason, and the logs are sound', () => {
  const folder = soundFolder();
  truncateSync(snapshotPath(folder, 250), 0);
  expect(verify(folder)).toMatchObject({
    isSound: true,
    snapshots: [
      { path: snapshotPath(folder, 250), problem: 'it is empty', restingOrders: 0 },
      { commandSequence: 150, problem: null },
    ],
  });
});

test('a journal behind its event log or behind a snapshot is loss', () => {
  const behindEvents = soundFolder(260);
  rmSync(logFolder(behindEvents, LogKind.JOURNAL), { recursive: true });
  const shorter = temporaryFolder();
  writeLogs(shorter, TAPE, 200, SEGMENT_BYTES);
  writeSnapshot(shorter, stateAfter(TAPE, 250));
  expect(verify(shorter)).toMatchObject({ isSound: false });
  expect(verify(shorter).damage!.problem).toContain('ends at command 200, but the snapshot');
  expect(verify(behindEvents).damage!.problem).toContain('ends at command 0, but the event log knows command 260');
});
