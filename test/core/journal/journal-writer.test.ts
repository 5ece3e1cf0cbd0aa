import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { LogKind } from '../../../core/journal/frame.ts';
import { StorageError } from '../../../core/journal/journal-errors.ts';
import { recoverJournal } from '../../../core/journal/journal-recovery.ts';
import { JournalWriter } from '../../../core/journal/journal-writer.ts';
import { listSegments } from '../../../core/journal/segment-files.ts';
import { FaultyFiles, systemError } from './faulty-files.ts';
import { fill, someCommands, temporaryFolder } from './record-tape.ts';

const SEGMENT_BYTES = 4 * 1024;

function openWriter(folder: string, files = new FaultyFiles(), segmentBytes = SEGMENT_BYTES) {
  const { end } = recoverJournal(folder, { segmentBytes });
  const writer = new JournalWriter(folder, end, { segmentBytes, files });
  const group = writer.newGroup();
  files.calls.length = 0;
  return { writer, files, append: (count: number) => writer.append(fill(group, next(writer, count))) };
}

function next(writer: JournalWriter, count: number) {
  return someCommands(writer.lastSequence + 1, writer.lastSequence + count);
}

const lastSequenceOf = (folder: string) => recoverJournal(folder, { segmentBytes: SEGMENT_BYTES }).lastSequence;

test('a group is one write, then one sync, and the next comes only afterwards', () => {
  const { files, append } = openWriter(temporaryFolder());
  append(3);
  append(1);
  expect(files.calls.map(({ operation }) => operation)).toEqual(['write', 'fdatasync', 'write', 'fdatasync']);
});

test('segments follow one another without a gap, each named by its first command', () => {
  const folder = temporaryFolder();
  const { writer, append } = openWriter(folder);
  for (let group = 0; group < 40; group++) expect(append(1 + (group % 5))).toBe('DONE');
  const segments = listSegments(folder, LogKind.JOURNAL);
  expect(segments.length).toBeGreaterThan(3);
  expect(segments[0]!.path).toMatch(/\/journal\/0000000000000001\.journal$/);
  for (const { path } of segments) expect(readFileSync(path).length).toBe(SEGMENT_BYTES);
  const { lastSequence } = writer;
  writer.close();
  expect(lastSequenceOf(folder)).toBe(lastSequence);
});

test('a group that fills a segment to its last byte fits, one more slot begins the next', () => {
  const folder = temporaryFolder();
  const { writer, append } = openWriter(folder);
  append(2); // 3 slots
  while (writer.lastSequence < 14) append(2); // 14 commands in 7 groups: 7 headers + 14 + 4 continuations = 25 slots
  append(5); // 15 … 19: header + 5 + 2 = 8 slots would pass 32
  expect(listSegments(folder, LogKind.JOURNAL).map(({ firstSequence }) => firstSequence)).toEqual([1, 15]);
  append(3); // 20 … 22: 1 + 3 + 1 = 5, in all 13
  append(14); // 23 … 36: 1 + 14 + 5 = 20, in all 33: one too many
  expect(listSegments(folder, LogKind.JOURNAL).map(({ firstSequence }) => firstSequence)).toEqual([1, 15, 23]);
  append(8); // 37 … 44: 1 + 8 + 2 = 11, in all 31
  expect(writer.append(fill(writer.newGroup(), next(writer, 1)))).toBe('DONE'); // 45 is of two slots: a new segment
  expect(listSegments(folder, LogKind.JOURNAL).length).toBe(4);
  writer.close();
  expect(lastSequenceOf(folder)).toBe(45);
});

test('a prepared segment is taken without writing it first', () => {
  const folder = temporaryFolder();
  const { writer, files, append } = openWriter(folder);
  expect(writer.prepareAhead(true)).toBe('NOTHING_DUE'); // the first quarter is not used yet
  append(10);
  expect(writer.prepareAhead(true)).toBe('DONE');
  expect(writer.prepareAhead(true)).toBe('NOTHING_DUE');
  append(10);
  files.calls.length = 0;
  append(10);
  expect(listSegments(folder, LogKind.JOURNAL).length).toBe(2);
  expect(files.calls.filter(({ operation }) => operation === 'write').length).toBe(1);
  expect(files.calls.map(({ operation }) => operation)).toEqual([
    ...['rename', 'open', 'fsync', 'close'], // the name is durable before anything relies on it
    ...['close', 'write', 'fdatasync'],
  ]);
  writer.close();
});

test('under full load one step a group has the next segment ready in time', () => {
  const folder = temporaryFolder();
  const { writer, files, append } = openWriter(folder, new FaultyFiles(), 3 * 1024 * 1024);
  for (let group = 0; group < 60; group++) {
    files.calls.length = 0;
    append(1_500); // 2,000 slots
    expect(files.count('write'), `group ${group}`).toBe(1);
    writer.prepareAhead(false);
  }
  expect(listSegments(folder, LogKind.JOURNAL).length).toBeGreaterThan(4);
  writer.close();
});

