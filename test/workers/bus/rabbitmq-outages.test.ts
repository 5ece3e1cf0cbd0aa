import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test, vi } from 'vitest';
import type { PrivateRabbitmq, PrivateRabbitmqSettings } from '../../../main/services/private-rabbitmq.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { startRabbitmq } from '../../support/servers/test-servers.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { EventStore, PARTITIONS, StoringConsumer } from './event-store.ts';
import { freshNamespace, startFeed } from './rabbitmq-feed.ts';
import { writtenLog } from './written-log.ts';

vi.setConfig({ testTimeout: 400_000 }); // a broker's start takes seconds, on a loaded machine a minute

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const rounds = process.env.RINGBOOK_TEST_LONG === '1' ? 20 : 2;
/** A delivery may be kept for half a second; it is looked at twice as often. */
const brokerSettings = { consumer_timeout: 500, channel_tick_interval: 250 };

let rabbitmq: PrivateRabbitmq;

beforeAll(async () => {
  rabbitmq = await startRabbitmq();
}, 200_000);

/** Starts the broker again at the same ports, with what its folder holds by now. */
async function startAgain(more: Pick<PrivateRabbitmqSettings, 'brokerSettings'> = {}): Promise<void> {
  const { folder, ports } = rabbitmq;
  rabbitmq = await startRabbitmq({ folder, ports, ...more });
}

test(`the broker is killed with confirms outstanding, again and again: every event has its effect once (SEED=${seed})`, {
  timeout: 200_000 + rounds * 60_000,
}, async () => {
  const random = new RandomIntegers(seed);
  const { folder, events } = await writtenLog(seed, 300 * rounds);
  const store = new EventStore();
  let end = 0;
  const feed = startFeed({
    folder,
    namespace: freshNamespace(),
    url: rabbitmq.url,
    endSequence: () => end,
    consumers: [new StoringConsumer('store', store)],
    batchEvents: 2,
    publisher: { times: { openTimeoutMs: 15_000 } },
  });
  for (let round = 0; round < rounds; round++) {
    const goal = Math.floor(((round + 1) / (rounds + 1)) * events.length);
    const killAt = random.between(end + 1, goal);
    for (; end < goal; end++) {
      feed.progress.wake();
      if (random.onceIn(4)) await sleep(1);
      if (end === killAt) await rabbitmq.kill();
    }
    await startAgain();
    await feed.progress.settledThrough(goal);
    store.expectAll(events.slice(0, goal));
  }
  end = events.length;
  feed.progress.wake();
  await feed.progress.settledThrough(end);
  store.expectAll(events);
  expect(feed.failures).toEqual([]);
  await feed.stop();
});

test('a broker that comes back with an empty disk, in a quiet market, delivers what came before and while it was away', async () => {
  const { folder, events } = await writtenLog(seed, 300);
  const store = new EventStore();
  let end = Math.floor(events.length / 3);
  let isOpen = true;
  const consumer = new StoringConsumer('store', store, async () => {
    while (!isOpen) await sleep(5);
  });
  const feed = startFeed({
    folder,
    namespace: freshNamespace(),
    url: rabbitmq.url,
    endSequence: () => end,
    consumers: [consumer],
    batchEvents: 3,
  });
  await feed.progress.settledThrough(end);
  isOpen = false; // what follows is in the queues when they vanish
  end = Math.floor((2 * events.length) / 3);
  feed.progress.wake();
  const { publisher } = feed.published;
  await waitUntil(() => publisher.positions()[0]!.publishedSequence >= end, 'messages in the queues');
  await rabbitmq.kill();
  end = events.length;
  feed.progress.wake(); // trading goes on while the broker is away
  isOpen = true;
  rmSync(join(rabbitmq.folder, 'mnesia'), { recursive: true });
  await startAgain();
  await feed.progress.settledThrough(end); // nobody wakes it any more
  store.expectAll(events);
  expect(feed.failures).toEqual([]);
  await feed.stop();
});

