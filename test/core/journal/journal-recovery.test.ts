import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { FrameBuilder, LogKind, MAX_FRAME_BYTES } from '../../../core/journal/frame.ts';
import {
  DiskFullError,
  JournalDamagedError,
  JournalLossError,
  StorageError,
  UnknownVersionError,
} from '../../../core/journal/journal-errors.ts';
import { recoverJournal } from '../../../core/journal/journal-recovery.ts';
import { listSegments, logFolder, segmentPath } from '../../../core/journal/segment-files.ts';
import { FaultyFiles, systemError } from './faulty-files.ts';
import { appendGroups, fill, someCommand, someCommands, temporaryFolder } from './record-tape.ts';

const SEGMENT_BYTES = 8 * 1024;

/** Groups of 1, 3 and 2 commands in one segment, the last frame of 512 bytes. */
function threeGroups(): { folder: string; path: string; frames: number[]; endBytes: number } {
  const folder = temporaryFolder();
  appendGroups(folder, SEGMENT_BYTES, [1, 3, 2]);
  const path = segmentPath(folder, LogKind.JOURNAL, 1);
  return { folder, path, frames: [0, 256, 896], endBytes: 896 + 128 * 4 };
}

function damageOf(folder: string): JournalDamagedError {
  try {
    recoverJournal(folder, { segmentBytes: SEGMENT_BYTES });
  } catch (error) {
    expect(error).toBeInstanceOf(JournalDamagedError);
    return error as JournalDamagedError;
  }
  throw new Error('recovery took a damaged journal');
}

function flipBit(path: string, byte: number): void {
  const bytes = readFileSync(path);
  bytes[byte]! ^= 4;
  writeFileSync(path, bytes);
}

test('an empty folder becomes a journal that begins with 1', () => {
  const folder = temporaryFolder();
  expect(recoverJournal(folder, { segmentBytes: SEGMENT_BYTES })).toMatchObject({
    firstSequence: 1,
    lastSequence: 0,
    tornFrames: 0,
    tornBytes: 0,
  });
  const bytes = readFileSync(segmentPath(folder, LogKind.JOURNAL, 1));
  expect(bytes.equals(Buffer.alloc(SEGMENT_BYTES))).toBe(true);
});

test('recovery yields what was appended, as often as it is done', () => {
  const { folder, path, endBytes } = threeGroups();
  const before = readFileSync(path);
  for (let round = 0; round < 3; round++)
    expect(recoverJournal(folder, { segmentBytes: SEGMENT_BYTES })).toMatchObject({
      lastSequence: 6,
      tornFrames: 0,
      end: { path, positionBytes: endBytes, sizeBytes: SEGMENT_BYTES, lastSequence: 6 },
    });
  expect(readFileSync(path).equals(before)).toBe(true);
});

test('a last frame torn at any length, by the end of the file or by zeros, is dropped and counted', () => {
  const { folder, path, frames, endBytes } = threeGroups();
  const whole = readFileSync(path);
  const start = frames[2]!;
  for (let cut = start; cut <= endBytes; cut++) {
    const isTorn = whole.subarray(start, cut).some((byte) => byte !== 0);
    // The last bytes of the frame are zeros: without them nothing is missing when the file is filled with zeros.
    const isWhole = whole.subarray(cut, endBytes).every((byte) => byte === 0);
    for (const isFilled of [false, true]) {
      if (isFilled && cut % 7 !== 0) continue;
      const bytes = isFilled ? Buffer.alloc(SEGMENT_BYTES) : Buffer.alloc(cut);
      whole.copy(bytes, 0, 0, cut);
      writeFileSync(path, bytes);
      const recovered = recoverJournal(folder, { segmentBytes: SEGMENT_BYTES });
      const isKept = cut === endBytes || (isFilled && isWhole);
      expect(recovered.lastSequence, `cut ${cut} filled ${isFilled}`).toBe(isKept ? 6 : 4);
      expect(recovered.tornFrames, `cut ${cut} filled ${isFilled}`).toBe(isTorn && !isKept ? 1 : 0);
    }
  }
});

