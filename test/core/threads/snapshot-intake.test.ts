import { readdirSync } from 'node:fs';
import { beforeEach, expect, test } from 'vitest';
import type { EngineState } from '../../../core/engine/engine-state.ts';
import { EventLogWriter } from '../../../core/journal/event-log-writer.ts';
import { LogKind } from '../../../core/journal/frame.ts';
import { StorageError } from '../../../core/journal/journal-errors.ts';
import { recoverJournal } from '../../../core/journal/journal-recovery.ts';
import { JournalWriter } from '../../../core/journal/journal-writer.ts';
import { scanEventLog } from '../../../core/journal/log-scan.ts';
import { RecordedEvents } from '../../../core/journal/recorded-events.ts';
import { archiveFolder, listSegments } from '../../../core/journal/segment-files.ts';
import { listSnapshots, snapshotFolder, tidySnapshotFolder } from '../../../core/journal/snapshot-files.ts';
import { SnapshotReader } from '../../../core/journal/snapshot-reader.ts';
import { SLOT_BYTES } from '../../../core/protocol/record-window.ts';
import { createRing, RingReader, RingWriter } from '../../../core/ring/ring.ts';
import { CommandIntake } from '../../../core/threads/command-intake.ts';
import { EventIntake } from '../../../core/threads/event-intake.ts';
import { JournalLoop } from '../../../core/threads/journal-loop.ts';
import { CONTROL, createSharedControl, storeSequence } from '../../../core/threads/shared-control.ts';
import { SnapshotIntake } from '../../../core/threads/snapshot-intake.ts';
import type { SnapshotReport } from '../../../core/threads/thread-messages.ts';
import { FaultyFiles, type FileCall, systemError } from '../journal/faulty-files.ts';
import { recordTape, type TapeRecord, temporaryFolder } from '../journal/record-tape.ts';
import { stateAfter } from '../journal/snapshot-tape.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const TAPE = recordTape(seed, 200);
const SEGMENT_BYTES = 8 * 1024;
const STATES = new Map([50, 100, 150, 200].map((count) => [count, stateAfter(TAPE, count)]));
const eventsOf = (from: number, through: number): TapeRecord[] =>
  TAPE.events.filter((_, index) => {
    const { commandSequence } = TAPE.decodedEvents[index]!;
    return commandSequence > from && commandSequence <= through;
  });

let folder: string;
let files: FaultyFiles;
let control: Int32Array;
let loop: JournalLoop;
let commandWriter: RingWriter;
let eventWriter: RingWriter;
let handed: EngineState[];
let reports: SnapshotReport[];

beforeEach(() => {
  folder = temporaryFolder();
  files = new FaultyFiles();
  control = new Int32Array(createSharedControl());
  handed = [];
  reports = [];
  const options = { segmentBytes: SEGMENT_BYTES, files };
  const commandRing = createRing(1_024, 1);
  const eventRing = createRing(4_096, 1);
  commandWriter = new RingWriter(commandRing);
  eventWriter = new RingWriter(eventRing);
  const scan = scanEventLog(folder, () => {});
  const journal = new JournalWriter(folder, recoverJournal(folder, options).end, options);
  const eventLog = new EventLogWriter(folder, scan, options);
  const recorded = new RecordedEvents(folder, 1, 0);
  const events = new EventIntake(new RingReader(eventRing, 0), control, eventLog, recorded, 1);
  const commands = new CommandIntake(new RingReader(commandRing, 0), journal);
  tidySnapshotFolder(files, folder);
  const take = (): EngineState => handed.shift()!;
  const report = (told: SnapshotReport): number => reports.push(told);
  const snapshots = new SnapshotIntake({ control, folder, files, take, report });
  loop = new JournalLoop({ control, commands, events, journal, eventLog, snapshots });
});

function publish(writer: RingWriter, records: readonly TapeRecord[]): void {
  for (const { window, slots } of records) {
    for (let slot = 0; slot < slots; slot++)
      writer.window.u8.set(window.u8.subarray(slot * SLOT_BYTES, (slot + 1) * SLOT_BYTES), writer.offsetAt(slot));
    writer.publish(slots);
  }
}

function hand(commandCount: number): void {
  handed.push(STATES.get(commandCount)!);
  Atomics.add(control, CONTROL.SNAPSHOTS_HANDED, 1);
}

/** Turns until the loop wants to wait. */
function run(): void {
  for (let turns = 0; turns < 1_000; turns++) if (loop.turn(1_000) > 0) return;
  throw new Error('the loop never rests');
}

/** Trades from one command to another and takes a snapshot there. */
function tradeAndSnap(from: number, through: number): void {
  publish(commandWriter, TAPE.commands.slice(from, through));
  publish(eventWriter, eventsOf(from, through));
  hand(through);
  run();
}

