import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventLogCursor } from '../core/journal/event-log-cursor.ts';
import type { EventBatch, EventConsumer } from '../core/ports/event-feed.ts';
import type { ExchangeEvent } from '../core/protocol/event-decoder.ts';
import { EmbeddedFeed } from '../workers/bus/embedded-feed.ts';
import { decodeBatch, readBatchHeader } from '../workers/bus/event-batch-message.ts';
import type { Bench, BenchSettings, Report } from './support/bench.ts';
import { BenchRabbitmq, type RecordedMessage } from './support/bench-rabbitmq.ts';
import { BenchRedis } from './support/bench-redis.ts';
import { BusFeed, PARTITIONS } from './support/bus-feed.ts';
import { type EventLog, writeEventLog } from './support/event-log.ts';
import { pairedPicture } from './support/paired-picture.ts';
import { pairedTable } from './support/paired-table.ts';
import { perSecond, type Run, runPairs } from './support/pairs.ts';
import { latencyNs } from './support/percentiles.ts';
import { type Outcome, outcomeOf, SettlingStoring } from './support/settling-storing.ts';

const COMMANDS = { full: 100_000, short: 1_000 } as const;
const PAIRS = { full: 5, short: 1 } as const;
const LAG_SECONDS = { full: 20, short: 1 } as const;
/** As many as the publisher may have under way with a full window in every partition. */
const BARE_WINDOW = 128;
const TICK_MS = 1;