test('after a torn frame the journal goes on, and nothing of the torn one is left', () => {
  const { folder, path, frames, endBytes } = threeGroups();
  truncateSync(path, endBytes - 129);
  const torn = recoverJournal(folder, { segmentBytes: SEGMENT_BYTES });
  expect(torn.tornBytes).toBeGreaterThan(128);
  expect(
    readFileSync(path)
      .subarray(frames[2]!)
      .every((byte) => byte === 0),
  ).toBe(true);
  appendGroups(folder, SEGMENT_BYTES, [2]);
  expect(recoverJournal(folder, { segmentBytes: SEGMENT_BYTES })).toMatchObject({ lastSequence: 6, tornFrames: 0 });
});

test('a last frame whose pages reached the disk in any order is dropped unless all did', () => {
  const folder = temporaryFolder();
  const segmentBytes = 64 * 1024;
  appendGroups(folder, segmentBytes, [10, 90]);
  const path = segmentPath(folder, LogKind.JOURNAL, 1);
  const whole = readFileSync(path);
  const start = 128 * (1 + 10 + 3);
  const pages = Math.ceil((start + 128 * (1 + 90 + 30)) / 4096);
  expect(pages).toBe(5);
  for (let written = 0; written < 2 ** pages; written++) {
    const bytes = Buffer.from(whole);
    for (let page = 0; page < pages; page++)
      if ((written & (1 << page)) === 0) bytes.fill(0, Math.max(start, page * 4096), (page + 1) * 4096);
    writeFileSync(path, bytes);
    const isWhole = written === 2 ** pages - 1;
    const recovered = recoverJournal(folder, { segmentBytes });
    expect(recovered.lastSequence, `pages ${written.toString(2)}`).toBe(isWhole ? 100 : 10);
    expect(recovered.tornFrames).toBe(isWhole || written === 0 ? 0 : 1);
  }
});

test('a flipped bit before the last frame is refused, naming file and offset, and nothing is changed', () => {
  const { folder, path, frames } = threeGroups();
  const whole = readFileSync(path);
  for (const [index, start] of frames.slice(0, 2).entries()) {
    for (let byte = start; byte < frames[index + 1]!; byte += 9) {
      flipBit(path, byte);
      const damaged = readFileSync(path);
      const error = damageOf(folder);
      expect(error.file).toBe(path);
      expect(error.offsetBytes, `byte ${byte}`).toBe(start);
      expect(error.message).toContain(`${path} is damaged at byte ${start}`);
      expect(readFileSync(path).equals(damaged)).toBe(true);
      writeFileSync(path, whole);
    }
  }
});

test('zeros in place of a frame with a good one behind are refused', () => {
  const { folder, path, frames } = threeGroups();
  const bytes = readFileSync(path);
  bytes.fill(0, frames[1]!, frames[2]!);
  writeFileSync(path, bytes);
  expect(damageOf(folder).offsetBytes).toBe(frames[1]);
});

test('a frame written twice is refused', () => {
  const { folder, path, frames, endBytes } = threeGroups();
  const bytes = readFileSync(path);
  bytes.copy(bytes, endBytes, frames[1]!, frames[2]!);
  writeFileSync(path, bytes);
  expect(damageOf(folder).message).toMatch(/sequence 2 where 7 must follow/);
});

test('more rubbish than one write can leave is refused', () => {
  const folder = temporaryFolder();
  const segmentBytes = 2 * MAX_FRAME_BYTES;
  appendGroups(folder, segmentBytes, [1]);
  const path = segmentPath(folder, LogKind.JOURNAL, 1);
  const bytes = readFileSync(path);
  bytes[256 + MAX_FRAME_BYTES - 1] = 1;
  writeFileSync(path, bytes);
  expect(recoverJournal(folder, { segmentBytes })).toMatchObject({ tornFrames: 1, tornBytes: MAX_FRAME_BYTES });
  bytes[256 + MAX_FRAME_BYTES] = 1;
  writeFileSync(path, bytes);
  expect(() => recoverJournal(folder, { segmentBytes })).toThrow(/more than one interrupted write/);
});

