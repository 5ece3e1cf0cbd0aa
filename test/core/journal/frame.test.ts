import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  checkFrame,
  claimedPayloadBytes,
  FRAME,
  FrameBuilder,
  LogKind,
  requireKnownVersions,
} from '../../../core/journal/frame.ts';
import { UnknownVersionError } from '../../../core/journal/journal-errors.ts';
import { SegmentReader } from '../../../core/journal/segment-reader.ts';
import { RecordWindow, SLOT_BYTES } from '../../../core/protocol/record-window.ts';
import { fill, someCommand, someCommands, temporaryFolder } from './record-tape.ts';

function read(folder: string, bytes: Uint8Array, kind: LogKind = LogKind.JOURNAL) {
  const path = join(folder, 'segment');
  writeFileSync(path, bytes);
  const reader = new SegmentReader(path, kind);
  const frame = reader.frameAt(0);
  reader.close();
  return frame;
}

test('a frame read back holds the same records and says which', () => {
  const records = someCommands(7, 10);
  const bytes = fill(new FrameBuilder(LogKind.JOURNAL), records).finish();
  const frame = read(temporaryFolder(), bytes)!;
  expect(frame).toMatchObject({ firstSequence: 7, lastSequence: 10, recordCount: 4, byteLength: 5 * SLOT_BYTES });
  expect(frame.endBytes).toBe(6 * SLOT_BYTES);
  const written = Buffer.concat(records.map(({ window, slots }) => window.u8.subarray(0, slots * SLOT_BYTES)));
  expect(Buffer.compare(written, frame.window.u8)).toBe(0);
});

test('the layout on disk is the one that earlier versions wrote', () => {
  const bytes = fill(new FrameBuilder(LogKind.JOURNAL), [someCommand(1)]).finish();
  expect(Buffer.from(bytes.subarray(0, 40)).toString('hex')).toBe(
    'f552424601000100' + '0100000080000000' + '0100000000000000' + '000000000000f03f' + '000000000000f03f',
  );
  expect(Buffer.from(bytes).readUInt32LE(FRAME.CRC)).toBe(3_402_858_771);
});

test('any flipped bit makes a frame bad', () => {
  const bytes = fill(new FrameBuilder(LogKind.JOURNAL), [someCommand(1)]).finish();
  const window = new RecordWindow(Uint8Array.from(bytes).buffer);
  const isGood = (): boolean => {
    const payloadBytes = claimedPayloadBytes(window, 0, LogKind.JOURNAL);
    const fits = payloadBytes > 0 && FRAME.HEADER_BYTES + payloadBytes <= bytes.length;
    return fits && checkFrame(window, 0, payloadBytes) !== null;
  };
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    window.u8[bit >> 3]! ^= 1 << (bit & 7);
    expect(isGood(), `bit ${bit}`).toBe(false);
    window.u8[bit >> 3]! ^= 1 << (bit & 7);
  }
  expect(isGood()).toBe(true);
});

test('a frame cut anywhere is no frame', () => {
  const folder = temporaryFolder();
  const bytes = fill(new FrameBuilder(LogKind.JOURNAL), someCommands(1, 2)).finish();
  for (let cut = 0; cut < bytes.length; cut++) expect(read(folder, bytes.subarray(0, cut)), `cut ${cut}`).toBeNull();
});

test('a frame of the other log is no frame', () => {
  const bytes = fill(new FrameBuilder(LogKind.EVENTS), [someCommand(1)]).finish();
  expect(read(temporaryFolder(), bytes, LogKind.JOURNAL)).toBeNull();
});

test('a newer behaviour is refused with both versions', () => {
  const bytes = fill(new FrameBuilder(LogKind.JOURNAL, 1024, 9), [someCommand(1)]).finish();
  const frame = read(temporaryFolder(), bytes)!;
  expect(() => requireKnownVersions(frame, 'a.journal')).toThrow(UnknownVersionError);
  expect(() => requireKnownVersions(frame, 'a.journal')).toThrow(/behaviour version 9.*versions 1 to 1/);
});

test('a newer format, and version 0, are refused', () => {
  const bytes = fill(new FrameBuilder(LogKind.JOURNAL), [someCommand(1)]).finish();
  const frame = read(temporaryFolder(), bytes)!;
  expect(() => requireKnownVersions({ ...frame, formatVersion: 2 }, 'f')).toThrow(/format version 2.*versions 1 to 1/);
  expect(() => requireKnownVersions({ ...frame, formatVersion: 0 }, 'f')).toThrow(UnknownVersionError);
  expect(() => requireKnownVersions({ ...frame, behaviourVersion: 0 }, 'f')).toThrow(UnknownVersionError);
  expect(() => requireKnownVersions(frame, 'f')).not.toThrow();
});

test('records that are counted one by one and copied together make the same frame', () => {
  const window = new RecordWindow(new ArrayBuffer(4 * SLOT_BYTES));
  const commands = [someCommand(1), someCommand(2), someCommand(3)];
  for (const [index, { window: from }] of commands.entries())
    window.u8.set(from.u8.subarray(0, SLOT_BYTES), (1 + index) * SLOT_BYTES);
  const builder = new FrameBuilder(LogKind.JOURNAL);
  for (let slot = 1; slot <= 3; slot++) expect(builder.tryCount(window, slot * SLOT_BYTES, 1)).toBe(true);
  builder.copy(window, SLOT_BYTES, 2);
  expect(() => builder.finish()).toThrow(/a frame of 384 bytes, of which 256 were copied/);
  builder.copy(window, 3 * SLOT_BYTES, 1);
  expect(builder.finish()).toEqual(fill(new FrameBuilder(LogKind.JOURNAL), commands).finish());
});

test('a builder takes what fits, whole records only, and refuses a gap', () => {
  const builder = new FrameBuilder(LogKind.JOURNAL, 3 * SLOT_BYTES);
  fill(builder, [someCommand(1), someCommand(2)]);
  expect(builder.tryAdd(someCommand(3, 2).window, 0, SLOT_BYTES, 2)).toBe(false);
  expect(builder.recordCount).toBe(2);
  expect(() => builder.tryAdd(someCommand(4).window, 0, SLOT_BYTES, 1)).toThrow(/record 4 follows 2/);
  expect(builder.tryAdd(someCommand(3).window, 0, SLOT_BYTES, 1)).toBe(true);
  expect(builder.tryAdd(someCommand(4).window, 0, SLOT_BYTES, 1)).toBe(false);
  builder.clear();
  expect(() => builder.finish()).toThrow(/empty frame/);
});