test(`a snapshot waits for the journal and for the synced event log, in any order (SEED=${seed})`, () => {
  hand(50);
  run();
  expect(readdirSync(snapshotFolder(folder))).toEqual(['next.temporary']); // whole, and not in place
  expect(loop.isDrained).toBe(false);
  publish(eventWriter, eventsOf(0, 50));
  run();
  expect(listSnapshots(folder)).toEqual([]);
  publish(commandWriter, TAPE.commands.slice(0, 50));
  files.before = ({ operation, path }: FileCall) => {
    if (operation !== 'rename' || !path.includes('/snapshots/')) return;
    expect(recoverable().journal).toBeGreaterThanOrEqual(50);
    const lastWrite = files.calls.findLastIndex((call) => call.operation === 'write' && call.path.includes('/events/'));
    const lastSync = files.calls.findLastIndex(
      (call) => call.operation === 'fdatasync' && call.path.includes('/events/'),
    );
    expect(lastSync).toBeGreaterThan(lastWrite);
  };
  run();
  expect(listSnapshots(folder).map(({ commandSequence }) => commandSequence)).toEqual([50]);
  expect(reports).toMatchObject([{ type: 'snapshot-placed', commandSequence: 50 }]);
  expect(Atomics.load(control, CONTROL.SNAPSHOTS_SETTLED)).toBe(1);
  expect(loop.isDrained).toBe(true);
  loop.close();
});

function recoverable(): { journal: number } {
  return { journal: Atomics.load(control, CONTROL.DURABLE_COMMAND) };
}

test('a journal that is still behind by one command keeps the snapshot back', () => {
  publish(commandWriter, TAPE.commands.slice(0, 49));
  publish(eventWriter, eventsOf(0, 49));
  hand(50);
  run();
  expect(listSnapshots(folder)).toEqual([]);
  publish(commandWriter, TAPE.commands.slice(49, 50));
  run();
  expect(listSnapshots(folder)).toEqual([]); // its events are not in the log yet
  publish(eventWriter, eventsOf(49, 50));
  run();
  expect(listSnapshots(folder).length).toBe(1);
  loop.close();
});

test('a full disk gives the snapshot up, with a report; commands and events go on, and the next one works', () => {
  for (const operation of ['open', 'write', 'rename'] as const) {
    files.before = (call) => {
      if (call.operation === operation && call.path.startsWith(snapshotFolder(folder))) throw systemError('ENOSPC');
    };
    const from = Atomics.load(control, CONTROL.DURABLE_COMMAND);
    tradeAndSnap(from, from + 50);
    expect(reports.at(-1)).toMatchObject({ type: 'snapshot-failed', commandSequence: from + 50 });
    expect(readdirSync(snapshotFolder(folder))).toEqual([]);
    expect(Atomics.load(control, CONTROL.DURABLE_COMMAND)).toBe(from + 50);
    expect(Atomics.load(control, CONTROL.DISK_FULL)).toBe(0);
  }
  files.before = () => {};
  tradeAndSnap(150, 200);
  expect(reports.at(-1)).toMatchObject({ type: 'snapshot-placed', commandSequence: 200 });
  loop.close();
});

test('a snapshot that can not be synced ends the loop', () => {
  files.before = ({ operation, path }) => {
    if (operation === 'fsync' && path.includes('/snapshots')) throw systemError('EIO');
  };
  publish(commandWriter, TAPE.commands.slice(0, 50));
  publish(eventWriter, eventsOf(0, 50));
  hand(50);
  expect(run).toThrow(StorageError);
  expect(listSnapshots(folder)).toEqual([]);
});

test('a snapshot of many steps lets commands through between them', () => {
  const state = STATES.get(50)!;
  const filler = { id: 1_000, version: 1, bytes: new ArrayBuffer(3 * 2 ** 20) };
  handed.push({ ...state, sections: [...state.sections, filler] });
  Atomics.add(control, CONTROL.SNAPSHOTS_HANDED, 1);
  let turns = 0;
  while (!loop.isDrained) {
    if (turns < 50) {
      publish(commandWriter, TAPE.commands.slice(turns, turns + 1));
      publish(eventWriter, eventsOf(turns, turns + 1));
    }
    loop.turn(1_000);
    turns += 1;
    expect(Atomics.load(control, CONTROL.DURABLE_COMMAND)).toBe(Math.min(turns, 50)); // every one in its own turn
  }
  expect(turns).toBeGreaterThan(6);
  expect(listSnapshots(folder).length).toBe(1);
  loop.close();
});

test('segments go to the archive once two snapshots cover them, never past a consumer', () => {
  tradeAndSnap(0, 50);
  tradeAndSnap(50, 100);
  expect(reports.map(({ type }) => type)).toEqual(['snapshot-placed', 'snapshot-placed']); // no consumer is past anything
  storeSequence(control, CONTROL.CONSUMED_EVENT, eventsOf(0, 120).length);
  tradeAndSnap(100, 150);
  const retired = reports.find((report) => report.type === 'segments-retired')!;
  expect(retired.journalSegments.length).toBeGreaterThan(0);
  expect(readdirSync(archiveFolder(folder, LogKind.EVENTS)).length).toBe(retired.eventSegments.length);
  expect(listSegments(folder, LogKind.JOURNAL)[0]!.firstSequence).toBeLessThanOrEqual(101);
  expect(listSegments(folder, LogKind.EVENTS)[0]!.firstSequence).toBeLessThanOrEqual(eventsOf(0, 100).length + 1);
  for (const { path, commandSequence } of listSnapshots(folder))
    expect(new SnapshotReader(path).state).toEqual(STATES.get(commandSequence));
  loop.close();
});