/** Four segments of 1 KiB, two groups of two or three slots each. */
function fourSegments(): { folder: string; paths: string[] } {
  const folder = temporaryFolder();
  appendGroups(folder, 1024, [2, 2, 2, 2, 2, 2, 2]);
  const paths = listSegments(folder, LogKind.JOURNAL).map(({ path }) => path);
  expect(paths.length).toBe(4);
  return { folder, paths };
}

test('in a finished segment any bad frame is refused, its last one too', () => {
  const { folder, paths } = fourSegments();
  const whole = readFileSync(paths[1]!);
  let end = whole.length;
  while (whole[end - 1] === 0) end -= 1;
  for (const byte of [0, 130, 500, end - 1]) {
    flipBit(paths[1]!, byte);
    expect(damageOf(folder).file, `byte ${byte}`).toBe(paths[1]);
    writeFileSync(paths[1]!, whole);
  }
  expect(recoverJournal(folder, { segmentBytes: SEGMENT_BYTES }).lastSequence).toBe(14);
});

test('a finished segment cut short, and a missing one, are refused', () => {
  const { folder, paths } = fourSegments();
  const whole = readFileSync(paths[2]!);
  truncateSync(paths[2]!, 0);
  expect(damageOf(folder)).toMatchObject({ file: paths[2], offsetBytes: 0 });
  writeFileSync(paths[2]!, whole);
  rmSync(paths[1]!);
  expect(damageOf(folder).message).toMatch(/it ends with sequence 4, the next segment begins with 9/);
});

test('a journal whose older segments were retired begins with the oldest kept', () => {
  const { folder, paths } = fourSegments();
  rmSync(paths[0]!);
  expect(recoverJournal(folder, { segmentBytes: 1024 })).toMatchObject({ firstSequence: 5, lastSequence: 14 });
});

test('a crash right after a segment change leaves an empty last segment, which is fine', () => {
  const { folder } = fourSegments();
  writeFileSync(segmentPath(folder, LogKind.JOURNAL, 15), Buffer.alloc(1024));
  expect(recoverJournal(folder, { segmentBytes: 1024 })).toMatchObject({ lastSequence: 14, tornFrames: 0 });
  appendGroups(folder, 1024, [2]);
  expect(recoverJournal(folder, { segmentBytes: 1024 }).lastSequence).toBe(16);
});

test('a crash at any file operation of a recovery is harmless', () => {
  const { folder, path, endBytes } = threeGroups();
  writeFileSync(path, readFileSync(path).fill(1, endBytes, endBytes + 50)); // a torn frame to drop
  const torn = readFileSync(path);
  const counting = new FaultyFiles();
  recoverJournal(folder, { segmentBytes: SEGMENT_BYTES, files: counting });
  const good = readFileSync(path);
  expect(counting.calls.length).toBeGreaterThan(8);
  for (let crashAt = 1; crashAt <= counting.calls.length; crashAt++) {
    writeFileSync(path, torn);
    const files = new FaultyFiles();
    files.before = () => {
      if (files.calls.length >= crashAt) throw systemError('EIO');
    };
    expect(() => recoverJournal(folder, { segmentBytes: SEGMENT_BYTES, files })).toThrow();
    expect(recoverJournal(folder, { segmentBytes: SEGMENT_BYTES }).lastSequence, `operation ${crashAt}`).toBe(6);
    expect(readFileSync(path).equals(good)).toBe(true);
    const keptName = `${basename(path)}.${endBytes}.torn`;
    expect(readdirSync(logFolder(folder, LogKind.JOURNAL)).sort()).toEqual([basename(path), keptName]);
    expect(readFileSync(`${path}.${endBytes}.torn`).equals(torn.subarray(endBytes, endBytes + 50)), 'kept').toBe(true);
  }
});

