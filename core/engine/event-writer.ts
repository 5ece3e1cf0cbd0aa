import { fail } from '../assert.ts';
import * as eventRecord from '../protocol/event-record.ts';
import * as recordWindow from '../protocol/record-window.ts';
import type { RingWriter } from '../ring/ring.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { EVENT_LAST_WORD } = eventRecord;
const { SLOT_BYTES } = recordWindow;

const NONE = -1;

/**
 * Claims slots of the event ring for the engine, one record after the other, and publishes them a batch at a time. The
 * newest record stays back until its command ends: only then is it known to be the last one. A sweep may make more
 * events than the ring has slots, so a full ring is emptied in the middle of a command.
 */
export class EventWriter {
  readonly ring: RingWriter;
  readonly #onFull: () => void;
  readonly #i32: Int32Array;
  readonly #mask: number;
  #slot: number; // of the ring, where the next record goes
  #newestAt = NONE; // byte offset of the newest record among the pending slots
  #newestSlots = 0; // that it takes
  #pending = 0; // slots written and not published
  #free: number; // slots known to be free, pending ones included

  /** @param onFull called again and again while there is no room: must wait for the readers, or make them read */
  constructor(ring: RingWriter, onFull: () => void) {
    if (ring.slotCount < 8) fail(`an event ring of ${ring.slotCount} slots can't hold a record and the one before it`);
    this.ring = ring;
    this.#onFull = onFull;
    this.#i32 = ring.window.i32;
    this.#mask = ring.slotCount - 1;
    this.#slot = ring.offsetAt(0) / SLOT_BYTES;
    this.#free = ring.freeSlots(ring.slotCount);
  }

  /** @returns byte offset of the next record's first slot; everything in it must be written, zeros included. */
  claim(): number {
    if (this.#pending >= this.#free) this.#makeRoom(1);
    const slot = this.#slot;
    const at = slot * SLOT_BYTES;
    this.#slot = (slot + 1) & this.#mask;
    this.#newestAt = at;
    this.#newestSlots = 1;
    this.#pending += 1;
    return at;
  }

  /** @returns byte offset of the first slot of a record of two; see continuationOffset. */
  claimTwo(): number {
    if (this.#pending + 2 > this.#free) this.#makeRoom(2);
    const at = this.claim();
    this.claim();
    this.#newestAt = at;
    this.#newestSlots = 2;
    return at;
  }

  /** @returns byte offset of the second slot of the record just claimed with claimTwo. */
  continuationOffset(): number {
    return ((this.#slot - 1) & this.#mask) * SLOT_BYTES;
  }

  /** Marks the newest record as its command's last. */
  endCommand(): void {
    const at = this.#newestAt;
    if (at === NONE) fail('a command without an event');
    // As a word: the header was just written as one, and a load that it contains whole need not wait for the store.
    const i32 = this.#i32;
    i32[at >> 2] = i32[at >> 2]! | EVENT_LAST_WORD;
  }

  /** Publishes everything. Call between commands only. */
  flush(): void {
    if (this.#pending === 0) return;
    this.ring.publish(this.#pending);
    this.#free -= this.#pending;
    this.#pending = 0;
    this.#newestAt = NONE;
  }

  #makeRoom(slots: number): void {
    const kept = this.#newestAt === NONE ? 0 : this.#newestSlots;
    const older = this.#pending - kept;
    if (older > 0) {
      this.ring.publish(older);
      this.#pending = kept;
    }
    const wanted = this.#pending + slots;
    this.#free = this.ring.freeSlots(wanted);
    while (this.#free < wanted) {
      this.#onFull();
      this.#free = this.ring.freeSlots(wanted);
    }
  }
}
