import { expect, test } from 'vitest';
import { FRAME, FrameBuilder, LogKind } from '../../../core/journal/frame.ts';
import { SLOT_BYTES } from '../../../core/protocol/record-window.ts';
import { createRing, RingReader, RingWriter } from '../../../core/ring/ring.ts';
import { copySlots } from '../../../core/threads/ring-readers.ts';
import { someCommand } from '../journal/record-tape.ts';

test('slots are copied into a frame in their order, wherever the ring begins anew', () => {
  const slotCount = 8;
  const ring = createRing(slotCount, 1);
  const writer = new RingWriter(ring);
  const reader = new RingReader(ring, 0);
  let sequence = 0;
  for (let turn = 0; turn < 2 * slotCount; turn++) {
    const taken = 1 + (turn % slotCount);
    const written = Array.from({ length: taken }, (_, index) => {
      const { window } = someCommand(++sequence);
      const slot = window.u8.slice(0, SLOT_BYTES);
      writer.window.u8.set(slot, writer.offsetAt(index));
      return slot;
    });
    writer.publish(taken);
    const skipped = turn % taken; // as events that the log has already
    const frame = new FrameBuilder(LogKind.JOURNAL);
    for (let index = skipped; index < taken; index++)
      expect(frame.tryCount(reader.window, reader.offsetAt(index), 1)).toBe(true);
    copySlots(reader, skipped, taken, frame);
    const payload = frame.finish().subarray(FRAME.HEADER_BYTES);
    expect(Buffer.compare(payload, Buffer.concat(written.slice(skipped))), `turn ${turn}`).toBe(0);
    reader.release(taken);
  }
});
