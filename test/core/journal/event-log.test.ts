import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { EventLogCursor } from '../../../core/journal/event-log-cursor.ts';
import { EventLogWriter } from '../../../core/journal/event-log-writer.ts';
import type { FileOperations } from '../../../core/journal/file-operations.ts';
import { LogKind } from '../../../core/journal/frame.ts';
import { BehaviourChangedError, JournalDamagedError, StorageError } from '../../../core/journal/journal-errors.ts';
import { scanEventLog } from '../../../core/journal/log-scan.ts';
import { RecordedEvents } from '../../../core/journal/recorded-events.ts';
import { listSegments, logFolder } from '../../../core/journal/segment-files.ts';
import { SLOT_BYTES } from '../../../core/protocol/record-window.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { FaultyFiles, systemError } from './faulty-files.ts';
import { fill, recordTape, type Tape, temporaryFolder } from './record-tape.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const SEGMENT_BYTES = 16 * 1024;
const TAPE = recordTape(seed, 400);

function openWriter(folder: string, files?: FileOperations): EventLogWriter {
  const scan = scanEventLog(folder, () => {});
  return new EventLogWriter(folder, scan, { segmentBytes: SEGMENT_BYTES, ...(files && { files }) });
}

/** Appends the tape's events that the log does not have yet, in batches of 1 … 20 as the seed decides. */
function appendEvents(folder: string, tape: Tape, throughSequence = tape.events.length): void {
  const random = new RandomIntegers(seed);
  const writer = openWriter(folder);
  const batch = writer.newBatch();
  let from = 0;
  while (from < throughSequence) {
    const to = Math.min(from + random.between(1, 20), throughSequence);
    if (writer.lastSequence < to)
      writer.append(fill(batch, tape.events.slice(Math.max(from, writer.lastSequence), to)));
    from = to;
  }
  writer.close();
}

function wholeLog(folder: string): string {
  const segments = listSegments(folder, LogKind.EVENTS);
  return segments.map(({ path }) => `${path.slice(-23)} ${readFileSync(path).toString('base64')}`).join('\n');
}

test(`events come out as they went in, whatever the limits and the place to begin (SEED=${seed})`, () => {
  const folder = temporaryFolder();
  appendEvents(folder, TAPE);
  expect(listSegments(folder, LogKind.EVENTS).length).toBeGreaterThan(3);
  const last = TAPE.events.length;
  const random = new RandomIntegers(seed);
  for (const after of [0, 1, last - 1, last, ...Array.from({ length: 20 }, () => random.below(last))]) {
    const cursor = new EventLogCursor(folder, after);
    const found = [];
    let through = after;
    while (through < last) {
      through = Math.min(through + random.below(50), last);
      const limit = random.between(1, 30);
      for (let events = cursor.next(through, limit); events.length > 0; events = cursor.next(through, limit)) {
        expect(events.length).toBeLessThanOrEqual(limit);
        expect(events.at(-1)!.eventSequence).toBeLessThanOrEqual(through);
        found.push(...events);
      }
    }
    expect(cursor.next(last, 10)).toEqual([]);
    cursor.close();
    expect(found).toEqual(TAPE.decodedEvents.slice(after));
  }
});

test('a cursor follows the log while it grows, and says when it holds less than was announced', () => {
  const folder = temporaryFolder();
  const writer = openWriter(folder);
  const batch = writer.newBatch();
  const cursor = new EventLogCursor(folder, 0);
  expect(cursor.next(0, 10)).toEqual([]);
  for (const through of [3, 4, 70, 130, 200, 260, 300]) {
    writer.append(fill(batch, TAPE.events.slice(writer.lastSequence, through)));
    expect(cursor.next(through, 1_000).at(-1)!.eventSequence).toBe(through);
    expect(cursor.next(through, 1_000)).toEqual([]);
  }
  expect(listSegments(folder, LogKind.EVENTS).length).toBeGreaterThan(1);
  expect(() => cursor.next(301, 10)).toThrow(/ends at 300, 301 was announced/);
  cursor.close();
  writer.close();
});

test('the scan finds the last event and its command, also when a long record ends the log', () => {
  const folder = temporaryFolder();
  const { events, decodedEvents } = TAPE;
  const long = events.findIndex(({ slots }) => slots === 2);
  expect(long).toBeGreaterThan(-1);
  for (const through of [1, long + 1, events.length]) {
    rmSync(logFolder(folder, LogKind.EVENTS), { recursive: true, force: true });
    appendEvents(folder, TAPE, through);
    expect(scanEventLog(folder, () => {})).toMatchObject({
      lastSequence: through,
      lastCommandSequence: decodedEvents[through - 1]!.commandSequence,
      tornFrames: 0,
    });
  }
});

