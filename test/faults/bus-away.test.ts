import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { ExchangeProcess } from '../support/exchange-process.ts';
import { startRabbitmq } from '../support/servers/test-servers.ts';
import { type Answer, type Credentials, signedPost } from '../support/signed-client.ts';
import { limitOrder, splitExchange } from '../support/split-fixture.ts';
import { waitUntil } from '../support/wait-until.ts';

const AWAY_MS = process.env.RINGBOOK_TEST_LONG === '1' ? 60_000 : 30_000;

const split = splitExchange(startRabbitmq);

async function place(exchange: ExchangeProcess, account: Credentials, fields: object): Promise<Answer> {
  return signedPost(exchange.sandbox.baseUrl, account, '/v1/order/new', limitOrder(fields));
}

async function balance(exchange: ExchangeProcess, account: Credentials, code: string): Promise<object> {
  const { body } = await signedPost(exchange.sandbox.baseUrl, account, '/v1/balances');
  const { amount, available } = body.find(({ currency }: { currency: string }) => currency === code);
  return { amount, available };
}

test(`RabbitMQ away for ${AWAY_MS} ms: orders are answered, proceeds appear when they are settled and never early`, {
  timeout: 480_000,
}, async () => {
  const all = split();
  const exchange = await all.startExchange();
  await all.startWorker('settlement,history,audit-tap,klines');
  const [alice, bob] = exchange.sandbox.accounts as readonly Credentials[] as [Credentials, Credentials];
  expect(await place(exchange, bob, { amount: '50', price: '10000.00' })).toMatchObject({ status: 200 });
  await all.settled();
  const { folder, ports } = all.servers.rabbitmq;
  await all.servers.rabbitmq.kill();

  const sold = await place(exchange, alice, { side: 'sell', amount: '50', price: '10000.00' });
  expect(sold).toMatchObject({ status: 200, body: { executed_amount: '50' } });
  const endMs = performance.now() + AWAY_MS;
  for (let orders = 0; performance.now() < endMs; orders++) {
    const answer = await place(exchange, orders % 2 === 0 ? alice : bob, { symbol: 'ethusd', price: '1.00' });
    expect(answer).toMatchObject({ status: 200, body: { is_live: true } });
    await sleep(500); // processor time is for others meanwhile
  }
  expect(await balance(exchange, alice, 'USD')).toMatchObject({ amount: '1000000' }); // not the proceeds
  expect(await balance(exchange, alice, 'BTC')).toEqual({ amount: '100', available: '50' });
  const early = await place(exchange, alice, { amount: '110', price: '10000.00' });
  expect(early).toMatchObject({ status: 406, body: { reason: 'InsufficientFunds' } });
  const away = await exchange.status();
  expect(away.bus).toMatchObject({ isConnected: false, reason: expect.any(String) });
  expect(away.events.loggedSequence).toBeGreaterThan(away.events.settledSequence);
  expect(await all.run(['status'])).toMatchObject({ code: 0, output: expect.stringContaining('RabbitMQ   AWAY') });
  const { adminUrl, adminToken } = exchange.sandbox;
  const metrics = await fetch(`${adminUrl}/metrics`, { headers: { Authorization: `Bearer ${adminToken}` } });
  expect(await metrics.text()).toMatch(/^ringbook_settlement_lag_events [1-9]/m);

  all.servers.rabbitmq = await startRabbitmq({ folder, ports });
  await all.settled();
  expect(await balance(exchange, alice, 'BTC')).toEqual({ amount: '50', available: '50' });
  expect(await place(exchange, alice, { amount: '110', price: '10000.00' })).toMatchObject({ status: 200 });
  expect(await all.stop()).toEqual([0, 0]);
  await all.expectAudited('after RabbitMQ was away');
});

test('RabbitMQ comes back with an empty disk and nobody trades: the last fills settle too', {
  timeout: 480_000,
}, async () => {
  const all = split();
  const exchange = await all.startExchange();
  await all.startWorker('settlement,history,audit-tap,klines');
  const [alice, bob] = exchange.sandbox.accounts as readonly Credentials[] as [Credentials, Credentials];
  await place(exchange, alice, {});
  await all.settled();
  const { folder, ports } = all.servers.rabbitmq;
  await all.servers.rabbitmq.kill();
  expect(await place(exchange, bob, { side: 'sell' })).toMatchObject({ body: { executed_amount: '0.01' } });
  rmSync(folder, { recursive: true });
  all.servers.rabbitmq = await startRabbitmq({ folder, ports });
  await waitUntil(async () => {
    const { body } = await signedPost(exchange.sandbox.baseUrl, alice, '/v1/balances');
    return body.find(({ currency }: { currency: string }) => currency === 'BTC').amount === '100.01';
  }, 'the fill is settled');
  await all.settled();
  const trades = await signedPost(exchange.sandbox.baseUrl, alice, '/v1/mytrades', { symbol: 'btcusd' });
  expect(trades.body).toHaveLength(1);
  expect(await all.stop()).toEqual([0, 0]);
  await all.expectAudited('after an empty broker');
});
