import { createHash } from 'node:crypto';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { FRAME, FRAME_MAGIC, LogKind } from '../../core/journal/frame.ts';
import { UnknownVersionError } from '../../core/journal/journal-errors.ts';
import { recoverJournal } from '../../core/journal/journal-recovery.ts';
import { JournalWriter } from '../../core/journal/journal-writer.ts';
import { LogReader } from '../../core/journal/log-reader.ts';
import { scanEventLog, scanJournal } from '../../core/journal/log-scan.ts';
import { listSegments } from '../../core/journal/segment-files.ts';
import { listSnapshots } from '../../core/journal/snapshot-files.ts';
import { SNAPSHOT_HEADER } from '../../core/journal/snapshot-format.ts';
import { SnapshotReader } from '../../core/journal/snapshot-reader.ts';
import { verifyLogs } from '../../core/journal/verify-logs.ts';
import { BEHAVIOUR_VERSION, FORMAT_VERSION, SNAPSHOT_FORMAT_VERSION } from '../../core/journal/versions.ts';
import { CommandKind, EventKind } from '../../core/protocol/kinds.ts';
import { SLOT_BYTES } from '../../core/protocol/record-window.ts';
import { JournalReplay } from '../../workers/audit/journal-replay.ts';
import { fill, someCommand, temporaryFolder } from '../core/journal/record-tape.ts';
import { type GoldenJournal, goldenJournals } from './golden-journal.ts';

const GOLDEN = goldenJournals();

/** @returns the state at the end and every event from the replay's beginning on, as one digest */
function replayed({ folder, limits, commands }: GoldenJournal, snapshot: SnapshotReader | null) {
  const digest = createHash('sha256');
  const replay = new JournalReplay(folder, limits, snapshot, commands, {
    onCommand: () => {},
    onEvent: (window, at, continuationAt, slots) => {
      digest.update(window.u8.subarray(at, at + SLOT_BYTES));
      if (slots === 2) digest.update(window.u8.subarray(continuationAt, continuationAt + SLOT_BYTES));
    },
  });
  while (replay.next()) replay.engine.verifyInvariants();
  replay.close();
  const { engine } = replay;
  return { stateHash: engine.stateHash(), eventSequence: engine.lastEventSequence, events: digest.digest('hex') };
}

/** @returns the logged events after a sequence, as the same digest */
function logged({ folder }: GoldenJournal, afterSequence: number): string {
  const digest = createHash('sha256');
  const reader = new LogReader(folder, LogKind.EVENTS);
  for (let frame = reader.nextFrame(); frame !== null; frame = reader.nextFrame()) {
    const { u8, f64 } = frame.window;
    let isWanted = false;
    for (let at = 0; at < frame.byteLength; at += SLOT_BYTES) {
      if (u8[at] !== 255) isWanted = f64[(at + 8) >> 3]! > afterSequence; // 255: a continuation, wanted as its record is
      if (isWanted) digest.update(u8.subarray(at, at + SLOT_BYTES));
    }
  }
  reader.close();
  return digest.digest('hex');
}

function copyOf(golden: GoldenJournal): GoldenJournal {
  const folder = temporaryFolder();
  cpSync(golden.folder, folder, { recursive: true });
  return { ...golden, folder };
}

/** Makes the newest frame of a log one that a later program wrote, its CRC right. */
function makeNewer(folder: string, kind: LogKind, change: (header: DataView) => void): void {
  const { path } = listSegments(folder, kind).at(-1)!;
  const bytes = readFileSync(path);
  let frameAt = 0;
  for (let at = 0; at < bytes.length; at += SLOT_BYTES) if (bytes.readUInt32LE(at) === FRAME_MAGIC) frameAt = at;
  change(new DataView(bytes.buffer, bytes.byteOffset + frameAt, FRAME.HEADER_BYTES));
  const payloadAt = frameAt + FRAME.HEADER_BYTES;
  const payload = bytes.subarray(payloadAt, payloadAt + bytes.readUInt32LE(frameAt + FRAME.PAYLOAD_BYTES));
  bytes.writeUInt32LE(crc32(payload, crc32(bytes.subarray(frameAt, frameAt + FRAME.CRC))), frameAt + FRAME.CRC);
  writeFileSync(path, bytes);
}

test('a golden journal of the first version is here, with every kind of command and event that it had', () => {
  const first = GOLDEN.find(({ versions }) => versions.behaviour === 1)!;
  expect(first.commandKinds).toEqual([1, 2, 3, 4, 5, 6, 16, 17, 18, 19]);
  expect(first.eventKinds).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
});

