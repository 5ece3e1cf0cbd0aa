import { expect, test } from 'vitest';
import { InvariantError } from '../../../core/assert.ts';
import { EventWriter } from '../../../core/engine/event-writer.ts';
import { EVENT } from '../../../core/protocol/event-record.ts';
import { createRing, RingReader, RingWriter } from '../../../core/ring/ring.ts';

const SLOTS = 8;

/** A writer of numbered records of one and two slots, and a reader that the test moves. */
function createPair(onFull: (reader: RingReader) => void = () => expect.fail('the ring is full')) {
  const ring = createRing(SLOTS, 1);
  const reader = new RingReader(ring, 0);
  const writer = new EventWriter(new RingWriter(ring), () => onFull(reader));
  const write = (sequence: number): void => {
    const isLong = sequence % 3 === 0;
    const at = isLong ? writer.claimTwo() : writer.claim();
    const { f64, u8 } = writer.ring.window;
    u8[at] = isLong ? 1 : 2;
    u8[at + EVENT.SIDE] = 0;
    f64[(at + EVENT.EVENT_SEQUENCE) >> 3] = sequence;
    if (isLong) f64[(writer.continuationOffset() + EVENT.EVENT_SEQUENCE) >> 3] = sequence;
  };
  const read = (): [sequence: number, isLast: boolean] => {
    const at = reader.offsetAt(0);
    const { f64, u8 } = reader.window;
    const sequence = f64[(at + EVENT.EVENT_SEQUENCE) >> 3]!;
    if (u8[at] === 1) expect(f64[(reader.offsetAt(1) + EVENT.EVENT_SEQUENCE) >> 3]).toBe(sequence);
    const isLast = u8[at + EVENT.SIDE] === 128;
    reader.release(u8[at]! === 1 ? 2 : 1);
    return [sequence, isLast];
  };
  return { writer, reader, write, read };
}

test('nothing is published before flush while there is room', () => {
  const { writer, reader, write } = createPair();
  for (const sequence of [1, 2]) write(sequence);
  writer.endCommand();
  expect(reader.available()).toBe(0);
  writer.flush();
  expect(reader.available()).toBe(2);
});

test('a flush without events publishes nothing', () => {
  const { writer, reader } = createPair();
  writer.flush();
  expect(reader.available()).toBe(0);
});

test('the ring fills to the last slot, then the writer asks for room', () => {
  const { writer, reader, write } = createPair();
  for (const sequence of [1, 2, 4, 5, 7, 8, 10, 11]) write(sequence);
  writer.endCommand();
  writer.flush();
  expect(reader.available()).toBe(SLOTS);
  expect(() => write(13)).toThrow('the ring is full');
});

test('a flushed record is not overwritten before it is released', () => {
  const { writer, reader, write } = createPair((slow) => slow.release(1));
  for (let sequence = 1; sequence <= 20; sequence++) {
    if (sequence % 3 === 0) continue;
    write(sequence);
    writer.endCommand();
    writer.flush();
    expect(reader.available()).toBeLessThanOrEqual(SLOTS);
  }
  const oldest = reader.window.f64[(reader.offsetAt(0) + EVENT.EVENT_SEQUENCE) >> 3];
  expect(oldest).toBe([1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16, 17, 19, 20].at(-SLOTS));
});

test('a command of 500 events goes through eight slots whole, in order, and only its last one is marked', () => {
  const seen: [sequence: number, isLast: boolean][] = [];
  const pair = createPair(() => {
    if (pair.reader.available() === 0) expect.fail('nothing was published, and yet the ring is full');
    seen.push(pair.read());
  });
  for (let sequence = 1; sequence <= 500; sequence++) pair.write(sequence);
  pair.writer.endCommand();
  expect(seen.length).toBeGreaterThan(400);
  pair.writer.flush();
  while (pair.reader.available() > 0) seen.push(pair.read());
  expect(seen).toEqual(Array.from({ length: 500 }, (_, index) => [index + 1, index === 499]));
});

test('a command without an event is a fault of ours', () => {
  expect(() => createPair().writer.endCommand()).toThrow(InvariantError);
});

test('a ring that could not hold a record and the one before it is refused', () => {
  const writer = new RingWriter(createRing(4, 1));
  expect(() => new EventWriter(writer, () => undefined)).toThrow(InvariantError);
});
