import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { type Credentials, signedPost } from '../support/signed-client.ts';
import { expectSound } from '../support/sound.ts';

const PRELOAD = new URL('../support/preload/slept-host.ts', import.meta.url).href;
const MOST_TAKERS = 200;

let folder: string;
let exchange: ExchangeProcess;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-expiry-'));
  sleepFor(0);
  const environment = { NODE_OPTIONS: `--import=${PRELOAD}`, RINGBOOK_TEST_SLEPT: join(folder, 'slept') };
  exchange = await ExchangeProcess.start(join(folder, 'data'), environment);
});
afterEach(async () => {
  await exchange.kill();
  rmSync(folder, { recursive: true, force: true });
});

function sleepFor(milliseconds: number): void {
  writeFileSync(join(folder, 'slept.new'), `${milliseconds}`);
  renameSync(join(folder, 'slept.new'), join(folder, 'slept'));
}

test('a host that slept past an expiry: not one taker is stamped at or past it and fills, though no timer has fired', {
  timeout: 120_000,
}, async () => {
  const { baseUrl, accounts } = exchange.sandbox;
  const place = async (account: Credentials, fields: object) => {
    const order = { symbol: 'btcusd', type: 'exchange limit', price: '50000.00', ...fields };
    const { status, body } = await signedPost(baseUrl, account, '/v1/order/new', order);
    expect(status, JSON.stringify(body)).toBe(200);
    return body;
  };
  const expiresAtMs = Date.now() + 600_000;
  const gtd = { options: ['good-til-date'], expire_at: expiresAtMs };
  const maker = await place(accounts[0]!, { side: 'sell', amount: '20', ...gtd });
  const take = () => place(accounts[1]!, { side: 'buy', amount: '0.01', options: ['immediate-or-cancel'] });
  expect((await take()).executed_amount).toBe('0.01');
  sleepFor(1_200_000);
  let taker = await take();
  for (let count = 2; taker.timestampms < expiresAtMs && count < MOST_TAKERS; count++) {
    expect(taker.executed_amount).toBe('0.01');
    await sleep(50); // the clock notices a sleep within a second
    taker = await take();
  }
  expect(taker.timestampms).toBeGreaterThanOrEqual(expiresAtMs);
  expect(taker.executed_amount).toBe('0');
  const status = await signedPost(baseUrl, accounts[0]!, '/v1/order/status', { order_id: maker.order_id });
  expect(status.body).toMatchObject({ is_live: false, is_cancelled: true, reason: 'Expired' });
  expect(await exchange.stop()).toBe(0);
  await expectSound(join(folder, 'data'), 'after a sleep past an expiry');
});