test('a damaged end of the last segment is dropped from the first bad frame on, and regenerated equal', () => {
  const folder = temporaryFolder();
  appendEvents(folder, TAPE);
  const whole = wholeLog(folder);
  const { path, firstSequence } = listSegments(folder, LogKind.EVENTS).at(-1)!;
  const bytes = readFileSync(path);
  for (const byte of [0, 5, 140, Math.floor(bytes.length / 2), bytes.length - 128]) {
    const damaged = Buffer.from(bytes);
    damaged[byte]! ^= 1;
    writeFileSync(path, damaged);
    const scan = scanEventLog(folder, () => {});
    expect(scan.lastSequence).toBeLessThan(TAPE.events.length);
    expect(scan.lastSequence).toBeGreaterThanOrEqual(firstSequence - 1);
    expect(scan.tornFrames).toBeGreaterThanOrEqual(1);
    expect(scan.tornBytes).toBeGreaterThan(0);
    appendEvents(folder, TAPE);
    expect(wholeLog(folder), `byte ${byte}`).toBe(whole);
  }
  for (const cut of [0, 1, 127, 129, bytes.length - 1]) {
    truncateSync(path, cut);
    appendEvents(folder, TAPE);
    expect(wholeLog(folder), `cut ${cut}`).toBe(whole);
  }
});

test('damage in an earlier segment is refused, naming file, place and what to do', () => {
  const folder = temporaryFolder();
  appendEvents(folder, TAPE);
  const { path } = listSegments(folder, LogKind.EVENTS)[1]!;
  const bytes = readFileSync(path);
  bytes[200]! ^= 1;
  writeFileSync(path, bytes);
  const scan = () => scanEventLog(folder, () => {});
  expect(scan).toThrow(JournalDamagedError);
  expect(scan).toThrow(`${path} is damaged at byte 0`);
  expect(scan).toThrow(/Move the whole events folder away/);
});

test('a replay that gives the same events passes the comparison, any other byte does not', () => {
  const folder = temporaryFolder();
  appendEvents(folder, TAPE);
  const last = TAPE.events.length;
  const same = new RecordedEvents(folder, 1, last);
  for (const { window, slots } of TAPE.events) same.compare(window, 0, SLOT_BYTES, slots);
  same.close();
  for (const first of [2, 57, last]) {
    const later = new RecordedEvents(folder, first, last);
    for (const { window, slots } of TAPE.events.slice(first - 1)) later.compare(window, 0, SLOT_BYTES, slots);
    later.close();
  }
  const long = TAPE.events.findIndex(({ slots }) => slots === 2);
  for (const byte of [0, 1, 60, 127, 128, 200]) {
    const recorded = new RecordedEvents(folder, long + 1, last);
    const { window, slots } = TAPE.events[long]!;
    window.u8[byte]! ^= 16;
    expect(() => recorded.compare(window, 0, SLOT_BYTES, slots), `byte ${byte}`).toThrow(BehaviourChangedError);
    expect(() => recorded.compare(window, 0, SLOT_BYTES, slots)).toThrow(`event ${long + 1}:`);
    window.u8[byte]! ^= 16;
    recorded.compare(window, 0, SLOT_BYTES, slots);
    recorded.close();
  }
});

test('events are written at once and synced when asked, at a segment change and at the end', () => {
  const folder = temporaryFolder();
  const files = new FaultyFiles();
  const writer = openWriter(folder, files);
  const batch = writer.newBatch();
  files.calls.length = 0;
  writer.append(fill(batch, TAPE.events.slice(0, 5)));
  writer.append(fill(batch, TAPE.events.slice(5, 8)));
  expect(files.calls.map(({ operation }) => operation)).toEqual(['write', 'write']);
  expect(writer.isDirty).toBe(true);
  writer.sync();
  writer.sync();
  expect(files.count('fdatasync')).toBe(1);
  expect(writer.isDirty).toBe(false);
  writer.append(fill(batch, TAPE.events.slice(8, 80)));
  files.calls.length = 0;
  writer.append(fill(batch, TAPE.events.slice(80, 160)));
  expect(files.calls.map(({ operation }) => operation)).toEqual([
    ...['fdatasync', 'open', 'open', 'fsync', 'close', 'close'], // the old one whole, then the new one's name
    'write',
  ]);
  files.calls.length = 0;
  writer.close();
  expect(files.count('fdatasync')).toBe(1);
});

test('a full disk keeps a batch waiting, an I/O error ends it', () => {
  const folder = temporaryFolder();
  const files = new FaultyFiles();
  const writer = openWriter(folder, files);
  const batch = fill(writer.newBatch(), TAPE.events.slice(0, 5));
  files.before = ({ operation }) => {
    if (operation === 'write') throw systemError('ENOSPC');
  };
  expect(writer.append(batch)).toBe('DISK_FULL');
  expect(writer.lastSequence).toBe(0);
  files.before = () => {};
  expect(writer.append(batch)).toBe('DONE');
  files.before = () => {
    throw systemError('EIO');
  };
  expect(() => writer.sync()).toThrow(StorageError);
  expect(scanEventLog(folder, () => {}).lastSequence).toBe(5);
});

test('a new log is one empty segment', () => {
  const folder = temporaryFolder();
  appendEvents(folder, TAPE, 0);
  const segments = listSegments(folder, LogKind.EVENTS);
  expect(segments.map(({ path }) => path.slice(-23))).toEqual(['0000000000000001.events']);
  expect(existsSync(segments[0]!.path)).toBe(true);
  expect(scanEventLog(folder, () => {})).toMatchObject({ lastSequence: 0, lastCommandSequence: 0, tornFrames: 0 });
});
