import { setTimeout as sleep } from 'node:timers/promises';
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { AmqpConnection } from '../../../workers/bus/amqp-connection.ts';
import { PoisonMessageError } from '../../../workers/bus/envelope.ts';
import { partitionQueue } from '../../../workers/bus/feed-topology.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { type RunningBroker, sharedRabbitmq } from '../../support/servers/test-servers.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { EventStore, PARTITIONS, StoringConsumer } from './event-store.ts';
import { type Fate, FaultyRelay } from './faulty-relay.ts';
import { freshNamespace, startFeed, startPublisher, startSubscriber } from './rabbitmq-feed.ts';
import { writtenLog } from './written-log.ts';

vi.setConfig({ testTimeout: 180_000 }); // a loaded machine may take long; nothing is proved by how long

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const rounds = process.env.RINGBOOK_TEST_LONG === '1' ? 10 : 1;

let rabbitmq: RunningBroker;
const connections: ChannelModel[] = [];

beforeAll(async () => {
  rabbitmq = await sharedRabbitmq();
}, 200_000);

afterEach(async () => {
  for (const connection of connections.splice(0)) await connection.close().catch(() => {});
});

/** An operator's own connection. */
async function operatorChannel(): Promise<ConfirmChannel> {
  const connection = await connect(rabbitmq.url);
  connection.on('error', () => {});
  connections.push(connection);
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => {});
  return channel;
}

const faults: [string, (random: RandomIntegers) => () => Fate][] = [
  ['twice', () => () => ({ copies: 2 })],
  ['up to a hundred times', (random) => () => ({ copies: random.onceIn(4) ? random.between(2, 100) : 1 })],
  ['out of order', (random) => () => (random.onceIn(3) ? { copies: 0, isHeldBack: true } : { copies: 1 })],
  ['with holes', (random) => () => ({ copies: random.onceIn(5) ? 0 : 1 })],
  ['in any way', (random) => () => ({ copies: random.below(4), isHeldBack: random.onceIn(4) })],
];

test.each(faults)(
  `two workers at once, messages that come %s: every event has its effect once (SEED=${seed})`,
  async (_, fateOf) => {
    const random = new RandomIntegers(seed);
    for (let round = 0; round < rounds; round++) {
      const { folder, events } = await writtenLog(random.below(2 ** 31), 150);
      const [from, to] = [freshNamespace(), freshNamespace()];
      const store = new EventStore();
      const relay = await FaultyRelay.start(rabbitmq.url, [from, to], 'store', fateOf(random));
      const start = {
        folder,
        url: rabbitmq.url,
        endSequence: () => events.length,
        consumers: [new StoringConsumer('store', store)],
        batchEvents: random.between(1, 8),
      };
      const workers = [0, 1].map(() => {
        const consumers = [new StoringConsumer('store', store)];
        return startSubscriber({ ...start, consumers, namespace: to });
      });
      const times = { stallMs: 300, mendPauseMs: 50 };
      const published = startPublisher({ ...start, namespace: from, publisher: { times } });
      await published.publisher.settledThrough(events.length);
      store.expectAll(events);
      expect(relay.passedCount).toBeGreaterThan(0);
      for (const { failures } of workers) expect(failures).toEqual([]);
      await published.stop();
      await Promise.all(workers.map((worker) => worker.stop()));
      await relay.close();
    }
  },
);

test('of two workers one does it all; when it goes, the other takes over where it was', async () => {
  const { folder, events } = await writtenLog(seed, 300);
  const store = new EventStore();
  const batches = [0, 0];
  const namespace = freshNamespace();
  const gate = Promise.withResolvers<void>();
  const consumers = [0, 1].map((worker) => {
    return new StoringConsumer('store', store, async () => {
      batches[worker]! += 1;
      if (worker === 0 && batches[0]! > 10) await gate.promise;
    });
  });
  const start = { folder, namespace, url: rabbitmq.url, endSequence: () => events.length, batchEvents: 5 };
  const published = startPublisher({ ...start, consumers: [consumers[0]!] });
  const first = startSubscriber({ ...start, consumers: [consumers[0]!] });
  await waitUntil(
    () => first.subscriber.positions()[0]!.subscribedPartitions.length === PARTITIONS,
    'the first worker',
  );
  const second = startSubscriber({ ...start, consumers: [consumers[1]!] });
  await waitUntil(() => second.subscriber.positions()[0]!.subscribedPartitions.length === PARTITIONS, 'the second one');
  await waitUntil(() => batches[0]! > 10, 'the first worker at work');
  expect(batches[1]).toBe(0);
  const isStopped = first.stop(); // which waits for what is under way
  gate.resolve();
  await isStopped;
  await published.publisher.settledThrough(events.length);
  store.expectAll(events);
  expect(batches[1]).toBeGreaterThan(0);
  await published.stop();
  await second.stop();
});

