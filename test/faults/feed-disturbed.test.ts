import { setTimeout as sleep } from 'node:timers/promises';
import { type ConsumeMessage, connect } from 'amqplib';
import { afterEach, expect, test } from 'vitest';
import { WORKER_ROLES } from '../../main/worker-roles.ts';
import { type BatchHeader, readBatchHeader } from '../../workers/bus/event-batch-message.ts';
import { partitionQueue } from '../../workers/bus/feed-topology.ts';
import { exchangeDatabasePath } from '../../workers/storage/exchange-database.ts';
import { readBusNamespace } from '../../workers/storage/folder-bus.ts';
import { SqliteDatabase } from '../../workers/storage/sqlite-database.ts';
import { expectAcknowledgedOnce } from '../support/acknowledged-orders.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { sharedRabbitmq } from '../support/servers/test-servers.ts';
import type { SplitExchange } from '../support/split-exchange.ts';
import { splitExchange } from '../support/split-fixture.ts';
import { TradingLoad } from '../support/trading-load.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type Fate, FaultyRelay } from '../workers/bus/faulty-relay.ts';

const ROUNDS = process.env.RINGBOOK_TEST_LONG === '1' ? 30 : 1;
const CLIENTS = 3;
const CLIENT_PAUSE_MS = 10;
const ROLES = WORKER_ROLES.join(',');
const RELAYED = '-relayed';
const PRELOAD = `--import=${new URL('../support/preload/feed-between.ts', import.meta.url).href}`;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

const split = splitExchange(sharedRabbitmq);
let disturbed: DisturbedFeed[] = [];

afterEach(async () => {
  for (const feed of disturbed) await feed.relay.close();
  disturbed = [];
});

/** What one consumer was made to meet. */
interface Met {
  doubled: number;
  swapped: number;
  lost: number;
  cutOtherwise: number; // batches with an end of an earlier one amid them
}

/** A relay between the exchange and one consumer of its worker. */
class DisturbedFeed {
  relay!: FaultyRelay;
  isCalm = true;
  readonly met: Met = { doubled: 0, swapped: 0, lost: 0, cutOtherwise: 0 };
  readonly #random: RandomIntegers;
  readonly #seen = new Map<number, BatchHeader[]>(); // by partition

  constructor(random: RandomIntegers) {
    this.#random = random;
  }

  fateOf(message: ConsumeMessage): Fate {
    const random = this.#random;
    const isNew = this.#look(message);
    if (this.isCalm) return { copies: 1 };
    if (isNew && random.onceIn(12)) {
      this.met.lost += 1; // lost again when it is asked for, it would be looked for ten seconds later only
      return { copies: 0 };
    }
    const copies = random.onceIn(20) ? random.between(3, 100) : random.between(1, 2);
    const isHeldBack = random.onceIn(3);
    if (copies > 1) this.met.doubled += 1;
    if (isHeldBack) this.met.swapped += 1;
    return { copies: isHeldBack ? copies - 1 : copies, isHeldBack };
  }

  /** @returns whether nothing of it has come before */
  #look(message: ConsumeMessage): boolean {
    const header = readBatchHeader(message, Number(message.properties.headers?.partition));
    const { partition, beforeSequence, lastSequence } = header;
    const seen = this.#seen.get(partition) ?? [];
    this.#seen.set(partition, seen);
    const isCutOtherwise = seen.some(
      (other) => beforeSequence < other.lastSequence && other.lastSequence < lastSequence,
    );
    if (isCutOtherwise) this.met.cutOtherwise += 1;
    const isNew = seen.every((other) => other.lastSequence <= beforeSequence);
    seen.push(header);
    return isNew;
  }
}

async function busNamespace(all: SplitExchange): Promise<string> {
  const database = await SqliteDatabase.openReader(exchangeDatabasePath(all.folder));
  const namespace = await readBusNamespace(database);
  await database.close();
  return namespace!;
}

