import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { Engine, type EngineLimits } from '../../../core/engine/engine.ts';
import { EventWriter } from '../../../core/engine/event-writer.ts';
import type { FrameBuilder } from '../../../core/journal/frame.ts';
import { recoverJournal } from '../../../core/journal/journal-recovery.ts';
import { JournalWriter } from '../../../core/journal/journal-writer.ts';
import { encodeCheckpoint } from '../../../core/protocol/command-encoder.ts';
import { commandSlots } from '../../../core/protocol/command-record.ts';
import { decodeEvent, type ExchangeEvent } from '../../../core/protocol/event-decoder.ts';
import { eventSlots } from '../../../core/protocol/event-record.ts';
import { createOrderEncoder } from '../../../core/protocol/order-encoder.ts';
import { RecordWindow, SLOT_BYTES } from '../../../core/protocol/record-window.ts';
import { createRing, RingReader, RingWriter } from '../../../core/ring/ring.ts';
import { CommandStream } from '../../support/command-stream.ts';
import { encodeCommand } from '../../support/exchange-command.ts';

/** One record with its continuation slot, if it has one. */
export interface TapeRecord {
  readonly window: RecordWindow;
  readonly slots: number;
}

/** Commands of a seed and all that a real engine made of them. */
export interface Tape {
  readonly commands: readonly TapeRecord[];
  readonly events: readonly TapeRecord[];
  readonly decodedEvents: readonly ExchangeEvent[];
  readonly limits: EngineLimits;
  readonly stateHash: string;
}

/** @returns an empty folder that is gone when the test ends */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function recordTape(seed: number, commandCount: number): Tape {
  const stream = new CommandStream(seed);
  const ring = createRing(4_096, 1);
  const reader = new RingReader(ring, 0);
  const writer = new EventWriter(new RingWriter(ring), () => {
    throw new Error('one command fills the tape ring');
  });
  const engine = new Engine(stream.limits, writer);
  const commands: TapeRecord[] = [];
  const events: TapeRecord[] = [];
  const decodedEvents: ExchangeEvent[] = [];
  for (let count = 0; count < commandCount; count++) {
    const window = new RecordWindow(new ArrayBuffer(2 * SLOT_BYTES));
    encodeCommand(window, 0, SLOT_BYTES, stream.next());
    commands.push({ window, slots: commandSlots(window, 0) });
    engine.apply(window, 0, SLOT_BYTES);
    writer.flush();
    const fresh = takeEvents(reader);
    const decoded = fresh.map(({ window }) => decodeEvent(window, 0, SLOT_BYTES));
    stream.observe(decoded);
    events.push(...fresh);
    decodedEvents.push(...decoded);
  }
  return { commands, events, decodedEvents, limits: stream.limits, stateHash: engine.stateHash() };
}

function takeEvents(reader: RingReader): TapeRecord[] {
  const records: TapeRecord[] = [];
  const available = reader.available();
  for (let index = 0; index < available; ) {
    const slots = eventSlots(reader.window, reader.offsetAt(index));
    const window = new RecordWindow(new ArrayBuffer(2 * SLOT_BYTES));
    for (let slot = 0; slot < slots; slot++) {
      const at = reader.offsetAt(index + slot);
      window.u8.set(reader.window.u8.subarray(at, at + SLOT_BYTES), slot * SLOT_BYTES);
    }
    records.push({ window, slots });
    index += slots;
  }
  reader.release(available);
  return records;
}

/** @returns a command of one slot, or of two with a long client order id */
export function someCommand(commandSequence: number, slots: 1 | 2 = 1): TapeRecord {
  const window = new RecordWindow(new ArrayBuffer(2 * SLOT_BYTES));
  const header = {
    commandSequence,
    commandId: 2 ** 32 + commandSequence,
    timestampMs: 1,
    accountId: 0,
    ledgerSequence: 0,
  };
  if (slots === 1) encodeCheckpoint(window, 0, header);
  else
    createOrderEncoder(window).newOrder(0, SLOT_BYTES, header, {
      instrumentId: 1,
      side: 0,
      keyId: 1,
      orderType: 0,
      timeInForce: 0,
      selfTradePrevention: 0,
      flags: 0,
      priceTicks: 1,
      stopPriceTicks: 0,
      quantityLots: 1,
      budgetUnits: 0n,
      expiresAtMs: 0,
      makerRatePpm: 0,
      takerRatePpm: 0,
      clientOrderId: 'x'.repeat(99),
    });
  return { window, slots };
}

/** Fills a builder with records. They must fit. */
export function fill(builder: FrameBuilder, records: readonly TapeRecord[]): FrameBuilder {
  builder.clear();
  for (const { window, slots } of records)
    if (!builder.tryAdd(window, 0, SLOT_BYTES, slots)) throw new Error('the records do not fit into one frame');
  return builder;
}

/** @returns commands first … last, every third of them of two slots */
export function someCommands(firstSequence: number, lastSequence: number): TapeRecord[] {
  return Array.from({ length: lastSequence - firstSequence + 1 }, (_, index) =>
    someCommand(firstSequence + index, (firstSequence + index) % 3 === 0 ? 2 : 1),
  );
}

/** Recovers the journal and appends groups of the given sizes (commands each). The writer is closed at the end. */
export function appendGroups(folder: string, segmentBytes: number, groupSizes: readonly number[]): void {
  const { end } = recoverJournal(folder, { segmentBytes });
  const writer = new JournalWriter(folder, end, { segmentBytes });
  const group = writer.newGroup();
  for (const size of groupSizes) {
    const first = writer.lastSequence + 1;
    if (writer.append(fill(group, someCommands(first, first + size - 1))) !== 'DONE') throw new Error('disk full');
  }
  writer.close();
}
