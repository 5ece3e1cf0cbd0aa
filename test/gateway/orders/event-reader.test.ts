import { expect, test } from 'vitest';
import { Engine } from '../../../core/engine/engine.ts';
import { EventWriter } from '../../../core/engine/event-writer.ts';
import type { ExchangeEvent } from '../../../core/protocol/event-decoder.ts';
import { CommandKind } from '../../../core/protocol/kinds.ts';
import { RecordWindow, SLOT_BYTES } from '../../../core/protocol/record-window.ts';
import { createRing, RingReader, RingWriter } from '../../../core/ring/ring.ts';
import { EVENT_READER } from '../../../core/threads/ring-readers.ts';
import { CONTROL, createSharedControl } from '../../../core/threads/shared-control.ts';
import { EventReader } from '../../../gateway/orders/event-reader.ts';
import { TEST_LIMITS } from '../../support/engine-harness.ts';
import { encodeCommand } from '../../support/exchange-command.ts';

/** An engine that answers checkpoints with one event each, and a reader of its ring. */
function setUp(slots: number, onEvent: (event: ExchangeEvent, freeSlots: number) => void) {
  const buffers = createRing(slots, EVENT_READER.COUNT);
  const control = new Int32Array(createSharedControl());
  const journal = new RingReader(buffers, EVENT_READER.JOURNAL);
  const ring = new RingWriter(buffers);
  const events = new EventWriter(ring, () => {
    throw new Error('the test filled the ring');
  });
  const engine = new Engine(TEST_LIMITS, events);
  const listener = { onEvent: (event: ExchangeEvent) => onEvent(event, ring.freeSlots(slots)) };
  const reader = new EventReader(buffers, control, [listener]);
  const command = new RecordWindow(new ArrayBuffer(2 * SLOT_BYTES));
  const checkpoints = (count: number): void => {
    for (let at = 0; at < count; at++) {
      const commandSequence = engine.lastCommandSequence + 1;
      const header = { commandSequence, commandId: commandSequence, timestampMs: 1, accountId: 0, ledgerSequence: 0 };
      encodeCommand(command, 0, SLOT_BYTES, { kind: CommandKind.CHECKPOINT, header });
      engine.apply(command, 0, SLOT_BYTES);
    }
    events.flush();
    journal.release(count);
  };
  const durable = (sequence: number): void => void Atomics.store(control, CONTROL.DURABLE_COMMAND, sequence | 0);
  return { checkpoints, durable, reader, control };
}

test('reading stops at the first event whose command is not durable', () => {
  const seen: number[] = [];
  const { checkpoints, durable, reader } = setUp(64, (event) => seen.push(event.eventSequence));
  checkpoints(5);
  expect(reader.poll()).toBe(false);
  expect(seen).toEqual([]);
  durable(3);
  expect(reader.poll()).toBe(false);
  expect(seen).toEqual([1, 2, 3]);
  durable(5);
  reader.poll();
  expect(seen).toEqual([1, 2, 3, 4, 5]);
  expect(reader.lastSequence).toBe(5);
});

test('one turn is bounded, says that more is left, and gives slots back on the way', () => {
  let seen = 0;
  let mostFree = 0;
  const { checkpoints, durable, reader, control } = setUp(4_096, (_event, freeSlots) => {
    seen += 1;
    mostFree = Math.max(mostFree, freeSlots);
  });
  checkpoints(4_095);
  durable(4_095);
  expect(reader.poll()).toBe(true);
  expect(seen).toBe(2_000);
  expect(mostFree).toBeGreaterThan(1_700); // long before the turn ended
  expect(Atomics.load(control, CONTROL.ENGINE_DOORBELL)).toBeGreaterThan(0); // an engine that waits is woken
  expect(reader.poll()).toBe(true);
  expect(reader.poll()).toBe(false);
  expect(seen).toBe(4_095);
});
