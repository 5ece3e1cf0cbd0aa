import { Engine, type EngineLimits } from '../../core/engine/engine.ts';
import { EventWriter } from '../../core/engine/event-writer.ts';
import { LogKind } from '../../core/journal/frame.ts';
import { LogReader } from '../../core/journal/log-reader.ts';
import { COMMAND, commandSlots } from '../../core/protocol/command-record.ts';
import { eventSlots } from '../../core/protocol/event-record.ts';
import { type RecordWindow, SLOT_BYTES } from '../../core/protocol/record-window.ts';
import { createRing, RingReader, RingWriter } from '../../core/ring/ring.ts';

/** Sees every record of a replay, in the order of the journal. Windows are valid during the call only. */
export interface ReplayObserver {
  onCommand(commandId: number): void;
  onEvent(window: RecordWindow, at: number, continuationAt: number, slots: number): void;
}

const RING_SLOTS = 2 ** 12;

/**
 * Replays a journal through a fresh engine, on this thread, by input alone.
 * @param limits those that the exchange runs with: they decide what is refused as full
 */
export class JournalReplay {
  readonly engine: Engine;
  readonly #writer: EventWriter;
  readonly #events: RingReader;
  readonly #observer: ReplayObserver;
  readonly #reader: LogReader;

  constructor(dataFolder: string, limits: EngineLimits, observer: ReplayObserver) {
    const ring = createRing(RING_SLOTS, 1);
    this.#events = new RingReader(ring, 0);
    this.#writer = new EventWriter(new RingWriter(ring), () => this.#drain());
    this.engine = new Engine(limits, this.#writer);
    this.#observer = observer;
    this.#reader = new LogReader(dataFolder, LogKind.JOURNAL);
  }

  /**
   * Replays the next group of commands; all its events were observed when this returns.
   * @returns false at the journal's end
   * @throws what LogReader and Engine throw: damage, or commands that the engine can't take
   */
  next(): boolean {
    const frame = this.#reader.nextFrame();
    if (frame === null) return false;
    const { window } = frame;
    let at = 0;
    while (at < frame.byteLength) {
      this.#observer.onCommand(window.f64[(at + COMMAND.COMMAND_ID) >> 3]!);
      this.engine.apply(window, at, at + SLOT_BYTES);
      at += commandSlots(window, at) * SLOT_BYTES;
    }
    this.#writer.flush();
    this.#drain();
    return true;
  }

  close(): void {
    this.#reader.close();
  }

  #drain(): void {
    const { window } = this.#events;
    const available = this.#events.available();
    for (let index = 0; index < available; ) {
      const at = this.#events.offsetAt(index);
      const slots = eventSlots(window, at);
      this.#observer.onEvent(window, at, this.#events.offsetAt(index + 1), slots);
      index += slots;
    }
    this.#events.release(available);
  }
}