test('a batch that fails now and then is tried again in place, in order, and nothing stops', async () => {
  const { folder, events } = await writtenLog(seed, 300);
  const random = new RandomIntegers(seed);
  const store = new EventStore();
  let failedCount = 0;
  const consumer = new StoringConsumer('store', store, () => {
    if (!random.onceIn(3)) return;
    failedCount += 1;
    throw new Error('the store is busy');
  });
  const feed = startFeed({
    folder,
    namespace: freshNamespace(),
    url: rabbitmq.url,
    endSequence: () => events.length,
    consumers: [consumer],
    batchEvents: 7,
    subscriber: { attempts: 50, firstPauseMs: 1e-6 },
  });
  await feed.progress.settledThrough(events.length);
  store.expectAll(events);
  expect(failedCount).toBeGreaterThan(0);
  expect(feed.failures).toEqual([]);
  expect(store.gapCount).toBe(0);
  await feed.stop();
});

test('an effect that is durable although its answer is lost is not applied again', async () => {
  const { folder, events } = await writtenLog(seed, 200);
  const store = new EventStore();
  const unanswered = new Set<string>();
  const consumer = new StoringConsumer('store', store, (batch) => {
    const key = `${batch.partition} ${batch.lastSequence}`;
    if (unanswered.has(key)) throw new Error('it came a second time');
    if (unanswered.size > 0 && batch.lastSequence % 3 !== 0) return; // one at least, however messages were joined
    unanswered.add(key);
    store.apply(batch);
    throw new Error('connection lost before the answer');
  });
  const start = { folder, namespace: freshNamespace(), url: rabbitmq.url, endSequence: () => events.length };
  const feed = startFeed({ ...start, consumers: [consumer], batchEvents: 4 });
  await feed.progress.settledThrough(events.length);
  store.expectAll(events);
  expect(unanswered.size).toBeGreaterThan(0);
  expect(feed.failures).toEqual([]);
  await feed.stop();
});

test('a slow partition holds up no other, and gets everything in the end', async () => {
  const { folder, events } = await writtenLog(seed, 600);
  const store = new EventStore();
  const gate = Promise.withResolvers<void>();
  const consumer = new StoringConsumer('store', store, ({ partition }) => (partition === 2 ? gate.promise : undefined));
  const feed = startFeed({
    folder,
    namespace: freshNamespace(),
    url: rabbitmq.url,
    endSequence: () => events.length,
    consumers: [consumer],
    batchEvents: 3,
    publisher: { windowBatches: 2 },
  });
  const others = [0, 1, 3, 4, 5, 6, 7];
  const countOf = (partitions: readonly number[]): number =>
    partitions.reduce((count, partition) => count + store.taken[partition]!.length, 0);
  const expected = events.filter((event) => 'instrumentId' in event && event.instrumentId % PARTITIONS === 2).length;
  await waitUntil(() => countOf(others) === events.length - expected, 'the events of all other partitions');
  store.expectAll(events, others);
  expect(store.taken[2]).toEqual([]);
  gate.resolve();
  await feed.progress.settledThrough(events.length);
  store.expectAll(events);
  await feed.stop();
});

