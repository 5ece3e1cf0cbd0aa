import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { expect, test } from 'vitest';
import { partitionQueue } from '../../workers/bus/feed-topology.ts';
import { exchangeDatabasePath } from '../../workers/storage/exchange-database.ts';
import { readBusNamespace } from '../../workers/storage/folder-bus.ts';
import { SqliteDatabase } from '../../workers/storage/sqlite-database.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { PoisonPartition } from '../support/poison-partition.ts';
import { LedgerCommands } from '../support/redis-exchange.ts';
import { sharedRabbitmq } from '../support/servers/test-servers.ts';
import type { Credentials } from '../support/signed-client.ts';
import { signedPost } from '../support/signed-client.ts';
import type { SplitExchange } from '../support/split-exchange.ts';
import { limitOrder, splitExchange } from '../support/split-fixture.ts';
import { waitUntil } from '../support/wait-until.ts';

/** Of btcusd, the first instrument. */
const PARTITION = 1;

const split = splitExchange(sharedRabbitmq);

/** Puts bytes that are no batch behind what settlement has of the partition. */
async function poison({ folder, servers }: SplitExchange): Promise<void> {
  const database = await SqliteDatabase.openReader(exchangeDatabasePath(folder));
  const namespace = (await readBusNamespace(database))!;
  await database.close();
  const broker = await connect(servers.rabbitmq.url);
  const channel = await broker.createConfirmChannel();
  channel.sendToQueue(partitionQueue(namespace, 'settlement', PARTITION), Buffer.from('poison'), { messageId: 'bad' });
  await channel.waitForConfirms();
  await broker.close();
}

