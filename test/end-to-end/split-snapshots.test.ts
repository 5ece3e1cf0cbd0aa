import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ExchangeProcess } from '../support/exchange-process.ts';
import { startRabbitmq } from '../support/servers/test-servers.ts';
import { type Credentials, signedPost } from '../support/signed-client.ts';
import type { SplitExchange } from '../support/split-exchange.ts';
import { limitOrder, splitExchange } from '../support/split-fixture.ts';

const SNAPSHOTS = { RINGBOOK_SNAPSHOT_EVERY: '20' };
const MOST_ORDERS = 2_000;

const fixture = splitExchange(startRabbitmq);

/** Trades until a snapshot lies ahead of the history, then kills the exchange. @returns the orders that were answered */
async function tradePastSnapshot({ exchange }: SplitExchange): Promise<string[]> {
  const { baseUrl, accounts } = exchange.sandbox;
  const orderIds: string[] = [];
  for (let order = 0; order < MOST_ORDERS; order++) {
    const account = accounts[order % 2] as Credentials;
    const fields = limitOrder({ side: order % 3 === 0 ? 'sell' : 'buy' });
    const { status, body } = await signedPost(baseUrl, account, '/v1/order/new', fields);
    expect(status).toBe(200);
    orderIds.push(body.order_id);
    const { lastSnapshot, events } = await exchange.status();
    if (lastSnapshot !== null && lastSnapshot.eventSequence > events.historySequence) break;
  }
  expect(orderIds.length, 'a snapshot lies ahead of the history').toBeLessThan(MOST_ORDERS);
  await exchange.kill();
  return orderIds;
}

async function expectKnown({ sandbox }: ExchangeProcess, orderIds: readonly string[]): Promise<void> {
  for (const [index, orderId] of orderIds.entries()) {
    const account = sandbox.accounts[index % 2] as Credentials;
    const known = await signedPost(sandbox.baseUrl, account, '/v1/order/status', { order_id: orderId });
    expect(known, orderId).toMatchObject({ status: 200, body: { order_id: orderId } });
  }
}

/** Places orders under ids of the client's own, each twice. */
async function expectRepeatsFound({ sandbox }: ExchangeProcess): Promise<void> {
  for (const id of ['one', 'two', 'three']) {
    const place = () =>
      signedPost(
        sandbox.baseUrl,
        sandbox.accounts[0] as Credentials,
        '/v1/order/new',
        limitOrder({ client_order_id: id }),
      );
    const placed = await place();
    expect(placed, id).toMatchObject({ status: 200 });
    expect(await place(), id).toMatchObject({ status: 200, body: { order_id: placed.body.order_id } });
  }
}

test('a start from a snapshot that the history lacks: by itself, or by a worker that is brought there', {
  timeout: 600_000,
}, async () => {
  const split = fixture();
  await split.startExchange(SNAPSHOTS);
  const first = await tradePastSnapshot(split); // no worker has ever run
  const second = await split.startExchange(SNAPSHOTS);
  expect((await second.status()).start.snapshot).not.toBeNull();
  await expectKnown(second, first);
  await expectRepeatsFound(second); // the history gets nothing from here on

  await split.startWorker('settlement,history,audit-tap,klines');
  await split.settled();
  const { folder, ports } = split.servers.rabbitmq;
  await split.servers.rabbitmq.kill();
  const more = await tradePastSnapshot(split); // its worker runs, and gets nothing
  split.servers.rabbitmq = await startRabbitmq({ folder, ports });
  const third = await split.startExchange(SNAPSHOTS);
  expect((await third.status()).start.snapshot).not.toBeNull();
  await expectKnown(third, more);
  await split.settled();
  await split.expectAllAlive();
  expect(await split.stop()).toEqual([0, 0]);
  await split.expectAudited('stopped in order');
});

test('audit tap and candles whose files are lost go on, though the retired segments were moved away', {
  timeout: 600_000,
}, async () => {
  const split = fixture();
  const settings = { ...SNAPSHOTS, RINGBOOK_JOURNAL_SEGMENT_MIB: '0.0625' };
  const { sandbox } = await split.startExchange(settings);
  await split.startWorker('settlement,history,audit-tap,klines');
  const archive = join(split.folder, 'archive', 'events');
  for (let order = 0; order < MOST_ORDERS && !existsSync(archive); order++) {
    const fields = limitOrder({ side: order % 2 === 0 ? 'sell' : 'buy' });
    const account = sandbox.accounts[order % 2] as Credentials;
    expect((await signedPost(sandbox.baseUrl, account, '/v1/order/new', fields)).status).toBe(200);
  }
  expect(existsSync(archive), 'segments were retired').toBe(true);
  await split.settled();
  expect(await split.stop()).toEqual([0, 0]);
  rmSync(join(split.folder, 'archive'), { recursive: true });
  for (const name of readdirSync(split.folder))
    if (/^(audit-tap|klines)\.sqlite/.test(name)) rmSync(join(split.folder, name));

  const again = await split.startExchange(settings);
  const order = limitOrder({ price: '50.00' });
  const account = again.sandbox.accounts[0] as Credentials;
  expect((await signedPost(again.sandbox.baseUrl, account, '/v1/order/new', order)).status).toBe(200);
  await split.startWorker('settlement,history,audit-tap,klines');
  await split.settled();
  await split.expectAllAlive();
  expect(await split.stop()).toEqual([0, 0]);
});
