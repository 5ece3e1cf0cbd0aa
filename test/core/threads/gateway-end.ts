import { decodeEvent, type ExchangeEvent } from '../../../core/protocol/event-decoder.ts';
import { EVENT, eventSlots } from '../../../core/protocol/event-record.ts';
import { CommandKind } from '../../../core/protocol/kinds.ts';
import { SLOT_BYTES } from '../../../core/protocol/record-window.ts';
import { DoorbellLoop } from '../../../core/ring/doorbell.ts';
import { RingReader, RingWriter } from '../../../core/ring/ring.ts';
import { EVENT_READER, releaseEvents } from '../../../core/threads/ring-readers.ts';
import { CONTROL, isReached, ringDoorbell } from '../../../core/threads/shared-control.ts';
import type { SharedBuffers } from '../../../core/threads/thread-messages.ts';
import type { TapeRecord } from '../journal/record-tape.ts';

/** The gateway's end of the rings: publishes commands, reads events that are durable, and nothing else. */
export class GatewayEnd {
  readonly events: ExchangeEvent[] = [];
  readonly control: Int32Array;
  readonly #writer: RingWriter;
  readonly #reader: RingReader;
  readonly #loop: DoorbellLoop;
  #isStopped = false;
  #waiting: { readonly isDone: () => boolean; readonly resolve: () => void }[] = [];

  constructor({ control, commandRing, eventRing }: SharedBuffers) {
    this.control = new Int32Array(control);
    this.#writer = new RingWriter(commandRing);
    this.#reader = new RingReader(eventRing, EVENT_READER.GATEWAY);
    this.#loop = new DoorbellLoop(this.control, CONTROL.GATEWAY_DOORBELL, () => this.#look());
  }

  start(): void {
    this.#loop.start();
  }

  stop(): void {
    this.#isStopped = true;
    this.#loop.stop();
  }

  /** Publishes records as the ring takes them, until this end is stopped. */
  async publish(records: readonly TapeRecord[]): Promise<void> {
    for (const record of records) while (!this.#isStopped && !this.tryPublish(record)) await new Promise(setImmediate);
  }

  tryPublish({ window, slots }: TapeRecord): boolean {
    if (this.#writer.freeSlots(slots) < slots) return false;
    for (let slot = 0; slot < slots; slot++)
      this.#writer.window.u8.set(
        window.u8.subarray(slot * SLOT_BYTES, (slot + 1) * SLOT_BYTES),
        this.#writer.offsetAt(slot),
      );
    this.#writer.publish(slots);
    ringDoorbell(this.control, CONTROL.ENGINE_DOORBELL);
    ringDoorbell(this.control, CONTROL.JOURNAL_DOORBELL);
    return true;
  }

  /** Resolves when the condition holds, looked at whenever the gateway's doorbell rings. */
  until(isDone: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      if (isDone()) resolve();
      else this.#waiting.push({ isDone, resolve });
    });
  }

  untilEvents(count: number): Promise<void> {
    return this.until(() => this.events.length >= count);
  }

  #look(): boolean {
    const { window } = this.#reader;
    const available = this.#reader.available();
    let index = 0;
    while (index < available) {
      const at = this.#reader.offsetAt(index);
      if (!isReached(this.control, CONTROL.DURABLE_COMMAND, window.f64[(at + EVENT.COMMAND_SEQUENCE) >> 3]!)) break;
      this.events.push(decodeEvent(window, at, this.#reader.offsetAt(index + 1)));
      index += eventSlots(window, at);
    }
    if (index > 0) releaseEvents(this.#reader, index, this.control);
    this.#waiting = this.#waiting.filter(({ isDone, resolve }) => !isDone() || resolve() !== undefined);
    return index > 0;
  }
}

/** A command that the engine must refuse to apply: no gateway sends its kind. */
export function brokenCommand(like: TapeRecord): TapeRecord {
  const kinds: readonly number[] = Object.values(CommandKind);
  like.window.u8[0] = 200;
  if (kinds.includes(200)) throw new Error('kind 200 has got a meaning');
  return { ...like, slots: 1 };
}
