import { expect, test } from 'vitest';
import { partitionOf } from '../../../core/ports/event-feed.ts';
import { EVENT, eventSlots } from '../../../core/protocol/event-record.ts';
import { RecordWindow, SLOT_BYTES } from '../../../core/protocol/record-window.ts';
import { LaneReader } from '../../../workers/bus/lane-reader.ts';
import { PublisherLane } from '../../../workers/bus/publisher-lane.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { PARTITIONS } from './event-store.ts';
import { writtenLog } from './written-log.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

interface SentBatch {
  readonly beforeSequence: number;
  readonly lastSequence: number;
  readonly sequences: readonly number[];
}

function sequencesOf(body: Buffer): number[] {
  const window = new RecordWindow(Uint8Array.from(body).buffer);
  const sequences: number[] = [];
  for (let at = 0; at < body.byteLength; at += eventSlots(window, at) * SLOT_BYTES)
    sequences.push(window.f64[(at + EVENT.EVENT_SEQUENCE) >> 3]!);
  return sequences;
}

test(`whatever lags, is confirmed late or rewound, each lane sends all of its events in order (SEED=${seed})`, async () => {
  const { folder, events } = await writtenLog(seed, 400);
  const random = new RandomIntegers(seed);
  for (let round = 0; round < 20; round++) {
    const [batchEvents, windowBatches] = [random.between(1, 9), random.between(1, 5)];
    const begins = Array.from({ length: PARTITIONS }, () => (random.onceIn(2) ? 0 : random.below(events.length)));
    const lanes = begins.map((watermark, partition) => {
      return new PublisherLane({ partition, queue: `${partition}`, watermark, batchEvents, windowBatches });
    });
    const consumed = begins.map((): number[] => []);
    const onTheWay = begins.map((): SentBatch[] => []);
    const flush = (lane: PublisherLane): void => {
      while (lane.isDue) {
        const { header, body } = lane.takeBatch();
        lane.unconfirmedBatches += 1;
        expect(header.eventCount).toBeLessThanOrEqual(batchEvents);
        onTheWay[lane.partition]!.push({ ...header, sequences: sequencesOf(body) });
        expect(onTheWay[lane.partition]!.length).toBeLessThanOrEqual(windowBatches);
      }
    };
    const reader = new LaneReader(folder, lanes, flush);
    let end = 0;
    const isDone = (): boolean => lanes.every(({ consumedSequence }) => consumedSequence >= events.length);
    for (let step = 0; !isDone(); step++) {
      if (step > 100_000) throw new Error('it does not come to an end');
      end = Math.min(events.length, end + random.below(40));
      while (reader.step(end)) {}
      const lane = random.oneOf(lanes);
      const own = onTheWay[lane.partition]!;
      if (random.onceIn(3)) lane.unconfirmedBatches = 0;
      if (random.onceIn(200)) {
        own.length = 0; // lost
        reader.rewind(lane, lane.watermark);
        continue;
      }
      const batch = own.shift();
      if (batch === undefined) continue;
      expect(batch.beforeSequence).toBe(lane.watermark);
      consumed[lane.partition]!.push(...batch.sequences);
      expect(lane.advance(batch.lastSequence)).toBe(true);
    }
    for (const [partition, begin] of begins.entries()) {
      const expected = events
        .filter((event) => partitionOf(event, PARTITIONS) === partition && event.eventSequence > begin)
        .map(({ eventSequence }) => eventSequence);
      expect(consumed[partition], `SEED=${seed} round=${round} partition=${partition}`).toEqual(expected);
    }
    reader.close();
  }
});

test('single events go at once when nothing is on its way; behind an unconfirmed batch they gather', async () => {
  const { folder, events } = await writtenLog(seed, 200);
  const lane = new PublisherLane({ partition: 0, queue: '', watermark: 0, batchEvents: 50, windowBatches: 9 });
  const counts: number[] = [];
  const reader = new LaneReader(folder, [lane], () => {
    while (lane.isDue) {
      counts.push(lane.takeBatch().header.eventCount);
      lane.unconfirmedBatches += 1;
    }
  });
  reader.step(1);
  expect(counts).toEqual([1]);
  for (let end = 2; end <= 31; end++) reader.step(end);
  expect(counts).toEqual([1]);
  lane.unconfirmedBatches = 0;
  reader.step(31);
  expect(counts).toEqual([1, 30]);
  reader.step(Math.min(events.length, 31 + 120));
  expect(counts).toEqual([1, 30, 50, 50]); // full ones need not wait
  reader.close();
});
