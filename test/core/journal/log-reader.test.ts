import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { FrameBuilder, LogKind } from '../../../core/journal/frame.ts';
import { JournalDamagedError, LogRangeError, UnknownVersionError } from '../../../core/journal/journal-errors.ts';
import { recoverJournal } from '../../../core/journal/journal-recovery.ts';
import { JournalWriter } from '../../../core/journal/journal-writer.ts';
import { LogReader } from '../../../core/journal/log-reader.ts';
import { listSegments, segmentPath } from '../../../core/journal/segment-files.ts';
import { appendGroups, fill, someCommand, someCommands, temporaryFolder } from './record-tape.ts';

const SEGMENT_BYTES = 2 * 1024;

function frames(reader: LogReader): [number, number][] {
  const found: [number, number][] = [];
  for (let frame = reader.nextFrame(); frame !== null; frame = reader.nextFrame())
    found.push([frame.firstSequence, frame.lastSequence]);
  return found;
}

test('a reader sees each group as soon as it is written, over segment changes, and null in between', () => {
  const folder = temporaryFolder();
  const { end } = recoverJournal(folder, { segmentBytes: SEGMENT_BYTES });
  const writer = new JournalWriter(folder, end, { segmentBytes: SEGMENT_BYTES });
  const group = writer.newGroup();
  const reader = new LogReader(folder, LogKind.JOURNAL);
  for (let round = 0; round < 30; round++) {
    expect(reader.nextFrame()).toBeNull();
    const first = writer.lastSequence + 1;
    const records = someCommands(first, first + (round % 6));
    writer.append(fill(group, records));
    const frame = reader.nextFrame()!;
    expect([frame.firstSequence, frame.lastSequence]).toEqual([first, first + (round % 6)]);
    expect(frame.window.f64[1]).toBe(first);
  }
  expect(listSegments(folder, LogKind.JOURNAL).length).toBeGreaterThan(4);
  writer.close();
  reader.close();
});

test('a log that does not exist yet has no frames, and is read once it does', () => {
  const folder = temporaryFolder();
  const reader = new LogReader(folder, LogKind.JOURNAL);
  expect(reader.nextFrame()).toBeNull();
  appendGroups(folder, SEGMENT_BYTES, [2]);
  expect(frames(reader)).toEqual([[1, 2]]);
  reader.close();
});

test('seek finds the frame that holds the next sequence, at both ends of every frame', () => {
  const folder = temporaryFolder();
  const sizes = [1, 5, 2, 7, 3, 3, 4, 1, 1, 8];
  appendGroups(folder, SEGMENT_BYTES, sizes);
  const all = frames(new LogReader(folder, LogKind.JOURNAL));
  expect(all.length).toBe(sizes.length);
  const reader = new LogReader(folder, LogKind.JOURNAL);
  for (let after = 0; after < 35; after++) {
    reader.seek(after);
    expect(frames(reader), `after ${after}`).toEqual(all.filter(([, last]) => last > after));
  }
  reader.seek(35);
  expect(reader.nextFrame()).toBeNull();
  reader.close();
});

test('a place beyond the present end is reached when the log grows past it', () => {
  const folder = temporaryFolder();
  const { end } = recoverJournal(folder, { segmentBytes: SEGMENT_BYTES });
  const writer = new JournalWriter(folder, end, { segmentBytes: SEGMENT_BYTES });
  const group = writer.newGroup();
  const reader = new LogReader(folder, LogKind.JOURNAL);
  reader.seek(40);
  for (let first = 1; first <= 36; first += 5) {
    expect(reader.nextFrame()).toBeNull();
    writer.append(fill(group, someCommands(first, first + 4)));
  }
  expect(listSegments(folder, LogKind.JOURNAL).length).toBeGreaterThan(3);
  expect(reader.nextFrame()).toBeNull();
  writer.append(fill(group, someCommands(41, 45)));
  expect(frames(reader)).toEqual([[41, 45]]);
  writer.close();
  reader.close();
});

test('half a frame at the end is not there yet, and is there when the rest comes', () => {
  const folder = temporaryFolder();
  const path = segmentPath(folder, LogKind.JOURNAL, 1);
  appendGroups(folder, SEGMENT_BYTES, [1]);
  const bytes = fill(new FrameBuilder(LogKind.JOURNAL), someCommands(2, 4)).finish();
  writeFileSync(path, readFileSync(path).subarray(0, 256));
  const reader = new LogReader(folder, LogKind.JOURNAL);
  expect(frames(reader)).toEqual([[1, 1]]);
  appendFileSync(path, bytes.subarray(0, 300));
  expect(reader.nextFrame()).toBeNull();
  appendFileSync(path, bytes.subarray(300));
  expect(frames(reader)).toEqual([[2, 4]]);
  reader.close();
});

test('a bad frame in a finished segment is damage, not the end', () => {
  const folder = temporaryFolder();
  appendGroups(folder, SEGMENT_BYTES, [4, 4, 4, 4, 4]);
  const [first, second] = listSegments(folder, LogKind.JOURNAL);
  const bytes = readFileSync(first!.path);
  bytes[128 * 6 + 300]! ^= 1; // in the second frame: the first takes a header and five slots
  writeFileSync(first!.path, bytes);
  const reader = new LogReader(folder, LogKind.JOURNAL);
  expect(reader.nextFrame()).toMatchObject({ lastSequence: 4 });
  expect(() => reader.nextFrame()).toThrow(JournalDamagedError);
  expect(() => reader.nextFrame()).toThrow(`${first!.path} is damaged at byte 768`);
  reader.seek(second!.firstSequence - 1);
  expect(reader.nextFrame()).toMatchObject({ firstSequence: second!.firstSequence });
  reader.close();
});

test('a log that begins later than what is wanted says so', () => {
  const folder = temporaryFolder();
  appendGroups(folder, SEGMENT_BYTES, [4, 4, 4, 4, 4]);
  const [first, second] = listSegments(folder, LogKind.JOURNAL);
  rmSync(first!.path);
  const reader = new LogReader(folder, LogKind.JOURNAL);
  expect(() => reader.nextFrame()).toThrow(LogRangeError);
  expect(() => reader.nextFrame()).toThrow(`begins at sequence ${second!.firstSequence}, but 1 is needed`);
  reader.seek(second!.firstSequence - 1);
  expect(reader.nextFrame()).not.toBeNull();
  reader.close();
});

test('a frame of a newer program is refused', () => {
  const folder = temporaryFolder();
  appendGroups(folder, SEGMENT_BYTES, [1]);
  const path = segmentPath(folder, LogKind.JOURNAL, 1);
  const newer = fill(new FrameBuilder(LogKind.JOURNAL, 1024, 2), [someCommand(2)]).finish();
  writeFileSync(path, Buffer.concat([readFileSync(path).subarray(0, 256), newer]));
  const reader = new LogReader(folder, LogKind.JOURNAL);
  reader.nextFrame();
  expect(() => reader.nextFrame()).toThrow(UnknownVersionError);
  reader.close();
});

test('frames of the largest size, and many, are read in place', () => {
  const folder = temporaryFolder();
  const sizes = [1, 1_500, 7, 1_500, 1_500, 300, 1_500];
  appendGroups(folder, 4 * 1024 * 1024, sizes);
  const reader = new LogReader(folder, LogKind.JOURNAL);
  let expected = 1;
  for (let frame = reader.nextFrame(); frame !== null; frame = reader.nextFrame()) {
    expect(frame.window.f64[1]).toBe(expected);
    expected = frame.lastSequence + 1;
  }
  expect(expected - 1).toBe(sizes.reduce((sum, size) => sum + size));
  reader.close();
});
