import { expect, test } from 'vitest';
import { EventLogWriter } from '../../../core/journal/event-log-writer.ts';
import { LogKind } from '../../../core/journal/frame.ts';
import { BehaviourChangedError, StorageError } from '../../../core/journal/journal-errors.ts';
import { recoverJournal } from '../../../core/journal/journal-recovery.ts';
import { JournalWriter } from '../../../core/journal/journal-writer.ts';
import { scanEventLog } from '../../../core/journal/log-scan.ts';
import { RecordedEvents } from '../../../core/journal/recorded-events.ts';
import { listSegments } from '../../../core/journal/segment-files.ts';
import { EVENT } from '../../../core/protocol/event-record.ts';
import { EventKind } from '../../../core/protocol/kinds.ts';
import { RecordWindow, SLOT_BYTES } from '../../../core/protocol/record-window.ts';
import { createRing, RingReader, RingWriter } from '../../../core/ring/ring.ts';
import { CommandIntake } from '../../../core/threads/command-intake.ts';
import { EventIntake } from '../../../core/threads/event-intake.ts';
import { JournalLoop } from '../../../core/threads/journal-loop.ts';
import { CONTROL, createSharedControl } from '../../../core/threads/shared-control.ts';
import { FaultyFiles, type FileCall, systemError } from '../journal/faulty-files.ts';
import { recordTape, someCommand, type TapeRecord, temporaryFolder } from '../journal/record-tape.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const TAPE = recordTape(seed, 200);
const SEGMENT_BYTES = 32 * 1024;

/** The journal thread's loop on this thread: the same parts, real files behind faulty ones, and time as a number. */
class LoopHarness {
  readonly files = new FaultyFiles();
  readonly control = new Int32Array(createSharedControl());
  readonly loop: JournalLoop;
  readonly commandWriter: RingWriter;
  readonly eventWriter: RingWriter;
  nowMs = 1_000;

  constructor(folder: string) {
    const commandRing = createRing(1_024, 1);
    const eventRing = createRing(1_024, 1);
    this.commandWriter = new RingWriter(commandRing);
    this.eventWriter = new RingWriter(eventRing);
    const options = { segmentBytes: SEGMENT_BYTES, files: this.files };
    const scan = scanEventLog(folder, () => {});
    const journal = new JournalWriter(folder, recoverJournal(folder, options).end, options);
    const eventLog = new EventLogWriter(folder, scan, options);
    const recorded = new RecordedEvents(folder, 1, scan.lastSequence);
    const { control } = this;
    const events = new EventIntake(new RingReader(eventRing, 0), control, eventLog, recorded, 1);
    const commands = new CommandIntake(new RingReader(commandRing, 0), journal);
    this.loop = new JournalLoop({ control, commands, events, journal, eventLog });
    this.files.calls.length = 0;
  }

  publish(writer: RingWriter, records: readonly TapeRecord[]): void {
    for (const { window, slots } of records) {
      for (let slot = 0; slot < slots; slot++)
        writer.window.u8.set(window.u8.subarray(slot * SLOT_BYTES, (slot + 1) * SLOT_BYTES), writer.offsetAt(slot));
      writer.publish(slots);
    }
  }

  /** Turns until the loop wants to wait, and returns for how long. */
  run(): number {
    for (let turns = 0; turns < 1_000; turns++) {
      const waitMs = this.loop.turn(this.nowMs);
      if (waitMs > 0) return waitMs;
    }
    throw new Error('the loop never rests');
  }

  word(word: number): number {
    return Atomics.load(this.control, word);
  }
}

function copyOf({ window, slots }: TapeRecord): TapeRecord {
  return { window: new RecordWindow(Uint8Array.from(window.u8).buffer), slots };
}

const isJournal = ({ path }: FileCall): boolean => path.includes('/journal/');
const eventsOf = (throughCommand: number): TapeRecord[] =>
  TAPE.events.filter((_, index) => TAPE.decodedEvents[index]!.commandSequence <= throughCommand);

test('events stay in the ring until their command is durable', () => {
  const harness = new LoopHarness(temporaryFolder());
  harness.publish(harness.eventWriter, eventsOf(20));
  expect(harness.run()).toBe(Infinity);
  expect(harness.word(CONTROL.EVENT_LOG_END)).toBe(0);
  harness.publish(harness.commandWriter, TAPE.commands.slice(0, 12));
  harness.run();
  expect(harness.word(CONTROL.DURABLE_COMMAND)).toBe(12);
  expect(harness.word(CONTROL.EVENT_LOG_END)).toBe(eventsOf(12).length);
  expect(harness.loop.isDrained).toBe(false);
  harness.publish(harness.commandWriter, TAPE.commands.slice(12, 20));
  harness.run();
  expect(harness.word(CONTROL.EVENT_LOG_END)).toBe(eventsOf(20).length);
  expect(harness.loop.isDrained).toBe(true);
  harness.loop.close();
});

