import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { partitionOf } from '../../../core/ports/event-feed.ts';
import { FeedStoppedError, WatermarkBeyondLogError } from '../../../workers/bus/feed-errors.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { EventStore, PARTITIONS, StoringConsumer } from './event-store.ts';
import type { FeedUnderTest } from './feed-under-test.ts';
import { writtenLog } from './written-log.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const isLong = process.env.RINGBOOK_TEST_LONG === '1';

/** What both feeds promise. @param open a feed of the running test, with nothing of another one's in it */
export function feedContract(name: string, open: () => FeedUnderTest): void {
  describe(`${name}: the contract of event feeds (SEED=${seed})`, () => {
    test('every event comes once, each partition in order, to each consumer', async () => {
      const { folder, events } = await writtenLog(seed, 300);
      const stores = [new EventStore(), new EventStore()];
      const consumers = stores.map((store, index) => new StoringConsumer(`store${index}`, store));
      const feed = open().start({ folder, endSequence: () => events.length, consumers, batchEvents: 37 });
      await feed.progress.settledThrough(events.length);
      for (const store of stores) store.expectAll(events);
      expect(feed.failures).toEqual([]);
      await feed.stop();
    });

    test('one consumer is waited for while another one stands still', async () => {
      const { folder, events } = await writtenLog(seed, 100);
      const stores = [new EventStore(), new EventStore()] as const;
      const release = Promise.withResolvers<void>();
      const consumers = [
        new StoringConsumer('quick', stores[0]),
        new StoringConsumer('slow', stores[1], () => release.promise),
      ];
      const feed = open().start({ folder, endSequence: () => events.length, consumers });
      await feed.progress.settledThrough(events.length, 'quick');
      stores[0].expectAll(events);
      let isSettled = false;
      const settled = feed.progress.settledThrough(events.length).then(() => {
        isSettled = true;
      });
      await nextTurn();
      expect([isSettled, stores[1].batchCount]).toEqual([false, 0]);
      release.resolve();
      await settled;
      stores[1].expectAll(events);
      await feed.stop();
    });

    test('a consumer goes on from its own watermarks, each partition from its own', async () => {
      const { folder, events } = await writtenLog(seed, 200);
      const random = new RandomIntegers(seed);
      const watermarks = Array.from({ length: PARTITIONS }, (_, partition) => {
        const own = events.filter((event) => partitionOf(event, PARTITIONS) === partition);
        return own[random.below(own.length + 1) - 1]?.eventSequence ?? 0;
      });
      const store = new EventStore(watermarks);
      const consumers = [new StoringConsumer('store', store)];
      const feed = open().start({ folder, endSequence: () => events.length, consumers });
      await feed.progress.settledThrough(events.length);
      store.expectAll(events.filter((event) => event.eventSequence > watermarks[partitionOf(event, PARTITIONS)]!));
      await feed.stop();
    });

    test('nothing beyond the announced end is read; a wake at any moment is heard', async () => {
      const { folder, events } = await writtenLog(seed, 100);
      let end = 0;
      const store = new EventStore();
      const consumers = [new StoringConsumer('store', store)];
      const feed = open().start({ folder, endSequence: () => end, consumers, batchEvents: 5 });
      for (end = 1; end < events.length; end += 1) {
        feed.progress.wake();
        if (end % 3 === 0) await nextTurn(); // in the middle of a delivery, or asleep
        if (end % 50 !== 0) continue;
        await feed.progress.settledThrough(end);
        store.expectAll(events.slice(0, end));
      }
      feed.progress.wake();
      await feed.progress.settledThrough(events.length);
      store.expectAll(events);
      await feed.stop();
    });

    test('partitions in which nothing happens move their watermarks when asked', async () => {
      const { folder, events } = await writtenLog(seed, 200);
      const store = new EventStore(Array(64).fill(0)); // far more than there are instruments
      const told: number[] = [];
      const feed = open().start({
        folder,
        endSequence: () => events.length,
        consumers: [new StoringConsumer('store', store)],
        onAdvance: (durableSequence) => told.push(durableSequence),
        partitionCount: 64,
      });
      await feed.progress.settledThrough(events.length);
      expect(Math.min(...store.watermarks)).toBeLessThan(events.length);
      feed.progress.advanceWatermarks();
      await waitUntil(() => feed.progress.durableSequence === events.length, 'every watermark at the end of the log');
      expect(store.watermarks).toEqual(Array(64).fill(events.length));
      expect(told.at(-1)).toBe(events.length);
      expect(told).toEqual([...told].sort((one, other) => one - other));
      store.expectAll(events);
      await feed.stop();
    });

    test('a batch that fails for good stops its partition and is told once; the others go on', async () => {
      const { folder, events } = await writtenLog(seed, 300);
      const middle = Math.floor(events.length / 2);
      const store = new EventStore();
      const fail = (error: string): never => {
        throw new Error(error);
      };
      const triedAfter: number[] = [];
      const consumer = new StoringConsumer('store', store, ({ partition, beforeSequence, lastSequence }) => {
        if (partition !== 1 || lastSequence < middle) return;
        triedAfter.push(beforeSequence);
        fail('no such account');
      });
      const feed = open().start({ folder, endSequence: () => events.length, consumers: [consumer], batchEvents: 20 });
      const others = [0, 2, 3, 4, 5, 6, 7];
      await waitUntil(() => feed.failures.length > 0, 'a failure');
      const expected = events.filter((event) => partitionOf(event, PARTITIONS) !== 1);
      await waitUntil(
        () => others.reduce((count, partition) => count + store.taken[partition]!.length, 0) === expected.length,
        'the events of all other partitions',
      );
      store.expectAll(events, others);
      expect(store.taken[1]!.every(({ eventSequence }) => eventSequence < middle)).toBe(true);
      expect(feed.failures).toEqual([{ consumer: 'store', partition: 1, error: expect.any(Error) }]);
      expect(feed.failures[0]!.error.message).toBe('no such account');
      // The last batch again and again; before it perhaps larger ones that it was the end of.
      expect(triedAfter.slice(-6)).toEqual(Array(6).fill(store.watermarks[1]));
      await feed.stop();
    });

    test('a batch that fails is tried again in place while the others go on, and nothing is passed over', async () => {
      const { folder, events } = await writtenLog(seed, 300);
      const store = new EventStore();
      const othersAreDone = Promise.withResolvers<void>();
      let tries = 0;
      const consumer = new StoringConsumer('store', store, async ({ partition }) => {
        if (partition !== 1) return;
        tries += 1;
        if (tries % 3 === 0) return; // each batch comes through with its third try
        if (tries === 2) await othersAreDone.promise;
        throw new Error('not now');
      });
      const feed = open().start({ folder, endSequence: () => events.length, consumers: [consumer], batchEvents: 20 });
      const others = [0, 2, 3, 4, 5, 6, 7];
      await waitUntil(() => others.every((partition) => store.hasAll(events, partition)), 'the other partitions');
      expect(store.taken[1]).toEqual([]);
      othersAreDone.resolve();
      await feed.progress.settledThrough(events.length);
      store.expectAll(events);
      expect([feed.failures, store.gapCount, tries]).toEqual([[], 0, expect.toSatisfy((count) => count >= 3)]);
      await feed.stop();
    });

    test('with failures anywhere, before and after a batch took effect, while the log grows, every event has its effect once', async () => {
      const { folder, events } = await writtenLog(seed, 400);
      const random = new RandomIntegers(seed);
      const store = new EventStore();
      const failedInARow = new Map<number, number>();
      const consumer = new StoringConsumer('store', store, (batch) => {
        const failed = failedInARow.get(batch.partition) ?? 0;
        if (failed === 3 || !random.onceIn(3)) {
          failedInARow.set(batch.partition, 0);
          return;
        }
        failedInARow.set(batch.partition, failed + 1);
        if (random.onceIn(4)) store.apply(batch);
        throw new Error('now and then');
      });
      let end = 0;
      const feed = open().start({ folder, endSequence: () => end, consumers: [consumer], batchEvents: 9 });
      while (end < events.length) {
        end = Math.min(events.length, end + random.between(1, 40));
        feed.progress.wake();
        if (random.onceIn(3)) feed.progress.advanceWatermarks();
        await sleep(random.between(0, 20)); // among pauses of 5, 10 and 20 ms
      }
      await feed.progress.settledThrough(events.length);
      store.expectAll(events);
      expect([feed.failures, store.gapCount, store.trimmedCount]).toEqual([[], 0, 0]);
      await feed.stop();
    });

    test('a batch that was applied although it failed is not applied again', async () => {
      const { folder, events } = await writtenLog(seed, 200);
      const store = new EventStore();
      const random = new RandomIntegers(seed);
      const consumer = new StoringConsumer('store', store, (batch) => {
        if (random.below(3) > 0) return;
        store.apply(batch);
        throw new Error('its answer was lost');
      });
      const feed = open().start({ folder, endSequence: () => events.length, consumers: [consumer], batchEvents: 7 });
      await feed.progress.settledThrough(events.length);
      store.expectAll(events);
      expect(feed.failures).toEqual([]);
      await feed.stop();
    });

    test('stopped and started anywhere, with batches cut otherwise each time, every event has its effect once', async () => {
      const { folder, events } = await writtenLog(seed, 400);
      const random = new RandomIntegers(seed);
      const store = new EventStore();
      const underTest = open();
      for (let round = 0; round < (isLong ? 30 : 6); round++) {
        const batchEvents = random.between(1, 60);
        let allowed = random.between(1, 30);
        const reached = Promise.withResolvers<void>();
        const consumer = new StoringConsumer('store', store, () => {
          allowed -= 1;
          if (allowed <= 0) reached.resolve();
        });
        const feed = underTest.start({ folder, endSequence: () => events.length, consumers: [consumer], batchEvents });
        await Promise.race([reached.promise, feed.progress.settledThrough(events.length)]).catch(() => {});
        await feed.stop();
      }
      const consumers = [new StoringConsumer('store', store)];
      const last = underTest.start({ folder, endSequence: () => events.length, consumers });
      await last.progress.settledThrough(events.length);
      store.expectAll(events);
      expect(last.failures).toEqual([]);
      await last.stop();
    });

    test('a consumer that knows more than the log is stopped: its events are lost', async () => {
      const { folder, events } = await writtenLog(seed, 20);
      const store = new EventStore([0, 0, events.length + 1, 0, 0, 0, 0, 0]);
      const consumers = [new StoringConsumer('store', store)];
      const feed = open().start({ folder, endSequence: () => events.length, consumers });
      await expect(feed.progress.settledThrough(1)).rejects.toThrow(WatermarkBeyondLogError);
      expect(feed.failures).toMatchObject([{ consumer: 'store', partition: null }]);
      await feed.stop();
    });

    test('who waits when it stops is told so', async () => {
      const { folder, events } = await writtenLog(seed, 20);
      const consumers = [new StoringConsumer('store', new EventStore())];
      const feed = open().start({ folder, endSequence: () => events.length, consumers });
      const waiting = expect(feed.progress.settledThrough(events.length + 1)).rejects.toThrow(FeedStoppedError);
      await feed.stop();
      await waiting;
      await expect(feed.progress.settledThrough(events.length + 1)).rejects.toThrow(FeedStoppedError);
      expect(feed.failures).toEqual([]);
    });
  });
}
