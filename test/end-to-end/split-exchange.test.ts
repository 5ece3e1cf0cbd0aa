import { expect, test } from 'vitest';
import { RandomIntegers } from '../support/random-integers.ts';
import { sharedRabbitmq } from '../support/servers/test-servers.ts';
import { signedPost } from '../support/signed-client.ts';
import { limitOrder, splitExchange } from '../support/split-fixture.ts';
import { TradingLoad } from '../support/trading-load.ts';
import { waitUntil } from '../support/wait-until.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

const fixture = splitExchange(sharedRabbitmq);

test('a split exchange trades, settles, remembers and stops in order, whoever is started first', {
  timeout: 480_000,
}, async () => {
  const split = fixture();
  const early = split.startWorker('settlement,audit-tap'); // waits for the folder
  const { sandbox } = await split.startExchange();
  await early;
  await split.startWorker('history');
  await split.startScheduler();
  const [alice, bob] = sandbox.accounts as [(typeof sandbox.accounts)[number], (typeof sandbox.accounts)[number]];
  const placed = await signedPost(sandbox.baseUrl, alice, '/v1/order/new', limitOrder({}));
  expect(placed).toMatchObject({ status: 200, body: { is_live: true } });
  const sold = await signedPost(sandbox.baseUrl, bob, '/v1/order/new', limitOrder({ side: 'sell' }));
  expect(sold).toMatchObject({ status: 200, body: { executed_amount: '0.01' } });
  await split.settled();
  const { body } = await signedPost(sandbox.baseUrl, alice, '/v1/balances');
  expect(body.find(({ currency }: { currency: string }) => currency === 'BTC')).toMatchObject({ amount: '100.01' });
  const trades = await signedPost(sandbox.baseUrl, alice, '/v1/mytrades', { symbol: 'btcusd' });
  expect(trades.body).toHaveLength(1);

  const status = await split.exchange.status();
  expect(status.bus).toMatchObject({ isConnected: true, reason: null });
  expect(status.consumers.map(({ consumer, isRunning, troubles }) => [consumer, isRunning, troubles])).toEqual(
    ['settlement', 'history', 'audit-tap', 'klines'].map((consumer) => [consumer, true, []]),
  );
  await split.expectAudited('at work');
  expect(await split.stop()).toEqual([0, 0, 0, 0]);
  await split.expectAudited('stopped in order');
});

test(`what was traded while every worker was away is settled once they come (SEED=${seed})`, {
  timeout: 480_000,
}, async () => {
  const split = fixture();
  const { sandbox } = await split.startExchange();
  const load = new TradingLoad(sandbox.accounts, new RandomIntegers(seed));
  const running = load.run(sandbox.baseUrl, 4, 0);
  await waitUntil(() => load.orders.length > 200, 'some orders are placed');
  await split.expectAudited('no worker has run yet');
  const restarted = await split.restartExchange();
  await running;
  for (const roles of ['klines', 'audit-tap', 'history', 'settlement']) await split.startWorker(roles);
  await split.settled();
  const { events, consumers } = await restarted.status();
  expect(consumers.map(({ consumedSequence }) => consumedSequence)).toEqual(Array(4).fill(events.loggedSequence));
  expect(await split.stop()).toEqual([0, 0, 0, 0, 0]);
  await split.expectAudited('stopped in order');
});

test('a role is one process; what a split exchange needs is told', { timeout: 360_000 }, async () => {
  const split = fixture();
  await split.startExchange();
  await split.startWorker('history');
  await expect(split.startWorker('settlement,history')).rejects.toThrow(/in use by process \d+ \(role history\)/);
  expect(await split.run(['start'])).toMatchObject({ code: 1, output: expect.stringContaining('role exchange') });
  expect(await split.run(['workers'])).toMatchObject({
    code: 1,
    output: expect.stringContaining('needs Redis and RabbitMQ: set RINGBOOK_AMQP_URL'),
  });
  expect(await split.run(['workers', '--only', 'history,gateway'])).toMatchObject({
    code: 1,
    output: expect.stringContaining('gateway: known are settlement, history'),
  });
});