/** The exchange alone may declare its queues: two who do so at the same time break them. */
async function expectDeclared(url: string, queue: string): Promise<void> {
  const connection = await connect(url);
  try {
    await waitUntil(async () => {
      const channel = await connection.createChannel();
      channel.on('error', () => {}); // there is none yet, which closes the channel
      return channel.checkQueue(queue).then(
        () => true,
        () => false,
      );
    }, `${queue} is declared`);
  } finally {
    await connection.close();
  }
}

async function disturb(all: SplitExchange, random: RandomIntegers): Promise<void> {
  const namespace = await busNamespace(all);
  const { url } = all.servers.rabbitmq;
  for (const role of WORKER_ROLES) await expectDeclared(url, partitionQueue(namespace, role, 7));
  for (const role of WORKER_ROLES) {
    const feed = new DisturbedFeed(random);
    feed.relay = await FaultyRelay.start(url, [namespace, namespace + RELAYED], role, (message) =>
      feed.fateOf(message),
    );
    disturbed.push(feed);
  }
}

function setCalm(isCalm: boolean): void {
  for (const feed of disturbed) feed.isCalm = isCalm;
}

/** @returns once of every consumer so many more have been counted */
function untilEach(what: string, countOf: (feed: DisturbedFeed) => number, more: number): Promise<void> {
  const before = disturbed.map(countOf);
  return waitUntil(() => disturbed.every((feed, at) => countOf(feed) >= before[at]! + more), what);
}

test(`messages to real workers come doubled, shuffled, not at all, and cut otherwise by the next start, ${ROUNDS} rounds (SEED=${seed})`, {
  timeout: 180_000 + ROUNDS * 120_000,
}, async () => {
  const random = new RandomIntegers(seed);
  const all = split();
  const startExchange = (batchEvents: number) =>
    all.startExchange({ NODE_OPTIONS: PRELOAD, RINGBOOK_TEST_BATCH_EVENTS: `${batchEvents}` });
  let exchange = await startExchange(random.between(2, 4));
  await disturb(all, random);
  const worker = await all.startWorker(ROLES, { NODE_OPTIONS: PRELOAD, RINGBOOK_TEST_FEED_SUFFIX: RELAYED });
  for (let round = 0; round < ROUNDS; round++) {
    const when = `round ${round} (SEED=${seed})`;
    const load = new TradingLoad(exchange.sandbox.accounts, random, 'limit', CLIENT_PAUSE_MS);
    const running = load.run(exchange.sandbox.baseUrl, CLIENTS, round);
    setCalm(false);
    for (const what of ['doubled', 'swapped', 'lost'] as const)
      await untilEach(`messages are ${what}, ${when}`, ({ met }) => met[what], what === 'lost' ? 3 : 20);
    worker.signal('SIGSTOP'); // its queues fill up with batches that the next start cuts otherwise
    await untilEach(`messages wait in its queues, ${when}`, ({ relay }) => relay.passedCount, 10);
    await exchange.kill();
    await running;
    const isCutOtherwise = untilEach(`batches are cut otherwise, ${when}`, ({ met }) => met.cutOtherwise, 1);
    [exchange] = await Promise.all([startExchange(random.between(5, 9)), isCutOtherwise]);
    worker.signal('SIGCONT');
    const later = new TradingLoad(exchange.sandbox.accounts, random, 'limit', CLIENT_PAUSE_MS);
    const runningLater = later.run(exchange.sandbox.baseUrl, CLIENTS, round + ROUNDS);
    await sleep(1_500);
    setCalm(true); // what comes now shows what was lost last
    await sleep(500);
    later.end();
    await runningLater;
    await all.settled();
    await expectAcknowledgedOnce(exchange.sandbox.baseUrl, [...load.orders, ...later.orders], when);
    if (round % 10 === 9) await all.expectAudited(when);
  }
  await all.expectAllAlive();
  expect(worker.output).not.toMatch(/attempt \d+ failed/);
  const { consumers } = await exchange.status();
  expect(consumers.flatMap(({ troubles }) => troubles)).toEqual([]);
  expect(await all.stop()).toEqual([0, 0]);
  await all.expectAudited(`stopped in order (SEED=${seed})`);
});