test('the durable watermark moves, and the gateway is rung, only after the sync', () => {
  const harness = new LoopHarness(temporaryFolder());
  harness.publish(harness.commandWriter, TAPE.commands.slice(0, 5));
  const doorbell = harness.word(CONTROL.GATEWAY_DOORBELL);
  harness.files.before = ({ operation }) => {
    if (operation !== 'fdatasync') return;
    expect(harness.word(CONTROL.DURABLE_COMMAND)).toBe(0);
    expect(harness.word(CONTROL.GATEWAY_DOORBELL)).toBe(doorbell);
    expect(harness.commandWriter.freeSlots(1_024)).toBeLessThan(1_024);
  };
  harness.run();
  expect(harness.files.count('fdatasync')).toBe(1);
  expect(harness.word(CONTROL.DURABLE_COMMAND)).toBe(5);
  expect(harness.word(CONTROL.GATEWAY_DOORBELL)).toBe(doorbell + 1);
  expect(harness.commandWriter.freeSlots(1_024)).toBe(1_024);
  harness.loop.close();
});

test('a full journal disk is shown, commands wait unanswered with growing pauses, and go through in order later', () => {
  const folder = temporaryFolder();
  const harness = new LoopHarness(folder);
  harness.publish(harness.commandWriter, TAPE.commands.slice(0, 3));
  harness.run();
  harness.files.before = (call) => {
    if (call.operation === 'write' && isJournal(call)) throw systemError('ENOSPC');
  };
  harness.publish(harness.commandWriter, TAPE.commands.slice(3, 6));
  harness.publish(harness.eventWriter, eventsOf(6));
  const pauses = Array.from({ length: 9 }, () => {
    const waitMs = harness.run();
    harness.nowMs += waitMs;
    return waitMs;
  });
  expect(harness.word(CONTROL.DISK_FULL)).toBe(1);
  expect(harness.word(CONTROL.DURABLE_COMMAND)).toBe(3);
  expect(harness.word(CONTROL.EVENT_LOG_END)).toBe(eventsOf(3).length); // events go on
  expect(Math.max(...pauses)).toBe(1_000);
  harness.publish(harness.commandWriter, TAPE.commands.slice(6, 9));
  harness.files.before = () => {};
  harness.run();
  expect(harness.word(CONTROL.DISK_FULL)).toBe(0);
  expect(harness.word(CONTROL.DURABLE_COMMAND)).toBe(9);
  harness.loop.close();
  expect(recoverJournal(folder, { segmentBytes: SEGMENT_BYTES }).lastSequence).toBe(9);
});

test('a full event disk is shown, and commands go on', () => {
  const harness = new LoopHarness(temporaryFolder());
  harness.files.before = (call) => {
    if (call.operation === 'write' && !isJournal(call)) throw systemError('ENOSPC');
  };
  harness.publish(harness.commandWriter, TAPE.commands.slice(0, 10));
  harness.publish(harness.eventWriter, eventsOf(10));
  harness.run();
  expect(harness.word(CONTROL.DISK_FULL)).toBe(1);
  expect(harness.word(CONTROL.DURABLE_COMMAND)).toBe(10);
  harness.publish(harness.commandWriter, TAPE.commands.slice(10, 30));
  harness.run();
  expect(harness.word(CONTROL.DURABLE_COMMAND)).toBe(30);
  expect(harness.word(CONTROL.EVENT_LOG_END)).toBe(0);
  harness.files.before = () => {};
  harness.nowMs += 1_000;
  harness.run();
  expect(harness.word(CONTROL.DISK_FULL)).toBe(0);
  expect(harness.word(CONTROL.EVENT_LOG_END)).toBe(eventsOf(10).length);
  harness.loop.close();
});

test('no space for the next segment is shown in time, while the present one still takes commands', () => {
  const folder = temporaryFolder();
  const harness = new LoopHarness(folder);
  harness.files.before = ({ operation, path }) => {
    if (operation === 'open' && path.endsWith('.temporary')) throw systemError('ENOSPC');
  };
  let published = 0;
  while (harness.word(CONTROL.DISK_FULL) === 0) {
    harness.publish(harness.commandWriter, TAPE.commands.slice(published, published + 5));
    published += 5;
    harness.run();
    expect(harness.word(CONTROL.DURABLE_COMMAND)).toBe(published);
  }
  harness.publish(harness.commandWriter, TAPE.commands.slice(published, published + 20));
  harness.run();
  expect(harness.word(CONTROL.DURABLE_COMMAND)).toBe(published + 20);
  expect(listSegments(folder, LogKind.JOURNAL).length).toBe(1);
  harness.files.before = () => {};
  harness.nowMs += 1_000;
  harness.run();
  expect(harness.word(CONTROL.DISK_FULL)).toBe(0);
  harness.loop.close();
});

