import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { SLOT_BYTES } from '../../../core/protocol/record-window.ts';
import { createRing, type RingBuffers, RingReader, RingWriter, ringFill } from '../../../core/ring/ring.ts';
import { RandomIntegers } from '../../support/random-integers.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

/** @param position where writer and readers begin, as if that many slots had passed */
function ringAt(position: number, slotCount: number, readerCount: number): RingBuffers {
  const ring = createRing(slotCount, readerCount);
  const words = new Int32Array(ring.positions);
  for (let word = 0; word <= readerCount; word++) words[word * 32] = position;
  return ring;
}

function write(writer: RingWriter, values: readonly number[]): void {
  values.forEach((value, index) => {
    writer.window.f64[writer.offsetAt(index) >> 3] = value;
  });
  writer.publish(values.length);
}

function read(reader: RingReader, count = reader.available()): number[] {
  const values = Array.from({ length: count }, (_, index) => reader.window.f64[reader.offsetAt(index) >> 3]!);
  reader.release(count);
  return values;
}

const STARTS = [0, 1, 7, -1, -3, 2 ** 31 - 1, 2 ** 31 - 3, -(2 ** 31), -(2 ** 31) + 2];

test('slots come out in order, over the end of the ring and of the positions', () => {
  for (const start of STARTS) {
    const ring = ringAt(start, 4, 1);
    const writer = new RingWriter(ring);
    const reader = new RingReader(ring, 0);
    for (let value = 0; value < 40; value += 3) {
      write(writer, [value, value + 1, value + 2]);
      expect(read(reader), `start ${start}`).toEqual([value, value + 1, value + 2]);
    }
  }
});

test('how full a ring is follows its slowest reader, at any position', () => {
  for (const start of STARTS) {
    const ring = ringAt(start, 4, 2);
    const writer = new RingWriter(ring);
    const [quick, slow] = [new RingReader(ring, 0), new RingReader(ring, 1)];
    expect(ringFill(ring)).toEqual({ usedSlots: 0, slotCount: 4 });
    write(writer, [1, 2, 3]);
    read(quick);
    expect(ringFill(ring), `start ${start}`).toEqual({ usedSlots: 3, slotCount: 4 });
    read(slow, 1);
    expect(ringFill(ring).usedSlots).toBe(2);
    write(writer, [4, 5]);
    expect(ringFill(ring).usedSlots).toBe(4);
    read(slow);
    expect(ringFill(ring).usedSlots).toBe(2);
  }
});

test('empty and full are told apart at any position', () => {
  for (const start of STARTS) {
    const ring = ringAt(start, 4, 1);
    const writer = new RingWriter(ring);
    const reader = new RingReader(ring, 0);
    expect(writer.freeSlots()).toBe(4);
    expect(reader.available()).toBe(0);
    write(writer, [1, 2, 3, 4]);
    expect(writer.freeSlots(), `start ${start}`).toBe(0);
    expect(reader.available()).toBe(4);
    expect(read(reader, 1)).toEqual([1]);
    expect(writer.freeSlots()).toBe(1);
    write(writer, [5]);
    expect(writer.freeSlots()).toBe(0);
    expect(read(reader)).toEqual([2, 3, 4, 5]);
    expect(writer.freeSlots(4)).toBe(4);
  }
});

test('the slowest reader holds the writer, whichever it is', () => {
  for (const slow of [0, 1]) {
    const ring = ringAt(2 ** 31 - 2, 8, 2);
    const writer = new RingWriter(ring);
    const readers = [new RingReader(ring, 0), new RingReader(ring, 1)];
    write(writer, [1, 2, 3, 4, 5, 6, 7, 8]);
    read(readers[1 - slow]!);
    expect(writer.freeSlots()).toBe(0);
    expect(read(readers[slow]!, 3)).toEqual([1, 2, 3]);
    expect(writer.freeSlots(4)).toBe(3);
    expect(readers[1 - slow]!.available()).toBe(0);
    expect(readers[slow]!.available()).toBe(5);
  }
});