test('temporary files of an interrupted start are removed, other names are left alone', () => {
  const { folder } = threeGroups();
  const journal = logFolder(folder, LogKind.JOURNAL);
  for (const name of ['recovered.temporary', 'next.temporary', 'notes.txt', '1.journal', '00000000000000ab.journal'])
    writeFileSync(join(journal, name), 'left');
  expect(recoverJournal(folder, { segmentBytes: SEGMENT_BYTES }).lastSequence).toBe(6);
  expect(readdirSync(journal).sort()).toEqual(
    ['0000000000000001.journal', '00000000000000ab.journal', '1.journal', 'notes.txt'].sort(),
  );
});

test('a journal of a newer program is refused and left as it is', () => {
  const { folder, path, endBytes } = threeGroups();
  const bytes = readFileSync(path);
  fill(new FrameBuilder(LogKind.JOURNAL, 1024, 2), [someCommand(7)])
    .finish()
    .forEach((byte, at) => {
      bytes[endBytes + at] = byte;
    });
  writeFileSync(path, bytes);
  const start = () => recoverJournal(folder, { segmentBytes: SEGMENT_BYTES });
  expect(start).toThrow(UnknownVersionError);
  expect(start).toThrow(/behaviour version 2, this program knows versions 1 to 1/);
  expect(readFileSync(path).equals(bytes)).toBe(true);
});

test('a journal that ends before what somebody knows is refused and left as it is', () => {
  const { folder, path, endBytes } = threeGroups();
  truncateSync(path, endBytes - 1 - 128);
  const before = readFileSync(path);
  const start = (commandSequence: number) => () =>
    recoverJournal(folder, { segmentBytes: SEGMENT_BYTES, claims: [{ holder: 'settlement', commandSequence }] });
  expect(start(8)).toThrow(JournalLossError);
  expect(start(5)).toThrow(/ends at command 4, but settlement knows command 5/);
  expect(readFileSync(path).equals(before)).toBe(true);
  expect(start(4)()).toMatchObject({ lastSequence: 4, tornFrames: 1 });
});

test('a disk that is full at start is said in one sentence, an I/O error too', () => {
  for (const [code, expected] of [
    ['ENOSPC', DiskFullError],
    ['EDQUOT', DiskFullError],
    ['EIO', StorageError],
  ] as const) {
    const { folder, path } = threeGroups();
    const before = readFileSync(path);
    const files = new FaultyFiles();
    files.before = ({ operation }) => {
      if (operation === 'write') throw systemError(code);
    };
    expect(() => recoverJournal(folder, { segmentBytes: SEGMENT_BYTES, files })).toThrow(expected);
    expect(readFileSync(path).equals(before)).toBe(true);
  }
});

test('a smaller segment size keeps what a larger segment holds', () => {
  const folder = temporaryFolder();
  appendGroups(
    folder,
    64 * 1024,
    Array.from({ length: 20 }, () => 10),
  );
  expect(recoverJournal(folder, { segmentBytes: 1024 })).toMatchObject({ lastSequence: 200 });
  appendGroups(folder, 1024, [3, 3]);
  expect(recoverJournal(folder, { segmentBytes: 1024 }).lastSequence).toBe(206);
  expect(() => recoverJournal(folder, { segmentBytes: 1000 })).toThrow(/segments of 1000 bytes/);
});

test('segments that hold a two-slot command each are found again', () => {
  const folder = temporaryFolder();
  appendGroups(
    folder,
    1024,
    Array.from({ length: 9 }, () => 1),
  );
  expect(someCommands(1, 9).some(({ slots }) => slots === 2)).toBe(true);
  expect(recoverJournal(folder, { segmentBytes: 1024 }).lastSequence).toBe(9);
});