/** @param commands of the same folder */
async function expectOnlyBitcoinHalted(
  exchange: ExchangeProcess,
  commands: Pick<SplitExchange, 'run'>,
  consumer: string,
  trouble: RegExp,
): Promise<void> {
  const { baseUrl, accounts } = exchange.sandbox;
  const [alice, bob] = accounts as readonly Credentials[] as [Credentials, Credentials];
  await waitUntil(async () => {
    const list = (await exchange.admin('/instruments')) as { symbol: string; state: string }[];
    return list.find(({ symbol }) => symbol === 'btcusd')?.state === 'halted';
  }, 'btcusd is halted');
  expect((await signedPost(baseUrl, alice, '/v1/order/new', limitOrder({}))).status).not.toBe(200);
  const bought = await signedPost(baseUrl, alice, '/v1/order/new', limitOrder({ symbol: 'ethusd', amount: '1' }));
  expect(bought).toMatchObject({ status: 200, body: { is_live: true } });
  const sold = { symbol: 'ethusd', amount: '1', side: 'sell' };
  expect(await signedPost(baseUrl, bob, '/v1/order/new', limitOrder(sold))).toMatchObject({ status: 200 });
  await waitUntil(async () => {
    const { body } = await signedPost(baseUrl, alice, '/v1/balances');
    return body.find(({ currency }: { currency: string }) => currency === 'ETH').amount === '101';
  }, 'ethusd trades and settles');
  const { consumers } = await exchange.status();
  expect(consumers.find((status) => status.consumer === consumer)?.troubles).toEqual([
    expect.objectContaining({ partition: PARTITION, trouble: expect.stringMatching(trouble) }),
  ]);
  expect(await commands.run(['status'])).toMatchObject({
    code: 0,
    output: expect.stringContaining(`${consumer}, partition ${PARTITION}: stopped`),
  });
  await waitUntil(async () => {
    const told = (await exchange.admin('/notices/list', { kind: 'partition-stopped' })) as readonly { text: string }[];
    return told.some(({ text }) => /^btcusd.* halted, since partition 1 can't be followed/.test(text));
  }, 'a notice says so');
}

test('a poison batch stops its partition at a worker: its instruments halt, others trade on, status says why', {
  timeout: 480_000,
}, async () => {
  const all = split();
  const exchange = await all.startExchange();
  const workers = await all.startWorker('settlement,history,audit-tap,klines');
  await all.settled();
  await poison(all);
  await expectOnlyBitcoinHalted(exchange, all, 'settlement', /stopped: .*message/);
  expect(await Promise.race([workers.ended, Promise.resolve('alive')])).toBe('alive');

  // Queues are emptied and filled anew by a start of the exchange; then the worker may go on, and the operator resumes.
  await exchange.stop();
  const again = await all.startExchange();
  await all.restartWorker('settlement,history,audit-tap,klines');
  await again.admin('/instruments/state', { symbol: 'btcusd', state: 'trading' });
  const [alice, bob] = again.sandbox.accounts as readonly Credentials[] as [Credentials, Credentials];
  await signedPost(again.sandbox.baseUrl, alice, '/v1/order/new', limitOrder({}));
  const sold = await signedPost(again.sandbox.baseUrl, bob, '/v1/order/new', limitOrder({ side: 'sell' }));
  expect(sold).toMatchObject({ status: 200, body: { executed_amount: '0.01' } });
  await all.settled();
  expect((await again.status()).consumers.flatMap(({ troubles }) => troubles)).toEqual([]);
  expect(await all.stop()).toEqual([0, 0]);
  await all.expectAudited('after the poison was gone');
});

test('the same in an exchange that runs all in one', { timeout: 360_000 }, async () => {
  const all = split();
  const { redis, rabbitmq } = all.servers;
  const environment = { RINGBOOK_REDIS_URL: redis.url, RINGBOOK_AMQP_URL: rabbitmq.url };
  const exchange = await ExchangeProcess.start(all.folder, environment);
  try {
    await poison(all);
    await expectOnlyBitcoinHalted(exchange, all, 'settlement', /stopped: .*message/);
    const metrics = await metricsOf(exchange);
    expect(metrics).toContain('ringbook_consumer_stopped_partitions{consumer="settlement"} 1\n');
    expect(metrics).toContain('ringbook_consumer_stopped_partitions{consumer="history"} 0\n');
    expect(metrics).toMatch(/^ringbook_consumer_batches_total\{consumer="settlement"\} [1-9]/m);
    expect(metrics).toMatch(/^ringbook_consumer_channels_total\{consumer="audit-tap"\} [1-9]/m);
    expect(await exchange.stop()).toBe(0);
  } finally {
    await exchange.kill();
  }
  await all.expectAudited('stopped in order with a partition behind');
});

test.each(['settlement', 'history'] as const)(
  'the same without RabbitMQ: a partition that %s can not follow',
  {
    timeout: 360_000,
  },
  async (consumer) => {
    const folder = mkdtempSync(join(tmpdir(), 'ringbook-poison-batch-'));
    const poison = new PoisonPartition();
    const commands = new LedgerCommands(folder, () => undefined);
    let exchange = await ExchangeProcess.start(folder, poison.environment);
    try {
      const [alice, bob] = exchange.sandbox.accounts as readonly Credentials[] as [Credentials, Credentials];
      const order = (who: Credentials, fields: object) =>
        signedPost(exchange.sandbox.baseUrl, who, '/v1/order/new', limitOrder(fields));
      expect(await order(alice, {})).toMatchObject({ status: 200 });
      poison.poison(consumer, PARTITION);
      expect(await order(bob, { side: 'sell' })).toMatchObject({ status: 200, body: { executed_amount: '0.01' } });
      await expectOnlyBitcoinHalted(exchange, commands, consumer, /stopped: injected/);
      const { events } = await exchange.status();
      const reached = { settlement: events.settledSequence, history: events.historySequence };
      expect(reached[consumer]).toBeLessThan(events.loggedSequence); // what has stopped is not passed over
      expect(exchange.output).toContain(`${consumer}, partition ${PARTITION}: attempt 5 failed: injected`);

      expect(await exchange.stop()).toBe(0);
      await commands.expectAudited('stopped in order with a partition behind');
      // A start from a snapshot needs the history up to it; settlement is not waited for.
      if (consumer === 'history') {
        const refused = /history has stopped at partition 1: injected/;
        await expect(ExchangeProcess.start(folder, poison.environment)).rejects.toThrow(refused);
      } else {
        exchange = await ExchangeProcess.start(folder, poison.environment);
        await expectTroubles(exchange, [expect.stringMatching(/stopped: injected/)]);
        expect(await order(alice, { symbol: 'ethusd', amount: '1' })).toMatchObject({ status: 200 });
        await exchange.kill();
        await commands.expectAudited('killed with a partition behind');
      }

      poison.heal();
      exchange = await ExchangeProcess.start(folder, poison.environment);
      await exchange.admin('/instruments/state', { symbol: 'btcusd', state: 'trading' });
      expect(await order(alice, {})).toMatchObject({ status: 200 });
      expect(await order(bob, { side: 'sell' })).toMatchObject({ status: 200, body: { executed_amount: '0.01' } });
      await waitUntil(async () => {
        const { events } = await exchange.status();
        return Math.min(events.settledSequence, events.historySequence) === events.loggedSequence;
      }, 'everything is settled and stored');
      await expectTroubles(exchange, []);
      expect(await exchange.stop()).toBe(0);
      await commands.expectAudited('after the partition was mended');
    } finally {
      await exchange.kill();
      poison.remove();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

async function metricsOf({ sandbox }: ExchangeProcess): Promise<string> {
  const headers = { Authorization: `Bearer ${sandbox.adminToken}`, Connection: 'close' };
  return (await fetch(`${sandbox.adminUrl}/metrics`, { headers })).text();
}

async function expectTroubles(exchange: ExchangeProcess, troubles: readonly string[]): Promise<void> {
  const found = async () => (await exchange.status()).consumers.flatMap((status) => status.troubles);
  await waitUntil(async () => (await found()).length === troubles.length, `${troubles.length} troubles`);
  expect((await found()).map(({ trouble }) => trouble)).toEqual(troubles);
}