test('a writer and a reader made later go on where the ring stands', () => {
  const ring = ringAt(2 ** 31 - 1, 4, 2);
  write(new RingWriter(ring), [1, 2, 3]);
  read(new RingReader(ring, 0), 3);
  read(new RingReader(ring, 1), 1);
  const writer = new RingWriter(ring);
  expect(writer.freeSlots(4)).toBe(2);
  write(writer, [4]);
  expect(read(new RingReader(ring, 1))).toEqual([2, 3, 4]);
});

test('sizes that are no power of two, and readers that do not exist, are refused', () => {
  for (const slotCount of [0, 1, 3, 12, 2 ** 25]) expect(() => createRing(slotCount, 1)).toThrow(/ring of/);
  expect(() => new RingReader(createRing(2, 1), 1)).toThrow(/no reader 1/);
});

test(`whatever the order of acts, every reader gets every slot once and in order (SEED=${seed})`, () => {
  const random = new RandomIntegers(seed);
  for (let round = 0; round < 60; round++) {
    const slotCount = random.oneOf([2, 4, 16, 64]);
    const readerCount = random.between(1, 3);
    const ring = ringAt(random.oneOf([...STARTS, 2 ** 31 - random.below(200)]), slotCount, readerCount);
    const writer = new RingWriter(ring);
    const readers = Array.from({ length: readerCount }, (_, reader) => ({
      ring: new RingReader(ring, reader),
      next: 0,
    }));
    let written = 0;
    for (let act = 0; act < 400; act++) {
      if (random.onceIn(2)) {
        const free = writer.freeSlots(random.between(1, slotCount));
        const slowest = Math.min(...readers.map(({ next }) => next));
        expect(free).toBeLessThanOrEqual(slotCount - (written - slowest));
        const count = random.below(free + 1);
        write(
          writer,
          Array.from({ length: count }, () => written++),
        );
      } else {
        const reader = random.oneOf(readers);
        const available = reader.ring.available();
        expect(available).toBe(written - reader.next);
        for (const value of read(reader.ring, random.below(available + 1))) expect(value).toBe(reader.next++);
      }
    }
  }
});

test('two threads pass every slot through a small ring, whole and in order', async () => {
  const ring = ringAt(2 ** 31 - 50_000, 64, 1);
  const count = 200_000;
  const url = new URL('../../../core/ring/ring.ts', import.meta.url).href;
  const producer = `
    const { workerData, parentPort } = require('node:worker_threads');
    import(workerData.url).then(({ RingWriter }) => {
      const writer = new RingWriter(workerData.ring);
      let next = 0;
      while (next < workerData.count) {
        const free = Math.min(writer.freeSlots(), workerData.count - next);
        for (let index = 0; index < free; index++) {
          const at = writer.offsetAt(index) >> 3;
          for (let word = 0; word < ${SLOT_BYTES / 8}; word++) writer.window.f64[at + word] = next * 16 + word;
          next += 1;
        }
        if (free > 0) writer.publish(free);
        else Atomics.wait(workerData.pause, 0, 0, 0.1);
      }
    });
  `;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(producer, { eval: true, workerData: { ring, count, url, pause } });
  const reader = new RingReader(ring, 0);
  const positions = new Int32Array(ring.positions);
  let next = 0;
  let wrong = 0;
  const deadlineMs = performance.now() + 20_000;
  while (next < count) {
    const available = reader.available();
    for (let index = 0; index < available; index++) {
      const at = reader.offsetAt(index) >> 3;
      for (let word = 0; word < SLOT_BYTES / 8; word++)
        if (reader.window.f64[at + word] !== next * 16 + word) wrong += 1;
      next += 1;
    }
    reader.release(available);
    if (available === 0) {
      if (performance.now() > deadlineMs) throw new Error(`only ${next} slots came`);
      await new Promise(setImmediate);
      Atomics.wait(positions, 0, positions[0]!, 0.1);
    }
  }
  await worker.terminate();
  expect(wrong).toBe(0);
  expect(positions[0]).toBe((2 ** 31 - 50_000 + count) | 0);
});