test('every kind of command and event that there is stands in some golden journal', () => {
  const seen = (kinds: keyof Pick<GoldenJournal, 'commandKinds' | 'eventKinds'>) =>
    new Set(GOLDEN.flatMap((golden) => golden[kinds]));
  expect(Object.values(CommandKind).filter((kind) => !seen('commandKinds').has(kind))).toEqual([]);
  expect(Object.values(EventKind).filter((kind) => !seen('eventKinds').has(kind))).toEqual([]);
});

describe.each(GOLDEN.map((golden) => [golden.versions.format, golden.versions.behaviour, golden] as const))(
  'the golden journal of format %i and behaviour %i',
  (_format, _behaviour, golden) => {
    test('is sound: every frame, every snapshot', () => {
      const report = verifyLogs(golden.folder, () => {});
      expect(report).toMatchObject({
        isSound: true,
        damage: null,
        journal: { records: golden.commands, lastSequence: golden.commands, tornBytes: 0 },
        events: { records: golden.events, lastSequence: golden.events, tornBytes: 0 },
      });
      expect(report.snapshots.map(({ commandSequence, problem }) => [commandSequence, problem])).toEqual(
        golden.snapshots.map(({ commandSequence }) => [commandSequence, null]),
      );
    });

    test('replays to the recorded state and, byte for byte, to the recorded events', () => {
      const { stateHash, eventsSha256, events } = golden;
      expect(logged(golden, 0)).toBe(eventsSha256);
      expect(replayed(golden, null)).toEqual({ stateHash, eventSequence: events, events: eventsSha256 });
    });

    test('replays to the same from each of its snapshots, which say where they stand', () => {
      const readers = listSnapshots(golden.folder).map(({ path }) => new SnapshotReader(path));
      expect(readers.map(({ state }) => state)).toMatchObject(golden.snapshots);
      expect(readers.length).toBe(golden.snapshots.length);
      for (const reader of readers)
        expect(replayed(golden, reader)).toEqual({
          stateHash: golden.stateHash,
          eventSequence: golden.events,
          events: logged(golden, reader.state.eventSequence),
        });
    });

    test('is gone on from: it takes the next command', () => {
      const { folder, commands } = copyOf(golden);
      const { lastSequence, tornBytes, end } = recoverJournal(folder);
      expect([lastSequence, tornBytes]).toEqual([commands, 0]);
      const writer = new JournalWriter(folder, end);
      expect(writer.append(fill(writer.newGroup(), [someCommand(commands + 1)]))).toBe('DONE');
      writer.close();
      expect(scanJournal(folder, () => {}).lastSequence).toBe(commands + 1);
    });

    test.each([
      [
        'format',
        FORMAT_VERSION,
        (header: DataView) => header.setUint16(FRAME.FORMAT_VERSION, FORMAT_VERSION + 1, true),
      ],
      [
        'behaviour',
        BEHAVIOUR_VERSION,
        (header: DataView) => header.setUint32(FRAME.BEHAVIOUR_VERSION, BEHAVIOUR_VERSION + 1, true),
      ],
    ])('with a frame of a newer %s is refused, naming file and versions, and left as it is', (what, known, change) => {
      for (const kind of [LogKind.JOURNAL, LogKind.EVENTS]) {
        const { folder } = copyOf(golden);
        makeNewer(folder, kind, change);
        const { path } = listSegments(folder, kind).at(-1)!;
        const before = readFileSync(path);
        const start = () => (kind === LogKind.JOURNAL ? recoverJournal(folder) : scanEventLog(folder, () => {}));
        expect(start).toThrow(UnknownVersionError);
        expect(start).toThrow(
          new RegExp(
            `^${path} has ${what} version ${known + 1}, this program knows versions 1 to ${known}: start it with the program that`,
          ),
        );
        expect(readFileSync(path).equals(before)).toBe(true);
      }
    });

    test('with a snapshot of a newer format is passed over for the one before it, and says why', () => {
      const { folder, snapshots } = copyOf(golden);
      const { path } = listSnapshots(folder)[0]!;
      const bytes = readFileSync(path);
      bytes.writeUInt16LE(SNAPSHOT_FORMAT_VERSION + 1, SNAPSHOT_HEADER.FORMAT_VERSION);
      bytes.writeUInt32LE(crc32(bytes.subarray(0, SNAPSHOT_HEADER.CRC)), SNAPSHOT_HEADER.CRC);
      bytes.writeUInt32LE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
      writeFileSync(path, bytes);
      const { isSound, snapshots: verdicts } = verifyLogs(folder, () => {});
      expect(isSound).toBe(true);
      expect(verdicts).toMatchObject([
        {
          commandSequence: snapshots[0]!.commandSequence,
          problem: expect.stringMatching(/format version \d+, this program/),
        },
        { commandSequence: snapshots[1]!.commandSequence, problem: null },
      ]);
    });
  },
);
