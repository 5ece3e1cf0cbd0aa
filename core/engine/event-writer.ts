import { fail } from '../assert.ts';
import * as eventRecord from '../protocol/event-record.ts';
import type { RingWriter } from '../ring/ring.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { EVENT, EVENT_LAST_BIT } = eventRecord;

const NONE = -1;

/**
 * Claims slots of the event ring for the engine, one record after the other, and publishes them a batch at a time. The
 * newest record stays back until its command ends: only then is it known to be the last one. A sweep may make more
 * events than the ring has slots, so a full ring is emptied in the middle of a command.
 */
export class EventWriter {
  readonly ring: RingWriter;
  readonly #onFull: () => void;
  #pending = 0; // slots written and not published
  #newest = NONE; // index of the newest record among the pending slots
  #free: number; // slots known to be free, pending ones included

  /** @param onFull called again and again while there is no room: must wait for the readers, or make them read */
  constructor(ring: RingWriter, onFull: () => void) {
    if (ring.slotCount < 8) fail(`an event ring of ${ring.slotCount} slots can't hold a record and the one before it`);
    this.ring = ring;
    this.#onFull = onFull;
    this.#free = ring.freeSlots(ring.slotCount);
  }

  /** @returns byte offset of the next record's first slot; everything in it must be written, zeros included. */
  claim(): number {
    if (this.#pending + 1 > this.#free) this.#makeRoom(1);
    this.#newest = this.#pending;
    this.#pending += 1;
    return this.ring.offsetAt(this.#newest);
  }

  /** @returns byte offset of the first slot of a record of two; see continuationOffset. */
  claimTwo(): number {
    if (this.#pending + 2 > this.#free) this.#makeRoom(2);
    this.#newest = this.#pending;
    this.#pending += 2;
    return this.ring.offsetAt(this.#newest);
  }

  /** @returns byte offset of the second slot of the record just claimed with claimTwo. */
  continuationOffset(): number {
    return this.ring.offsetAt(this.#newest + 1);
  }

  /** Marks the newest record as its command's last. */
  endCommand(): void {
    if (this.#newest === NONE) fail('a command without an event');
    const at = this.ring.offsetAt(this.#newest) + EVENT.SIDE;
    const { u8 } = this.ring.window;
    u8[at] = u8[at]! | EVENT_LAST_BIT;
  }

  /** Publishes everything. Call between commands only. */
  flush(): void {
    if (this.#pending === 0) return;
    this.ring.publish(this.#pending);
    this.#free -= this.#pending;
    this.#pending = 0;
    this.#newest = NONE;
  }

  #makeRoom(slots: number): void {
    if (this.#newest > 0) {
      this.ring.publish(this.#newest);
      this.#pending -= this.#newest;
      this.#newest = 0;
    }
    const wanted = this.#pending + slots;
    this.#free = this.ring.freeSlots(wanted);
    while (this.#free < wanted) {
      this.#onFull();
      this.#free = this.ring.freeSlots(wanted);
    }
  }
}