test('the lag is the age of what waits longest, whoever consumes meanwhile, and of what a partition has stopped at', async () => {
  const { folder, events } = await writtenLog(seed, 300);
  let end = Math.floor(events.length / 2);
  const store = new EventStore();
  const gate = Promise.withResolvers<void>();
  let isBroken = false;
  const consumer = new StoringConsumer('store', store, async ({ partition }) => {
    if (partition !== 2) return;
    await gate.promise;
    if (isBroken) throw new Error('no');
  });
  const feed = startFeed({
    folder,
    namespace: freshNamespace(),
    url: rabbitmq.url,
    endSequence: () => end,
    consumers: [consumer],
  });
  const lagMs = (): number => feed.subscribed.subscriber.positions()[0]!.lagMs ?? -1;
  const others = [0, 1, 3, 4, 5, 6, 7];
  const othersHave = (): boolean => others.every((partition) => store.hasAll(events.slice(0, end), partition));
  expect(lagMs()).toBe(-1);
  await waitUntil(() => othersHave() && lagMs() > 300, 'a lag that grows while nothing is consumed');
  end = Math.floor((events.length * 3) / 4);
  const before = lagMs();
  feed.progress.wake();
  await waitUntil(othersHave, 'the events of all other partitions');
  expect(lagMs()).toBeGreaterThanOrEqual(before);

  gate.resolve();
  await feed.progress.settledThrough(end);
  await waitUntil(() => feed.subscribed.subscriber.positions()[0]!.waitingMessages === 0, 'nothing waits');
  const quiet = lagMs();
  expect(quiet).toBeGreaterThanOrEqual(0);
  await sleep(20);
  expect(lagMs()).toBe(quiet);

  isBroken = true;
  end = events.length;
  feed.progress.wake();
  await waitUntil(() => feed.failures.length > 0, 'the partition stops');
  const stopped = lagMs();
  await waitUntil(() => othersHave() && lagMs() > stopped + 100, 'it grows on');
  await feed.stop();
});

test('channels that are lost right behind the answer to a subscription are opened anew, and leave nothing behind', async () => {
  const { folder, events } = await writtenLog(seed, 200);
  const checkMs = 1_234_567;
  const set = vi.spyOn(globalThis, 'setInterval');
  const { keepChannel } = AmqpConnection.prototype;
  let lost = 0;
  vi.spyOn(AmqpConnection.prototype, 'keepChannel').mockImplementation(function (this: AmqpConnection, settings) {
    const onOpen: typeof settings.onOpen = (channel) => {
      const { consume } = channel;
      channel.consume = async (...args: Parameters<typeof consume>) => {
        const answer = await consume.apply(channel, args);
        if (lost < PARTITIONS) {
          lost += 1;
          await channel.close(); // onClose comes before whoever has called consume goes on
        }
        return answer;
      };
      return settings.onOpen(channel);
    };
    return keepChannel.call(this, { ...settings, onOpen });
  });
  const store = new EventStore();
  try {
    const feed = startFeed({
      folder,
      namespace: freshNamespace(),
      url: rabbitmq.url,
      endSequence: () => events.length,
      consumers: [new StoringConsumer('store', store)],
      subscriber: { checkMs },
    });
    await feed.progress.settledThrough(events.length);
    store.expectAll(events);
    const position = () => feed.subscribed.subscriber.positions()[0]!;
    await waitUntil(() => position().subscribedPartitions.length === PARTITIONS, 'all partitions');
    expect(lost).toBe(PARTITIONS);
    expect(position().counts.channels).toBeGreaterThan(PARTITIONS);
    expect(set.mock.calls.filter(([, pauseMs]) => pauseMs === checkMs)).toHaveLength(PARTITIONS);
    await feed.stop();
  } finally {
    vi.restoreAllMocks();
  }
});

