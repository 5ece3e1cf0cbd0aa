import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { InvariantError } from '../../../core/assert.ts';
import { type EventBatch, type EventConsumer, partitionOf } from '../../../core/ports/event-feed.ts';
import type { ExchangeEvent } from '../../../core/protocol/event-decoder.ts';
import { EmbeddedFeed } from '../../../workers/bus/embedded-feed.ts';
import { PartitionStoppedError } from '../../../workers/bus/feed-errors.ts';
import type { FeedFailure } from '../../../workers/bus/feed-settings.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { PARTITIONS } from './event-store.ts';
import { writtenLog } from './written-log.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

/** Takes events down, and checks on the way that its partitions get theirs without a gap. */
class Notebook implements EventConsumer {
  readonly name = 'notebook';
  readonly taken: ExchangeEvent[] = [];
  readonly batchSizes: number[] = [];
  readonly #watermarks: number[];
  readonly #failAt: number;
  readonly #partitionCount: number;

  constructor(watermarks: readonly number[], failAt = Infinity, partitionCount = PARTITIONS) {
    this.#watermarks = [...watermarks];
    this.#failAt = failAt;
    this.#partitionCount = partitionCount;
  }

  async watermarks(): Promise<readonly number[]> {
    return [...this.#watermarks];
  }

  async consume({ partition, beforeSequence, lastSequence, events }: EventBatch): Promise<void> {
    await nextTurn();
    expect(beforeSequence).toBe(this.#watermarks[partition]);
    expect(lastSequence).toBeGreaterThan(beforeSequence);
    expect(lastSequence).toBeGreaterThanOrEqual(events.at(-1)?.eventSequence ?? 0);
    for (const event of events) {
      expect(partitionOf(event, this.#partitionCount)).toBe(partition);
      if (event.eventSequence >= this.#failAt && partition === 1) throw new Error(`event ${event.eventSequence}`);
    }
    this.taken.push(...events);
    if (events.length > 0) this.batchSizes.push(events.length);
    this.#watermarks[partition] = lastSequence;
  }
}

function feedOf(folder: string, end: () => number, batchEvents = 37) {
  const failures: FeedFailure[] = [];
  const onFailure = (failure: FeedFailure): void => void failures.push(failure);
  const settings = { folder, partitionCount: PARTITIONS, endSequence: end, onFailure, batchEvents, firstPauseMs: 5 };
  const feed = new EmbeddedFeed(settings);
  return { feed, failures };
}

function bySequence(events: readonly ExchangeEvent[]): ExchangeEvent[] {
  return [...events].sort((one, other) => one.eventSequence - other.eventSequence);
}

test(`every event is delivered once, each partition in order, in bounded batches (SEED=${seed})`, async () => {
  const { folder, events } = await writtenLog(seed, 300);
  const { feed, failures } = feedOf(folder, () => events.length);
  const notebook = new Notebook(Array(PARTITIONS).fill(0));
  feed.subscribe(notebook);
  await feed.settledThrough(events.length);
  expect(bySequence(notebook.taken)).toEqual(events);
  expect(Math.max(...notebook.batchSizes)).toBeLessThanOrEqual(37);
  expect(feed.positions()).toMatchObject([
    { consumer: 'notebook', consumedSequence: events.length, failedPartitions: [] },
  ]);
  expect(failures).toEqual([]);
  await feed.stop();
});

test('after an orderly end every partition stands at the end of the log, the ones that never had an event too', async () => {
  const { folder, events } = await writtenLog(seed, 200);
  const partitionCount = 64; // far more than there are instruments
  const settings = { folder, partitionCount, endSequence: () => events.length, onFailure: () => {} };
  const notebook = new Notebook(Array(partitionCount).fill(0), Infinity, partitionCount);
  const feed = new EmbeddedFeed(settings);
  feed.subscribe(notebook);
  await feed.settledThrough(events.length);
  await feed.stop();
  expect(await notebook.watermarks()).toEqual(Array(partitionCount).fill(events.length));

  const next = new Notebook(await notebook.watermarks(), Infinity, partitionCount);
  const nextFeed = new EmbeddedFeed(settings);
  nextFeed.subscribe(next);
  await nextFeed.settledThrough(events.length);
  await nextFeed.stop();
  expect(next.taken).toEqual([]);
});

test('at rest it has no timer and reads nothing until it is woken', async () => {
  const { folder, events } = await writtenLog(seed, 50);
  let end = 10;
  const { feed } = feedOf(folder, () => end);
  const notebook = new Notebook(Array(PARTITIONS).fill(0));
  feed.subscribe(notebook);
  await feed.settledThrough(10);
  await nextTurn();
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  end = events.length;
  for (let turn = 0; turn < 50; turn++) await nextTurn();
  expect(notebook.taken).toHaveLength(10);
  expect(timers()).toBeLessThanOrEqual(before);
  await feed.stop();
});

test('who waits for a partition that has failed, or asks later, is told why', async () => {
  const { folder, events } = await writtenLog(seed, 300);
  const { feed, failures } = feedOf(folder, () => events.length);
  feed.subscribe(new Notebook(Array(PARTITIONS).fill(0), Math.floor(events.length / 2)));
  const reason = /^notebook has stopped at partition 1: event \d+$/;
  await expect(feed.settledThrough(events.length)).rejects.toThrow(reason);
  await expect(feed.settledThrough(1)).rejects.toThrow(PartitionStoppedError);
  const { failedPartitions, consumedSequence, durableSequence } = feed.positions()[0]!;
  expect(failedPartitions).toEqual([1]);
  expect(consumedSequence).toBeLessThan(Math.floor(events.length / 2));
  expect(consumedSequence).toBeGreaterThanOrEqual(durableSequence);
  expect(failures).toHaveLength(1);
  await feed.stop();
});

test('who asks before the watermarks are known is answered, though nothing new comes', async () => {
  const { folder, events } = await writtenLog(seed, 20);
  const settings = { folder, partitionCount: 1, endSequence: () => events.length, onFailure: () => {} };
  const feed = new EmbeddedFeed(settings);
  await expect(feed.settledThrough(1)).rejects.toThrow(InvariantError); // nobody has subscribed
  const consume = (): Promise<void> => Promise.reject(new Error('nothing is left'));
  feed.subscribe({ name: 'done', watermarks: async () => [events.length], consume });
  await feed.settledThrough(events.length);
  await feed.stop();
});

test('the event loop is given back between batches', async () => {
  const { folder, events } = await writtenLog(seed, 300);
  const { feed } = feedOf(folder, () => events.length, 10);
  // Its effect takes no turn of the event loop at all.
  const consume = async (): Promise<void> => {};
  feed.subscribe({ name: 'prompt', watermarks: async () => Array(PARTITIONS).fill(0), consume });
  let turns = 0;
  const counting = (async () => {
    while (feed.positions()[0]!.consumedSequence < events.length) {
      turns += 1;
      await nextTurn();
    }
  })();
  await feed.settledThrough(events.length);
  await counting;
  expect(turns).toBeGreaterThanOrEqual(Math.floor(events.length / 10));
  await feed.stop();
});

test('a stop while watermarks are being moved is not missed', { timeout: 20_000 }, async () => {
  const { folder, events } = await writtenLog(seed, 50);
  for (let turns = 0; turns < 12; turns++) {
    const { feed } = feedOf(folder, () => events.length);
    feed.subscribe(new Notebook(Array(PARTITIONS).fill(0)));
    await feed.settledThrough(events.length);
    await new Promise(setImmediate);
    feed.advanceWatermarks();
    for (let turn = 0; turn < turns; turn++) await null;
    await feed.stop();
  }
});

test('a stop does not wait for a partition that is tried again, and tells nobody that it has stopped', async () => {
  const { folder, events } = await writtenLog(seed, 100);
  const failures: FeedFailure[] = [];
  const troubles: string[] = [];
  const feed = new EmbeddedFeed({
    folder,
    partitionCount: PARTITIONS,
    endSequence: () => events.length,
    onFailure: (failure) => failures.push(failure),
    onTrouble: (text) => troubles.push(text),
    firstPauseMs: 600_000,
  });
  feed.subscribe(new Notebook(Array(PARTITIONS).fill(0), 0));
  await waitUntil(() => troubles.length > 0, 'a first attempt');
  expect(troubles[0]).toMatch(/^notebook, partition 1: attempt 1 failed: event/);
  await feed.stop();
  expect(failures).toEqual([]);
});

test('a watermark that quiet partitions fail to move is tried as often as a batch', async () => {
  const { folder, events } = await writtenLog(seed, 50);
  const { feed, failures } = feedOf(folder, () => events.length);
  const quiet = [...Array(PARTITIONS).keys()].find((partition) =>
    events.every((event) => partitionOf(event, PARTITIONS) !== partition),
  )!;
  let tries = 0;
  const consume = async ({ partition }: EventBatch): Promise<void> => {
    if (partition !== quiet) return;
    tries += 1;
    throw new Error('no');
  };
  feed.subscribe({ name: 'stuck', watermarks: async () => Array(PARTITIONS).fill(0), consume });
  await feed.settledThrough(events.length);
  feed.advanceWatermarks();
  await waitUntil(() => failures.length > 0, 'it stops');
  expect([failures[0]!.partition, tries]).toEqual([quiet, 6]);
  await feed.stop();
});
