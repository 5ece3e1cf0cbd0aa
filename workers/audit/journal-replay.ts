import { Engine, type EngineLimits } from '../../core/engine/engine.ts';
import { EventWriter } from '../../core/engine/event-writer.ts';
import { LogKind } from '../../core/journal/frame.ts';
import { LogReader } from '../../core/journal/log-reader.ts';
import type { SnapshotReader } from '../../core/journal/snapshot-reader.ts';
import { COMMAND, commandSlots } from '../../core/protocol/command-record.ts';
import { eventSlots } from '../../core/protocol/event-record.ts';
import { type RecordWindow, SLOT_BYTES } from '../../core/protocol/record-window.ts';
import { createRing, RingReader, RingWriter } from '../../core/ring/ring.ts';

/** What a command says of itself, whatever its kind. */
export interface CommandFacts {
  readonly commandId: number;
  readonly ledgerSequence: number; // 0 when nothing was held
}

/** Sees every record of a replay, in order: a command, then its events. Windows are valid during the call only. */
export interface ReplayObserver {
  onCommand(command: CommandFacts): void;
  onEvent(window: RecordWindow, at: number, continuationAt: number, slots: number): void;
}

const RING_SLOTS = 2 ** 12;

/** Replays a journal through a fresh engine, on this thread, by input alone. */
export class JournalReplay {
  readonly engine: Engine;
  readonly #writer: EventWriter;
  readonly #events: RingReader;
  readonly #observer: ReplayObserver;
  readonly #reader: LogReader;
  readonly #throughCommand: number;

  /**
   * @param limits those that the exchange runs with: they decide what is refused as full
   * @param snapshot where to begin; null for the first command
   * @param throughCommand where to end, though the journal may go on
   */
  constructor(
    dataFolder: string,
    limits: EngineLimits,
    snapshot: SnapshotReader | null,
    throughCommand: number,
    observer: ReplayObserver,
  ) {
    const ring = createRing(RING_SLOTS, 1);
    this.#events = new RingReader(ring, 0);
    this.#writer = new EventWriter(new RingWriter(ring), () => this.#drain());
    this.engine = new Engine(limits, this.#writer);
    if (snapshot !== null) this.engine.importState(snapshot.state);
    this.#observer = observer;
    this.#throughCommand = throughCommand;
    this.#reader = new LogReader(dataFolder, LogKind.JOURNAL);
    this.#reader.seek(this.engine.lastCommandSequence);
  }

  /**
   * Replays the next group of commands; all its events were observed when this returns.
   * @returns false at the end
   * @throws what LogReader and Engine throw: damage, or commands that the engine can't take
   */
  next(): boolean {
    if (this.engine.lastCommandSequence >= this.#throughCommand) return false;
    const frame = this.#reader.nextFrame();
    if (frame === null) return false;
    const { f64 } = frame.window;
    for (let at = 0; at < frame.byteLength; at += commandSlots(frame.window, at) * SLOT_BYTES) {
      const commandSequence = f64[(at + COMMAND.COMMAND_SEQUENCE) >> 3]!;
      if (commandSequence > this.#throughCommand) break;
      if (commandSequence <= this.engine.lastCommandSequence) continue; // the snapshot has it
      this.#observer.onCommand({
        commandId: f64[(at + COMMAND.COMMAND_ID) >> 3]!,
        ledgerSequence: f64[(at + COMMAND.LEDGER_SEQUENCE) >> 3]!,
      });
      this.engine.apply(frame.window, at, at + SLOT_BYTES);
      this.#writer.flush();
      this.#drain();
    }
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