test('a sync that fails ends the loop, and nothing of its group is announced', () => {
  const harness = new LoopHarness(temporaryFolder());
  harness.files.before = ({ operation }) => {
    if (operation === 'fdatasync') throw systemError('EIO');
  };
  harness.publish(harness.commandWriter, TAPE.commands.slice(0, 3));
  expect(() => harness.run()).toThrow(StorageError);
  expect(harness.word(CONTROL.DURABLE_COMMAND)).toBe(0);
});

test('while the disk stalls the ring pushes back; afterwards everything is there, in order', () => {
  const folder = temporaryFolder();
  const harness = new LoopHarness(folder);
  const commands = Array.from({ length: 1_500 }, (_, index) => someCommand(index + 1));
  let published = 0;
  const publishWhatFits = (): void => {
    const free = harness.commandWriter.freeSlots(1_024);
    harness.publish(harness.commandWriter, commands.slice(published, published + free));
    published = Math.min(published + free, commands.length);
  };
  harness.publish(harness.commandWriter, commands.slice(0, 10));
  published = 10;
  let stalls = 0;
  harness.files.before = ({ operation }) => {
    if (operation !== 'fdatasync' || stalls > 0) return;
    stalls += 1;
    publishWhatFits();
    expect(harness.commandWriter.freeSlots(1)).toBe(0);
    expect(published).toBe(1_024); // the group that waits for its sync keeps its slots
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    expect(harness.word(CONTROL.DURABLE_COMMAND)).toBe(0);
  };
  harness.run();
  publishWhatFits();
  harness.run();
  expect(stalls).toBe(1);
  expect(harness.word(CONTROL.DURABLE_COMMAND)).toBe(1_500);
  harness.loop.close();
  expect(recoverJournal(folder, { segmentBytes: SEGMENT_BYTES }).lastSequence).toBe(1_500);
});

test('events are synced within 200 ms of being written, once, and a loop at rest waits for ever', () => {
  const harness = new LoopHarness(temporaryFolder());
  harness.publish(harness.commandWriter, TAPE.commands.slice(0, 10));
  harness.publish(harness.eventWriter, eventsOf(5));
  const waitMs = harness.run();
  expect(waitMs).toBe(200);
  const eventSyncs = (): number =>
    harness.files.calls.filter((call) => call.operation === 'fdatasync' && !isJournal(call)).length;
  harness.nowMs += 150;
  harness.publish(harness.eventWriter, eventsOf(9).slice(eventsOf(5).length));
  expect(harness.run()).toBe(50);
  expect(eventSyncs()).toBe(0);
  harness.nowMs += 50;
  expect(harness.run()).toBe(Infinity);
  expect(eventSyncs()).toBe(1);
  expect(harness.run()).toBe(Infinity);
  harness.loop.close();
});

test('a replay is compared with what the log has and appended after it, also in one turn', () => {
  const folder = temporaryFolder();
  const first = new LoopHarness(folder);
  first.publish(first.commandWriter, TAPE.commands.slice(0, 30));
  first.publish(first.eventWriter, eventsOf(25));
  first.run();
  first.loop.close();
  const second = new LoopHarness(folder);
  expect(second.word(CONTROL.DURABLE_COMMAND)).toBe(30);
  expect(second.word(CONTROL.EVENT_LOG_END)).toBe(eventsOf(25).length);
  second.publish(second.eventWriter, eventsOf(30));
  second.run();
  expect(second.word(CONTROL.EVENT_LOG_END)).toBe(eventsOf(30).length);
  second.loop.close();

  const third = new LoopHarness(folder);
  const changed = copyOf(eventsOf(30)[7]!);
  changed.window.u8[100]! ^= 1;
  third.publish(third.eventWriter, [...eventsOf(30).slice(0, 7), changed, ...eventsOf(30).slice(8)]);
  expect(() => third.run()).toThrow(BehaviourChangedError);
});

test('the engine is rung when room is made in a full event ring, and left alone otherwise', () => {
  const harness = new LoopHarness(temporaryFolder());
  harness.publish(harness.commandWriter, TAPE.commands.slice(0, 30));
  harness.publish(harness.eventWriter, eventsOf(10));
  harness.run();
  expect(harness.word(CONTROL.ENGINE_DOORBELL)).toBe(0);
  const next = copyOf(eventsOf(30)[eventsOf(10).length]!);
  next.window.u8[0] = EventKind.CANCELLED; // one slot, whatever the bytes of a client order id
  let sequence = eventsOf(10).length;
  while (harness.eventWriter.freeSlots(4) >= 4) {
    next.window.f64[EVENT.EVENT_SEQUENCE >> 3] = ++sequence;
    harness.publish(harness.eventWriter, [{ ...next, slots: 1 }]);
  }
  harness.run();
  expect(harness.word(CONTROL.EVENT_LOG_END)).toBe(sequence);
  expect(harness.word(CONTROL.ENGINE_DOORBELL)).toBeGreaterThan(0);
  harness.loop.close();
});
