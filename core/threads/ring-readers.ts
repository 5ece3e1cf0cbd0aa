import type { FrameBuilder } from '../journal/frame.ts';
import { SLOT_BYTES } from '../protocol/record-window.ts';
import type { RingReader } from '../ring/ring.ts';
import { CONTROL, ringDoorbell } from './shared-control.ts';

/** Who reads which ring under which number. */
export const COMMAND_READER = { ENGINE: 0, JOURNAL: 1, COUNT: 2 } as const;
export const EVENT_READER = { JOURNAL: 0, GATEWAY: 1, COUNT: 2 } as const;

/** Copies slots `from` up to `to` of a ring, whose records the frame has counted: in one piece, two at the ring's end. */
export function copySlots(ring: RingReader, from: number, to: number, frame: FrameBuilder): void {
  for (let index = from; index < to; ) {
    const slots = ring.slotsInRow(index, to - index);
    frame.copy(ring.window, ring.offsetAt(index), slots);
    index += slots;
  }
}

/** The engine asks for at most this many slots at once: two for a record, and two for the one it holds back. */
const ENGINE_WAITS_BELOW_SLOTS = 4;

/**
 * Gives slots of the event ring back, and wakes the engine when it may be waiting for them. Every reader of that ring
 * releases through here. A ring that is not full needs no ringing, and the engine sleeps on.
 */
export function releaseEvents(reader: RingReader, slots: number, control: Int32Array): void {
  reader.release(slots);
  // Read after the release: either the engine saw the room just given, or what it published before is counted here.
  const usedBefore = reader.available() + slots;
  const slotCount = reader.window.u8.length / SLOT_BYTES;
  if (usedBefore > slotCount - ENGINE_WAITS_BELOW_SLOTS) ringDoorbell(control, CONTROL.ENGINE_DOORBELL);
}