test('a publisher and a worker that start before their broker is there begin when it comes', async () => {
  const { folder, events } = await writtenLog(seed, 100);
  const store = new EventStore();
  await rabbitmq.kill();
  const feed = startFeed({
    folder,
    namespace: freshNamespace(),
    url: rabbitmq.url,
    endSequence: () => events.length,
    consumers: [new StoringConsumer('store', store)],
  });
  await sleep(1_500); // an attempt or two
  await startAgain();
  await feed.progress.settledThrough(events.length);
  store.expectAll(events);
  await feed.stop();
});

test('a broker that hangs is given up; when it goes on, so does the feed', async () => {
  const { folder, events } = await writtenLog(seed, 200);
  const store = new EventStore();
  let end = Math.floor(events.length / 2);
  const feed = startFeed({
    folder,
    namespace: freshNamespace(),
    url: rabbitmq.url,
    endSequence: () => end,
    consumers: [new StoringConsumer('store', store)],
    batchEvents: 3,
  });
  await feed.progress.settledThrough(end);
  rabbitmq.signal('SIGSTOP');
  try {
    end = events.length;
    feed.progress.wake();
    const isGivenUp = (troubles: readonly string[]): boolean => troubles.some((text) => text.includes('connection'));
    await waitUntil(() => isGivenUp(feed.published.troubles), 'the publisher to give it up');
    await waitUntil(() => isGivenUp(feed.subscribed.troubles), 'the worker to give it up');
  } finally {
    rabbitmq.signal('SIGCONT');
  }
  await feed.progress.settledThrough(end);
  store.expectAll(events);
  expect(feed.failures).toEqual([]);
  await feed.stop();
});

test('a queue that the broker has kept the name of, and nothing else, is declared anew', async () => {
  const { folder, events } = await writtenLog(seed, 200);
  const store = new EventStore([0, 0]); // it takes the broker seconds to delete each
  let end = Math.floor(events.length / 2);
  const feed = startFeed({
    folder,
    namespace: freshNamespace(),
    url: rabbitmq.url,
    endSequence: () => end,
    consumers: [new StoringConsumer('store', store)],
    partitionCount: 2,
    publisher: { times: { openTimeoutMs: 10_000 } },
    subscriber: { openTimeoutMs: 10_000 },
  });
  await feed.progress.settledThrough(end);
  await rabbitmq.kill();
  const mnesia = join(rabbitmq.folder, 'mnesia');
  const registers = readdirSync(mnesia, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /names\.dets$/.test(path),
  );
  for (const path of registers) rmSync(join(mnesia, path)); // as a kill just after the declaration leaves it
  await startAgain();
  end = events.length;
  feed.progress.wake();
  await feed.progress.settledThrough(end);
  store.expectAll(events);
  expect(feed.published.troubles.some((text) => text.includes('does not answer'))).toBe(true);
  await feed.stop();
});

test('a batch kept longer than the broker allows comes again; the late acknowledgement does no harm', async () => {
  const { folder, events } = await writtenLog(seed, 150);
  await rabbitmq.kill();
  await startAgain({ brokerSettings });
  const store = new EventStore();
  const gate = Promise.withResolvers<void>();
  const consumer = new StoringConsumer('store', store, ({ partition }) => (partition === 1 ? gate.promise : undefined));
  const feed = startFeed({
    folder,
    namespace: freshNamespace(),
    url: rabbitmq.url,
    endSequence: () => events.length,
    consumers: [consumer],
    batchEvents: 4,
    subscriber: { prefetch: 2 },
  });
  const isLate = (text: string): boolean => text.includes('timeout') || text.includes('timed out');
  await waitUntil(() => feed.subscribed.troubles.some(isLate), 'the broker to lose its patience');
  const subscribed = (): readonly number[] => feed.subscribed.subscriber.positions()[0]!.subscribedPartitions;
  await waitUntil(() => subscribed().length === PARTITIONS, 'the partition to be subscribed again');
  gate.resolve();
  await feed.progress.settledThrough(events.length);
  store.expectAll(events);
  expect(feed.failures).toEqual([]);
  await feed.stop();
});