export const busBench: Bench = {
  name: 'bus',
  about:
    "the event log through RabbitMQ: confirmed, settled in Redis and stored, beside the broker's own confirmed rate",
  size: '100,000 commands, 5 pairs each, 20 s of lag: 8 min',
  async run(settings) {
    const folder = mkdtempSync(join(tmpdir(), 'ringbook-bench-'));
    const rabbitmq = await BenchRabbitmq.start();
    const redis = await BenchRedis.start('always');
    try {
      return await measure(folder, rabbitmq, redis, settings);
    } finally {
      await redis.close();
      await rabbitmq.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function measure(
  folder: string,
  rabbitmq: BenchRabbitmq,
  redis: BenchRedis,
  settings: BenchSettings,
): Promise<Report> {
  const { seed, isShort, size, progress } = settings;
  const form = isShort ? 'short' : 'full';
  progress('writing the event log through the threads');
  const log = await writeEventLog(folder, seed, size ?? COMMANDS[form]);
  progress('publishing it once, to know its messages: are they the whole log?');
  const messages = await record(rabbitmq, log);
  requireWholeLog(log, messages);
  const bytes = messages.flat().reduce((sum, { content }) => sum + content.byteLength, 0);
  const events = log.lastEventSequence;

  progress('from event log to confirmed');
  const unboundedArm = (): Promise<Run> => sendBare(rabbitmq, messages, events, Infinity);
  const confirmed = await runPairs(PAIRS[form], unboundedArm, () => publish(rabbitmq, log));
  progress('from event log to settled and stored, the broker alone');
  const bareArm = (): Promise<Run> => sendBare(rabbitmq, messages, events, BARE_WINDOW);
  const outcome = outcomeOf(log);
  const busArm = (): Promise<Run> => settleAndStore(rabbitmq, redis, log, outcome);
  const done = await runPairs(PAIRS[form], bareArm, busArm);
  progress('from event log to settled and stored, the same consumers without a bus');
  const here = await runPairs(PAIRS[form], () => settleAndStoreHere(redis, log, outcome), busArm, {
    noiseRuns: 1,
    isWarm: isShort,
  });
  progress('lag at half of that');
  const rate = Math.max(1, Math.floor(done.bPerSecond / 2));
  const lags = await lagAt(rabbitmq, redis, log, rate, LAG_SECONDS[form]);
  const count = messages.flat().length;
  const limit = `the same messages sent bare, ${BARE_WINDOW} unconfirmed at most`;
  return {
    heading: 'Bus',
    mix: `${log.mix}; ${events.toLocaleString('en')} events in ${count.toLocaleString('en')} messages of ${Math.round(bytes / count).toLocaleString('en')} bytes on average, ${PARTITIONS} quorum queues`,
    proof: `the messages are the event log, event by event; each run leaves ${outcome.orders.toLocaleString('en')} orders, ${outcome.trades.toLocaleString('en')} trades, and the balances that the log adds up to`,
    tables: [
      pairedTable(
        {
          name: 'events confirmed, no bound on unconfirmed ones',
          limit: 'the same messages sent bare, likewise',
          result: confirmed,
        },
        { name: 'events settled and stored', limit, result: done },
        { name: 'events settled and stored', limit: 'the same consumers, which read the log themselves', result: here },
      ),
      {
        columns: [
          `lag in ms from announcement to the publisher until durable, at ${perSecond(rate)}`,
          'p50',
          'p99',
          'p99.9',
          'max',
        ],
        rows: lags,
      },
    ],
    notes: [
      'publisher, settlement and history in one process; RabbitMQ and Redis (appendfsync always) work on the same cores',
    ],
    pictures: [
      pairedPicture(
        {
          picture: 'bus',
          title: 'Events through RabbitMQ, settled and stored',
          figure: 'published, settled, stored',
          limit,
          unit: 'events a second',
        },
        done,
        seed,
      ),
    ],
  };
}

/** Consumes nothing: its messages stay where they are, and its watermarks, so that the publisher may have no window. */
const IDLE: EventConsumer = {
  name: 'idle',
  watermarks: async () => Array(PARTITIONS).fill(0),
  consume: async () => {},
};

async function publish(rabbitmq: BenchRabbitmq, { folder, lastEventSequence }: EventLog): Promise<Run> {
  const feed = await BusFeed.publishing(rabbitmq, folder, IDLE);
  const startMs = performance.now();
  feed.announce(lastEventSequence);
  await feed.confirmedThrough(lastEventSequence);
  const seconds = (performance.now() - startMs) / 1_000;
  await feed.close();
  return { seconds, operations: lastEventSequence };
}

/** @returns the messages of the whole log, by partition */
async function record(rabbitmq: BenchRabbitmq, { folder, lastEventSequence }: EventLog): Promise<RecordedMessage[][]> {
  const feed = await BusFeed.publishing(rabbitmq, folder, IDLE);
  feed.announce(lastEventSequence);
  await feed.confirmedThrough(lastEventSequence);
  const messages: RecordedMessage[][] = [];
  for (const queue of feed.queues) messages.push(await rabbitmq.drain(queue));
  await feed.close();
  return messages;
}

function requireWholeLog({ folder, lastEventSequence }: EventLog, messages: readonly RecordedMessage[][]): void {
  const found = new Map<number, ExchangeEvent>();
  for (const [partition, own] of messages.entries())
    for (const { content, ...properties } of own) {
      const message = { content, properties, fields: {} } as never;
      const { events } = decodeBatch(message, readBatchHeader(message, partition), PARTITIONS);
      for (const event of events) found.set(event.eventSequence, event);
    }
  const cursor = new EventLogCursor(folder, 0);
  for (let read = 0; read < lastEventSequence; )
    for (const event of cursor.next(lastEventSequence, 4_096)) {
      read += 1;
      if (plainText(found.get(event.eventSequence)) !== plainText(event))
        throw new Error(`event ${event.eventSequence} is not in the messages as it is in the log: nothing to measure`);
    }
  cursor.close();
}

function plainText(event: ExchangeEvent | undefined): string {
  return JSON.stringify(event, (_, value) => (typeof value === 'bigint' ? `${value}n` : value));
}

/** @param windowMessages unconfirmed at most, of all queues together */
async function sendBare(
  rabbitmq: BenchRabbitmq,
  messages: readonly RecordedMessage[][],
  events: number,
  windowMessages: number,
): Promise<Run> {
  const queues = messages.map(() => rabbitmq.freshName());
  for (const queue of queues) await rabbitmq.declare(queue);
  const busy = messages.filter((own) => own.length > 0).length;
  const window = Math.ceil(windowMessages / busy);
  const startMs = performance.now();
  await Promise.all(messages.map((own, partition) => rabbitmq.sendBare(queues[partition]!, own, window)));
  const seconds = (performance.now() - startMs) / 1_000;
  for (const queue of queues) await rabbitmq.delete(queue);
  return { seconds, operations: events };
}

async function settleAndStore(
  rabbitmq: BenchRabbitmq,
  redis: BenchRedis,
  log: EventLog,
  outcome: Outcome,
): Promise<Run> {
  const { folder, lastEventSequence } = log;
  return withConsumers(redis, log, async (end) => {
    const feed = await BusFeed.consuming(rabbitmq, folder, end.consumers);
    const startMs = performance.now();
    feed.announce(lastEventSequence);
    await feed.publisher.settledThrough(lastEventSequence);
    const seconds = (performance.now() - startMs) / 1_000;
    await feed.close();
    await end.requireOutcome(outcome);
    return { seconds, operations: lastEventSequence };
  });
}

/** The same consumers, which read the log themselves: what they take without any bus. */
async function settleAndStoreHere(redis: BenchRedis, log: EventLog, outcome: Outcome): Promise<Run> {
  const { folder, lastEventSequence } = log;
  return withConsumers(redis, log, async (end) => {
    const endSequence = (): number => lastEventSequence;
    const onFailure = ({ error }: { error: Error }): void => console.error(error);
    const feed = new EmbeddedFeed({ folder, partitionCount: PARTITIONS, endSequence, onFailure });
    const startMs = performance.now();
    for (const consumer of end.consumers) feed.subscribe(consumer);
    await feed.settledThrough(lastEventSequence);
    const seconds = (performance.now() - startMs) / 1_000;
    await feed.stop();
    await end.requireOutcome(outcome);
    return { seconds, operations: lastEventSequence };
  });
}

/**
 * Announces events at a steady rate, whatever comes of them.
 * @returns for each consumer its name, and milliseconds from when an event was to be announced until its effect is durable
 */
async function lagAt(
  rabbitmq: BenchRabbitmq,
  redis: BenchRedis,
  log: EventLog,
  rate: number,
  seconds: number,
): Promise<[name: string, ...lag: string[]][]> {
  const count = Math.min(log.lastEventSequence - 1, rate * seconds);
  return withConsumers(redis, log, async ({ consumers }) => {
    let startMs = 0;
    const watched = consumers.map((consumer) => {
      const lagsMs = new Float64Array(count);
      const consume = async (batch: EventBatch): Promise<void> => {
        await consumer.consume(batch);
        const nowMs = performance.now();
        for (const { eventSequence } of batch.events)
          if (eventSequence > 1) lagsMs[eventSequence - 2] = nowMs - (startMs + ((eventSequence - 1) / rate) * 1_000);
      };
      const { name, batchEvents } = consumer;
      const watermarks = () => consumer.watermarks();
      return { name, ...(batchEvents === undefined ? {} : { batchEvents }), watermarks, consume, lagsMs };
    });
    const feed = await BusFeed.consuming(rabbitmq, log.folder, watched);
    startMs = performance.now();
    for (let announced = 0; announced < count; ) {
      announced = Math.min(count, Math.floor(((performance.now() - startMs) / 1_000) * rate));
      feed.announce(1 + announced);
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
    await feed.publisher.settledThrough(1 + count);
    await feed.close();
    return watched.map(({ name, lagsMs }) => [name, ...latencyNs(lagsMs).map((ns) => (ns / 1e6).toFixed(1))]);
  });
}

async function withConsumers<Result>(
  redis: BenchRedis,
  log: EventLog,
  use: (end: SettlingStoring) => Promise<Result>,
): Promise<Result> {
  const end = await SettlingStoring.open(redis, log);
  try {
    return await use(end);
  } finally {
    await end.close();
  }
}
