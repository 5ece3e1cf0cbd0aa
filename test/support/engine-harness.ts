import { createHash } from 'node:crypto';
import type { BookMemory } from '../../core/book/order-book.ts';
import { Engine, type EngineLimits } from '../../core/engine/engine.ts';
import { EventWriter } from '../../core/engine/event-writer.ts';
import { decodeEvent, type ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { eventSlots } from '../../core/protocol/event-record.ts';
import { RecordWindow, SLOT_BYTES } from '../../core/protocol/record-window.ts';
import { createRing, RingReader, RingWriter } from '../../core/ring/ring.ts';
import { encodeEvent } from './event-bytes.ts';
import { type ExchangeCommand, encodeCommand } from './exchange-command.ts';

export interface HarnessOptions {
  readonly limits?: EngineLimits;
  readonly ringSlots?: number;
  readonly flushEvery?: number; // commands
  /** Reads one record at a time, and only when the engine waits: the writer always runs up against its reader. */
  readonly slowReader?: boolean;
  /** What stale slots are filled with: two engines with different ones differ wherever a writer clears too little. */
  readonly staleByte?: number;
  /** Whether every event's bytes are compared with its fields, and digested: most of the time of a long run. */
  readonly checksBytes?: boolean;
  /** The books' own, for tests that look into it or break it. */
  readonly memory?: BookMemory;
}

export const TEST_LIMITS: EngineLimits = { maxOrders: 8_192, maxLevels: 2_048, maxInstruments: 8 };

/** The last slot of four, and its continuation in the first: a record that wraps around the end of its ring. */
const COMMAND_AT = 3 * SLOT_BYTES;
const CONTINUATION_AT = 0;

/** A real engine writing into a real event ring, on the test's own thread. */
export class EngineHarness {
  readonly engine: Engine;
  readonly ringSlots: number;
  /** Times that the engine found the event ring full and had to wait for its reader. */
  fullCount = 0;
  readonly #reader: RingReader;
  readonly #writer: EventWriter;
  readonly #command = new RecordWindow(new ArrayBuffer(4 * SLOT_BYTES));
  readonly #digest = createHash('sha256');
  readonly #flushEvery: number;
  readonly #slowReader: boolean;
  readonly #staleByte: number;
  readonly #checksBytes: boolean;
  #unflushed = 0;
  #events: ExchangeEvent[] = [];

  constructor({
    limits = TEST_LIMITS,
    ringSlots = 1_024,
    flushEvery = 1,
    slowReader = false,
    staleByte = 0xa5,
    checksBytes = true,
    memory,
  }: HarnessOptions = {}) {
    const ring = createRing(ringSlots, 1);
    new Uint8Array(ring.slots).fill(staleByte);
    this.ringSlots = ringSlots;
    this.#flushEvery = flushEvery;
    this.#slowReader = slowReader;
    this.#staleByte = staleByte;
    this.#checksBytes = checksBytes;
    this.#reader = new RingReader(ring, 0);
    this.#writer = new EventWriter(new RingWriter(ring), () => {
      this.fullCount += 1;
      this.#read(slowReader ? 1 : Infinity);
    });
    this.engine = new Engine(limits, this.#writer, memory);
  }

  /** @returns the events that came out since the last call: exactly this command's when every command is flushed */
  apply(command: ExchangeCommand): ExchangeEvent[] {
    this.#command.u8.fill(this.#staleByte);
    encodeCommand(this.#command, COMMAND_AT, CONTINUATION_AT, command);
    this.engine.apply(this.#command, COMMAND_AT, CONTINUATION_AT);
    this.#unflushed += 1;
    if (this.#unflushed >= this.#flushEvery) return this.flush();
    return this.#take();
  }

  flush(): ExchangeEvent[] {
    this.#writer.flush();
    this.#unflushed = 0;
    if (!this.#slowReader) this.#read(Infinity);
    return this.#take();
  }

  /** Flushes, and reads everything however slow the reader. */
  drain(): ExchangeEvent[] {
    this.#writer.flush();
    this.#read(Infinity);
    return this.#take();
  }

  /** @returns a digest of every byte of every event so far. The harness is of no use afterwards. */
  eventDigest(): string {
    return this.#digest.digest('hex');
  }

  #read(maxRecords: number): void {
    const { window } = this.#reader;
    const available = this.#reader.available();
    let index = 0;
    for (let records = 0; index < available && records < maxRecords; records++) {
      const at = this.#reader.offsetAt(index);
      const slots = eventSlots(window, at);
      if (index + slots > available) throw new Error('half a record was published');
      const continuationAt = this.#reader.offsetAt(index + 1);
      const event = decodeEvent(window, at, continuationAt);
      if (this.#checksBytes) this.#checkBytes(at, continuationAt, slots, event);
      this.#events.push(event);
      window.u8.fill(this.#staleByte, at, at + SLOT_BYTES);
      if (slots === 2) window.u8.fill(this.#staleByte, continuationAt, continuationAt + SLOT_BYTES);
      index += slots;
    }
    this.#reader.release(index);
  }

  #checkBytes(at: number, continuationAt: number, slots: number, event: ExchangeEvent): void {
    const { window } = this.#reader;
    const bytes = Buffer.concat([
      window.u8.subarray(at, at + SLOT_BYTES),
      slots === 2 ? window.u8.subarray(continuationAt, continuationAt + SLOT_BYTES) : new Uint8Array(0),
    ]);
    if (!bytes.equals(encodeEvent(event)))
      throw new Error(`event ${event.eventSequence} of kind ${event.kind} has bytes that its fields do not explain`);
    this.#digest.update(bytes);
  }

  #take(): ExchangeEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}
