import { EVENT, EVENT_LAST_BIT } from '../../core/protocol/event-record.ts';
import { type RecordWindow, SLOT_BYTES } from '../../core/protocol/record-window.ts';
import { DoorbellLoop } from '../../core/ring/doorbell.ts';
import { RingReader, RingWriter } from '../../core/ring/ring.ts';
import type { StartProgress } from '../../core/threads/exchange-threads.ts';
import { type ExchangeThreadSettings, ExchangeThreads, type Recovered } from '../../core/threads/exchange-threads.ts';
import { EVENT_READER, releaseEvents } from '../../core/threads/ring-readers.ts';
import { CONTROL, isReached, ringDoorbell } from '../../core/threads/shared-control.ts';

/**
 * The exchange's threads with a gateway's end that does nothing but publish recorded commands and read their events as
 * soon as they are durable.
 */
export class DrivenThreads {
  readonly threads = new ExchangeThreads();
  lastEventSequence = 0; // that was read
  readonly #control = new Int32Array(this.threads.control);
  readonly #writer = new RingWriter(this.threads.commandRing);
  readonly #reader = new RingReader(this.threads.eventRing, EVENT_READER.GATEWAY);
  readonly #loop = new DoorbellLoop(this.#control, CONTROL.GATEWAY_DOORBELL, () => this.#turn());
  #window: RecordWindow | null = null;
  #published = 0; // slots of the window
  #answered = 0;
  #goal = 0;
  #reached = Promise.withResolvers<void>();

  start(
    settings: ExchangeThreadSettings,
    onProgress: (progress: StartProgress) => void = () => {},
  ): Promise<Recovered> {
    this.#loop.start();
    return this.threads.start(settings, onProgress);
  }

  /**
   * Publishes commands of one slot each.
   * @param from index of the first in the window, whose previous ones were run
   * @returns once the last event of the one before `to` was read
   */
  async run(window: RecordWindow, from: number, to: number): Promise<void> {
    this.#window = window;
    this.#published = from;
    this.#answered = from;
    this.#goal = to;
    this.#reached = Promise.withResolvers();
    ringDoorbell(this.#control, CONTROL.GATEWAY_DOORBELL);
    await this.#reached.promise;
  }

  /** An orderly end. */
  async stop(): Promise<void> {
    await this.threads.stop();
    this.#loop.stop();
  }

  /** An end as by a crash. */
  async terminate(): Promise<void> {
    await this.threads.terminate();
    this.#loop.stop();
  }

  #turn(): boolean {
    const { u8, f64 } = this.#reader.window;
    let slots = 0;
    for (const available = this.#reader.available(); slots < available; slots++) {
      const at = this.#reader.offsetAt(slots);
      if (!isReached(this.#control, CONTROL.DURABLE_COMMAND, f64[(at + EVENT.COMMAND_SEQUENCE) >> 3]!)) break;
      if ((u8[at + EVENT.SIDE]! & EVENT_LAST_BIT) === 0) continue;
      this.#answered += 1;
      this.lastEventSequence = f64[(at + EVENT.EVENT_SEQUENCE) >> 3]!;
    }
    if (slots > 0) releaseEvents(this.#reader, slots, this.#control);
    this.#publish();
    if (this.#window !== null && this.#answered === this.#goal) this.#reached.resolve();
    return false;
  }

  #publish(): void {
    const waiting = this.#goal - this.#published;
    const count = Math.min(this.#writer.freeSlots(waiting), waiting);
    if (count === 0) return;
    for (let index = 0; index < count; ) {
      const at = this.#writer.offsetAt(index);
      const slots = Math.min(count - index, this.#writer.slotCount - at / SLOT_BYTES); // the others at the ring's start
      const from = (this.#published + index) * SLOT_BYTES;
      this.#writer.window.u8.set(this.#window!.u8.subarray(from, from + slots * SLOT_BYTES), at);
      index += slots;
    }
    this.#writer.publish(count);
    this.#published += count;
    ringDoorbell(this.#control, CONTROL.JOURNAL_DOORBELL);
    ringDoorbell(this.#control, CONTROL.ENGINE_DOORBELL);
  }
}
