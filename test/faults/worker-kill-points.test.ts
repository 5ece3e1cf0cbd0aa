import { connect } from 'amqplib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { partitionQueue } from '../../workers/bus/feed-topology.ts';
import { exchangeDatabasePath } from '../../workers/storage/exchange-database.ts';
import { readBusNamespace } from '../../workers/storage/folder-bus.ts';
import { SqliteDatabase } from '../../workers/storage/sqlite-database.ts';
import { KillPoint } from '../support/kill-point.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { sharedRabbitmq } from '../support/servers/test-servers.ts';
import { type Credentials, signedPost } from '../support/signed-client.ts';
import type { SplitExchange } from '../support/split-exchange.ts';
import { limitOrder, splitExchange } from '../support/split-fixture.ts';
import { waitUntil } from '../support/wait-until.ts';

const ROUNDS = process.env.RINGBOOK_TEST_LONG === '1' ? 3 : 1;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

/** Of what each worker does with a batch: whether its effect must be there then, and the message still in the queue. */
const POINTS = [
  { worker: 'settlement', point: 'before settle', isDone: false, isQueued: true },
  { worker: 'settlement', point: 'after settle', isDone: true, isQueued: true },
  { worker: 'settlement', point: 'before ack', isDone: true, isQueued: true },
  { worker: 'settlement', point: 'after ack', isDone: true, isQueued: null }, // the acknowledgement may not have left
  { worker: 'history', point: 'before commit', isDone: false, isQueued: true },
  { worker: 'history', point: 'after commit', isDone: true, isQueued: true },
  { worker: 'history', point: 'before ack', isDone: true, isQueued: true },
  { worker: 'history', point: 'after ack', isDone: true, isQueued: null },
] as const;
type Worker = (typeof POINTS)[number]['worker'];

/** Of btcusd, which all trades here are in. */
const PARTITION = 1;

const split = splitExchange(sharedRabbitmq);
let killPoints: Record<Worker, KillPoint>;

beforeEach(() => {
  killPoints = { settlement: new KillPoint(), history: new KillPoint() };
});
afterEach(() => {
  for (const killPoint of Object.values(killPoints)) killPoint.remove();
});

/** @returns messages of the partition that the broker would deliver */
async function queued(all: SplitExchange, worker: Worker): Promise<number> {
  const database = await SqliteDatabase.openReader(exchangeDatabasePath(all.folder));
  const namespace = (await readBusNamespace(database))!;
  await database.close();
  const connection = await connect(all.servers.rabbitmq.url);
  const channel = await connection.createChannel();
  const { messageCount } = await channel.checkQueue(partitionQueue(namespace, worker, PARTITION));
  await connection.close();
  return messageCount;
}

function inRandomOrder(random: RandomIntegers): (typeof POINTS)[number][] {
  const left = [...POINTS];
  return POINTS.map(() => left.splice(random.below(left.length), 1)[0]!);
}

/** What a trade has changed of each effect, read where it is. */
async function traded(all: SplitExchange, worker: Worker, [alice]: readonly Credentials[]): Promise<string> {
  const { baseUrl } = all.exchange.sandbox;
  if (worker === 'history') {
    const { body } = await signedPost(baseUrl, alice!, '/v1/mytrades', { symbol: 'btcusd' });
    return String(body.length);
  }
  const { body } = await signedPost(baseUrl, alice!, '/v1/balances');
  return body.find(({ currency }: { currency: string }) => currency === 'BTC').amount;
}

test(`kill -9 of settlement and history before their effect, after it, around the acknowledgement, ${ROUNDS} rounds (SEED=${seed})`, {
  timeout: 300_000 + ROUNDS * 240_000,
}, async () => {
  const random = new RandomIntegers(seed);
  const all = split();
  const exchange = await all.startExchange();
  const accounts: readonly Credentials[] = exchange.sandbox.accounts;
  const place = async (account: number, fields: object): Promise<void> => {
    const answer = await signedPost(exchange.sandbox.baseUrl, accounts[account]!, '/v1/order/new', limitOrder(fields));
    expect(answer).toMatchObject({ status: 200 });
  };
  for (const worker of ['settlement', 'history'] as const)
    await all.startWorker(worker, killPoints[worker].environment);
  await all.startWorker('audit-tap,klines');

  let trades = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (const { worker, point, isDone, isQueued } of inRandomOrder(random)) {
      const when = `${worker} ${point}, round ${round} (SEED=${seed})`;
      await place(0, { side: 'sell' });
      await all.settled();
      const before = await traded(all, worker, accounts);
      killPoints[worker].arm(point);
      const { ended } = all.worker(worker);
      await place(1, { side: 'buy' }); // all of its events follow from one command: they come in one batch
      trades += 1;
      expect(await ended, when).toBe(null);
      const after = await traded(all, worker, accounts);
      expect(after !== before, `${when}: ${before}, then ${after}`).toBe(isDone);
      if (isQueued === true)
        await waitUntil(async () => (await queued(all, worker)) > 0, `the message is back in the queue, ${when}`);
      killPoints[worker].disarm();
      await all.startWorker(worker, killPoints[worker].environment);
      await all.settled();
      const amount = (100 - trades * 0.01).toFixed(2).replace(/\.?0+$/, '');
      expect([await traded(all, 'settlement', accounts), await traded(all, 'history', accounts)], when).toEqual([
        amount,
        `${trades}`,
      ]);
    }
    await all.expectAudited(`round ${round} (SEED=${seed})`);
  }
  for (const worker of ['settlement', 'history'] as const) {
    await all.worker(worker).stop(); // what it had not acknowledged would be back
    expect(await queued(all, worker), worker).toBe(0);
  }
  expect(await all.stop()).toEqual([0, 0, 0, 0]);
  await all.expectAudited(`stopped in order (SEED=${seed})`);
});