test('commands already taken go into the prepared segment while the disk is full', () => {
  const folder = temporaryFolder();
  const { writer, files, append } = openWriter(folder);
  append(10);
  while (writer.prepareAhead(true) === 'DONE');
  files.before = ({ operation, path }) => {
    if (path.endsWith('.temporary') && (operation === 'open' || operation === 'write')) throw systemError('ENOSPC');
  };
  append(10);
  expect(append(10)).toBe('DONE');
  expect(listSegments(folder, LogKind.JOURNAL).length).toBe(2);
  expect(writer.prepareAhead(true)).toBe('DISK_FULL');
  expect(writer.prepareAhead(true)).toBe('DISK_FULL');
  files.before = () => {};
  expect(writer.prepareAhead(true)).toBe('DONE');
  writer.close();
  expect(lastSequenceOf(folder)).toBe(30);
});

test('a full disk keeps a group waiting: the same group later, nothing lost, nothing twice', () => {
  const folder = temporaryFolder();
  const { writer, files, append } = openWriter(folder);
  append(2);
  let fullWrites = 3;
  files.before = ({ operation }) => {
    if (operation === 'write' && fullWrites-- > 0) throw systemError('ENOSPC');
  };
  for (let attempt = 0; attempt < 3; attempt++) {
    expect(append(3)).toBe('DISK_FULL');
    expect(writer.lastSequence).toBe(2);
  }
  expect(append(3)).toBe('DONE');
  expect(append(1)).toBe('DONE');
  writer.close();
  expect(lastSequenceOf(folder)).toBe(6);
});

test('a disk that fills up in the middle of a write leaves nothing that a second attempt does not repair', () => {
  const folder = temporaryFolder();
  const { writer, files, append } = openWriter(folder);
  files.maxWriteBytes = 200;
  let writes = 0;
  files.before = ({ operation }) => {
    if (operation === 'write' && ++writes === 3) throw systemError('ENOSPC');
  };
  expect(append(4)).toBe('DISK_FULL');
  expect(append(4)).toBe('DONE');
  writer.close();
  expect(lastSequenceOf(folder)).toBe(4);
});

test('a full disk at a segment change is waited for too', () => {
  for (const place of ['open', 'write', 'rename'] as const) {
    const folder = temporaryFolder();
    const { writer, files, append } = openWriter(folder);
    append(20);
    files.before = ({ operation }) => {
      if (operation === place) throw systemError('ENOSPC');
    };
    expect(append(10), place).toBe('DISK_FULL');
    expect(append(10), place).toBe('DISK_FULL');
    files.before = () => {};
    expect(append(10), place).toBe('DONE');
    writer.close();
    expect(lastSequenceOf(folder)).toBe(30);
  }
});

test('an I/O error and a failed sync, whatever its reason, are never tried again', () => {
  for (const [place, code] of [
    ['write', 'EIO'],
    ['fdatasync', 'EIO'],
    ['fdatasync', 'ENOSPC'],
  ] as const) {
    const { files, append } = openWriter(temporaryFolder());
    append(1);
    files.calls.length = 0;
    files.before = ({ operation }) => {
      if (operation === place) throw systemError(code);
    };
    expect(() => append(1), `${place} ${code}`).toThrow(StorageError);
    expect(files.count(place)).toBe(1);
  }
});

test('a crash at any file operation, segment changes included, keeps every acknowledged command', () => {
  const countCalls = (): number => {
    const { writer, files, append } = openWriter(temporaryFolder());
    runGroups(writer, append);
    return files.calls.length;
  };
  const runGroups = (writer: JournalWriter, append: (count: number) => string): void => {
    for (let group = 0; group < 12; group++) {
      append(1 + (group % 7));
      if (group % 3 === 0) writer.prepareAhead(true);
    }
  };
  const operations = countCalls();
  expect(operations).toBeGreaterThan(30);
  for (let crashAt = 1; crashAt <= operations; crashAt++) {
    const folder = temporaryFolder();
    const { writer, files, append } = openWriter(folder);
    files.before = () => {
      if (files.calls.length >= crashAt) throw systemError('EIO');
    };
    expect(() => runGroups(writer, append)).toThrow();
    const acknowledged = writer.lastSequence;
    const found = lastSequenceOf(folder);
    expect(found, `operation ${crashAt}`).toBeGreaterThanOrEqual(acknowledged);
    expect(found).toBeLessThanOrEqual(acknowledged + 7);
  }
});

test('a group out of order is refused', () => {
  const { writer } = openWriter(temporaryFolder());
  expect(() => writer.append(fill(writer.newGroup(), someCommands(2, 3)))).toThrow(/command 2 after 0/);
});