test('a message that is none of ours stops its partition; the others go on, and a new publisher mends it', async () => {
  const { folder, events } = await writtenLog(seed, 300);
  let end = Math.floor(events.length / 2);
  const store = new EventStore();
  const start = {
    folder,
    namespace: freshNamespace(),
    url: rabbitmq.url,
    endSequence: () => end,
    consumers: [new StoringConsumer('store', store)],
  };
  const feed = startFeed(start);
  await feed.progress.settledThrough(end);
  const channel = await operatorChannel();
  channel.sendToQueue(partitionQueue(start.namespace, 'store', 3), Buffer.from('not a batch'), {
    messageId: 'foreign',
  });
  await waitUntil(() => feed.failures.length > 0, 'a failure');
  expect(feed.failures).toMatchObject([{ consumer: 'store', partition: 3 }]);
  expect(feed.failures[0]!.error).toBeInstanceOf(PoisonMessageError);
  expect(feed.subscribed.subscriber.positions()[0]!.failedPartitions).toEqual([3]);
  end = events.length;
  feed.progress.wake();
  const others = [0, 1, 2, 4, 5, 6, 7];
  await waitUntil(() => others.every((partition) => store.hasAll(events, partition)), 'all events of the others');
  await feed.stop();
  const published = startPublisher(start); // which empties the queues before it fills them
  await waitUntil(() => published.publisher.positions()[0]!.publishedSequence === end, 'what is missing, sent again');
  const mended = startSubscriber(start);
  await published.publisher.settledThrough(end);
  store.expectAll(events);
  expect(mended.failures).toEqual([]);
  await published.stop();
  await mended.stop();
});

test.each(['purged', 'deleted'] as const)(
  'a queue that an operator has %s in a quiet market: what was in it comes all the same',
  async (what) => {
    const { folder, events } = await writtenLog(seed, 200);
    const store = new EventStore();
    const gate = Promise.withResolvers<void>();
    const namespace = freshNamespace();
    const consumer = new StoringConsumer('store', store, () => gate.promise);
    const feed = startFeed({
      folder,
      namespace,
      url: rabbitmq.url,
      endSequence: () => events.length,
      consumers: [consumer],
      batchEvents: 2,
      subscriber: { prefetch: 1 },
      publisher: { times: { stallMs: 300 } },
    });
    const channel = await operatorChannel();
    const queue = partitionQueue(namespace, 'store', 1);
    const positions = (): number => feed.subscribed.subscriber.positions()[0]!.subscribedPartitions.length;
    await waitUntil(() => positions() === PARTITIONS, 'all partitions');
    await waitUntil(async () => (await channel.checkQueue(queue)).messageCount > 0, 'messages in the queue');
    if (what === 'purged') await channel.purgeQueue(queue);
    else await channel.deleteQueue(queue);
    gate.resolve();
    await feed.progress.settledThrough(events.length);
    store.expectAll(events);
    expect(feed.failures).toEqual([]);
    await feed.stop();
  },
);

test('publishers that come and go while no worker runs leave no more than their windows in the queues', async () => {
  const { folder, events } = await writtenLog(seed, 300);
  const store = new EventStore();
  const start = {
    folder,
    namespace: freshNamespace(),
    url: rabbitmq.url,
    endSequence: () => events.length,
    consumers: [new StoringConsumer('store', store)],
    batchEvents: 3,
    publisher: { windowBatches: 4 },
  };
  const channel = await operatorChannel();
  const queue = partitionQueue(start.namespace, 'store', 1);
  for (let round = 0; round < 4; round++) {
    const published = startPublisher(start);
    const isFull = (): boolean => published.publisher.positions()[0]!.publishedSequence > 0;
    await waitUntil(isFull, 'a full window');
    await waitUntil(async () => (await channel.checkQueue(queue)).messageCount === 4, 'four batches');
    await published.stop();
  }
  const feed = startFeed(start);
  await feed.progress.settledThrough(events.length);
  store.expectAll(events);
  await feed.stop();
});

test('a consumer whose store can not be asked at first gets everything once it can', async () => {
  const { folder, events } = await writtenLog(seed, 100);
  const store = new EventStore();
  const consumer = new StoringConsumer('store', store);
  let isAway = true;
  const watermarks = consumer.watermarks.bind(consumer);
  consumer.watermarks = async () => {
    if (isAway) throw new Error('the store is away');
    return watermarks();
  };
  const feed = startFeed({
    folder,
    namespace: freshNamespace(),
    url: rabbitmq.url,
    endSequence: () => events.length,
    consumers: [consumer],
    publisher: { times: { mendPauseMs: 20 } },
  });
  await waitUntil(() => feed.published.troubles.some((text) => text.includes('the store is away')), 'a complaint');
  await sleep(50);
  isAway = false;
  await feed.progress.settledThrough(events.length);
  store.expectAll(events);
  await feed.stop();
});
