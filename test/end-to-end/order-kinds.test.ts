import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tryParseDecimal } from '../../core/money/decimal.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { type CommandOutput, RingbookCommands } from '../support/ringbook-commands.ts';
import { type Answer, type Credentials, signedPost } from '../support/signed-client.ts';
import { expectSound } from '../support/sound.ts';
import { TradingLoad } from '../support/trading-load.ts';
import { until } from '../support/until.ts';

/** What every kind of order holds, spends and gives back, on the real process and its real ledger. */

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const PATIENCE = { timeout: 20_000 };
let folder: string;
let exchange: ExchangeProcess;
let alice: Credentials;
let bob: Credentials;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-kinds-'));
  await start();
});
afterAll(async () => {
  await exchange.kill();
  rmSync(folder, { recursive: true, force: true });
});

async function start(): Promise<void> {
  exchange = await ExchangeProcess.start(folder);
  [alice, bob] = exchange.sandbox.accounts as readonly Credentials[] as [Credentials, Credentials];
}

const post = (account: Credentials, path: string, fields: object = {}): Promise<Answer> =>
  signedPost(exchange.sandbox.baseUrl, account, path, fields);
const place = async (account: Credentials, fields: object) => {
  const answer = await post(account, '/v1/order/new', { symbol: 'btcusd', type: 'exchange limit', ...fields });
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body;
};
const amend = async (account: Credentials, order: { order_id: string }, fields: object) => {
  const answer = await post(account, '/v1/order/amend', { order_id: order.order_id, ...fields });
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body;
};
const status = async (account: Credentials, { order_id }: { order_id: string }) =>
  (await post(account, '/v1/order/status', { order_id })).body;
const cancel = (account: Credentials, { order_id }: { order_id: string }) =>
  post(account, '/v1/order/cancel', { order_id });

/** @returns available and held units of USD (10^-10) and BTC (10^-8), once settlement has everything */
async function funds(account: Credentials): Promise<readonly bigint[]> {
  const { body } = await post(account, '/v1/balances');
  return ['USD', 'BTC'].flatMap((code) => {
    const row = body.find(({ currency }: { currency: string }) => currency === code);
    const [amount, available] = [row.amount, row.available].map(
      (text) => tryParseDecimal(text, code === 'USD' ? 10 : 8) as bigint,
    );
    return [available!, amount! - available!];
  });
}

const usd = (text: string): bigint => tryParseDecimal(text, 10) as bigint;
const btc = (text: string): bigint => tryParseDecimal(text, 8) as bigint;
/** Of a notional, with 0.4 % on it: none of these needs rounding. */
const withFee = (text: string): bigint => (usd(text) * 1_004n) / 1_000n;

/** A trade between both accounts, and back, so that nobody is richer or poorer but for the fees. */
async function tradeAt(price: string): Promise<void> {
  await place(bob, { side: 'sell', amount: '0.1', price });
  expect(await place(alice, { side: 'buy', amount: '0.1', price })).toMatchObject({ executed_amount: '0.1' });
}

test('each kind holds its need, to the unit, from its placing to its end', async () => {
  let [usdTotal, btcTotal] = [usd('1000000'), btc('100')];
  const holds = async (usdHeld: bigint, btcHeld = 0n): Promise<void> => {
    const wanted = [usdTotal - usdHeld, usdHeld, btcTotal - btcHeld, btcHeld];
    await expect.poll(() => funds(alice), PATIENCE).toEqual(wanted);
  };
  await holds(0n);

  // A stop limit that waits: amended up, down, in its limit; refused; cancelled.
  const stop = await place(alice, {
    side: 'buy',
    amount: '1',
    type: 'exchange stop limit',
    stop_price: '110.00',
    price: '111.00',
  });
  await holds(withFee('111'));
  await amend(alice, stop, { amount: '2' });
  await holds(withFee('222'));
  await amend(alice, stop, { price: '112.00' });
  await holds(withFee('224'));
  await amend(alice, stop, { amount: '0.5' });
  await holds(withFee('56'));
  expect((await post(alice, '/v1/order/amend', { order_id: stop.order_id, amount: '9000' })).status).toBe(406);
  await holds(withFee('56'));
  await setState('halted');
  expect((await post(alice, '/v1/order/amend', { order_id: stop.order_id, amount: '3' })).body.reason).toBe(
    'MarketNotOpen',
  );
  await holds(withFee('56'));
  await setState('trading');
  await amend(alice, stop, { amount: '1', price: '111.00' });
  await holds(withFee('111'));
  await cancel(alice, stop);
  await holds(0n);

  // A stop market, held for at its protection price.
  const stopMarket = await place(alice, {
    side: 'buy',
    amount: '1',
    type: 'exchange stop market',
    stop_price: '100.00',
  });
  await holds(withFee('105'));
  await cancel(alice, stopMarket);
  const sellStop = await place(alice, { side: 'sell', amount: '2', type: 'exchange stop market', stop_price: '50.00' });
  await holds(0n, btc('2'));
  await amend(alice, sellStop, { amount: '3' });
  await holds(0n, btc('3'));
  await cancel(alice, sellStop);
  await holds(0n);

  // A resting order amended into the cross: what it pays is the maker's price and the taker's fee.
  const resting = await place(alice, { side: 'buy', amount: '1', price: '90.00' });
  await place(bob, { side: 'sell', amount: '0.4', price: '100.00' });
  await amend(alice, resting, { price: '101.00', amount: '1.2' });
  usdTotal -= withFee('40');
  btcTotal += btc('0.4');
  await holds(withFee('80.8')); // 0.8 at 101
  await amend(alice, resting, { amount: '0.5' });
  await holds(withFee('10.1'));
  await cancel(alice, resting);
  await holds(0n);

  // A market buy by total_spend: never more than that and its fee.
  await place(bob, { side: 'sell', amount: '1', price: '100.00' });
  const spent = await place(alice, { side: 'buy', type: 'exchange market', total_spend: '50.0000015' });
  expect(spent).toMatchObject({ executed_amount: '0.50000001', remaining_spend: '0.0000005' });
  usdTotal -= usd('50.000001') + (usd('50.000001') * 4n) / 1_000n;
  btcTotal += btc('0.50000001');
  await holds(0n);
  await post(bob, '/v1/order/cancel/all');

  // Decrement gives back what the order lost; good-til-date what is left when its time has come.
  const mode = { self_trade_prevention: 'decrement' };
  const expiresAtMs = Date.now() + 5_000;
  const dated = { options: ['good-til-date'], expire_at: expiresAtMs };
  const buy = await place(alice, { side: 'buy', amount: '1', price: '100.00', ...mode, ...dated });
  await place(alice, { side: 'sell', amount: '0.4', price: '100.00', ...mode });
  await holds(withFee('60'));
  await until(async () => (await status(alice, buy)).reason === 'Expired');
  expect(Date.now()).toBeGreaterThanOrEqual(expiresAtMs);
  await holds(0n);
}, 120_000);

test('kill -9 with every kind at work: all is there afterwards, with what it holds; what expired meanwhile is gone', async () => {
  await tradeAt('100.00');
  const later = { options: ['good-til-date'], expire_at: Date.now() + 3_600_000 };
  const stop = { type: 'exchange stop limit' };
  const placed = [
    await place(alice, {
      side: 'buy',
      amount: '1',
      stop_price: '110.00',
      price: '111.00',
      ...stop,
      client_order_id: 'stop',
    }),
    await place(alice, {
      side: 'sell',
      amount: '1',
      stop_price: '90.00',
      type: 'exchange stop market',
      client_order_id: 'market',
    }),
    await place(alice, { side: 'buy', amount: '1', price: '80.00', ...later, client_order_id: 'later' }),
    await place(alice, {
      side: 'buy',
      amount: '1',
      price: '81.00',
      self_trade_prevention: 'decrement',
      client_order_id: 'mode',
    }),
  ];
  await amend(alice, placed[0]!, { amount: '2', price: '112.00' });
  await amend(alice, placed[3]!, { amount: '1.5' });
  const before = await Promise.all(placed.map((order) => status(alice, order)));
  const held = withFee('224') + withFee('80') + withFee('121.5');
  await expect.poll(async () => (await funds(alice))[1], PATIENCE).toBe(held);
  const total = (await funds(alice)).reduce((sum, units) => sum + units);
  const soon = { options: ['good-til-date'], expire_at: Date.now() + 3_000 };
  const expiring = await place(alice, { side: 'buy', amount: '1', price: '82.00', ...soon });
  const expiringStop = await place(alice, {
    side: 'buy',
    amount: '1',
    stop_price: '120.00',
    price: '121.00',
    ...stop,
    ...soon,
  });
  await exchange.kill();
  await sleep(Math.max(0, soon.expire_at - Date.now()));
  await start();

  for (const order of [expiring, expiringStop])
    expect(await status(alice, order)).toMatchObject({ is_live: false, is_cancelled: true, reason: 'Expired' });
  expect(await Promise.all(placed.map((order) => status(alice, order)))).toEqual(before);
  const retry = { side: 'buy', amount: '1', stop_price: '110.00', price: '111.00', ...stop, client_order_id: 'stop' };
  expect(await place(alice, retry)).toEqual(before[0]); // as it was sent, before its amendment
  await expect.poll(async () => (await funds(alice))[1], PATIENCE).toBe(held);
  expect((await funds(alice)).reduce((sum, units) => sum + units)).toBe(total);
  const book = await (await fetch(`${exchange.sandbox.baseUrl}/v1/book/btcusd`)).json();
  expect(book).toMatchObject({
    bids: [
      { price: '81.00', amount: '1.5' },
      { price: '80.00', amount: '1' },
    ],
    asks: [],
  });

  await tradeAt('110.00'); // triggers the stop limit
  const rest = await place(bob, { side: 'sell', amount: '2', price: '112.00' });
  expect(rest).toMatchObject({ executed_amount: '2' });
  expect(await status(alice, placed[0]!)).toMatchObject({ is_live: false, executed_amount: '2' });
  const all = await post(alice, '/v1/order/cancel/all');
  expect(all.body.details.cancelledOrders).toEqual(placed.slice(1).map(({ order_id }) => Number(order_id)));
  await expect.poll(async () => (await funds(alice)).filter((_, at) => at % 2 === 1), PATIENCE).toEqual([0n, 0n]);
  expect(await exchange.stop()).toBe(0);
  const audited = await audit();
  expect(audited).toMatchObject({ code: 0, stderr: expect.not.stringContaining('ringbook:') });
  expect(audited.stdout).not.toContain('BROKEN');
  await start();
}, 120_000);

test(`random orders and amendments of every kind, kill -9 in the middle: sound, and every acknowledged order answers its retry (SEED=${seed})`, async () => {
  const random = new RandomIntegers(seed);
  for (let round = 0; round < (process.env.RINGBOOK_TEST_LONG === '1' ? 12 : 2); round++) {
    const load = new TradingLoad(exchange.sandbox.accounts, random, 'all');
    const running = load.run(exchange.sandbox.baseUrl, 12, round);
    await sleep(2_000);
    await exchange.kill();
    await running;
    const acknowledged = load.orders.filter(({ orderId }) => typeof orderId === 'string');
    expect(acknowledged.length).toBeGreaterThan(20);
    await expectSound(folder, `after kill ${round} (SEED=${seed})`);
    await start();
    for (const { credentials, fields, orderId } of acknowledged) {
      const retried = await post(credentials, '/v1/order/new', fields);
      expect(retried.body.order_id, `retry of ${JSON.stringify(fields)} (SEED=${seed})`).toBe(orderId);
    }
  }
  for (const account of [alice, bob]) await post(account, '/v1/order/cancel/all');
  for (const account of [alice, bob])
    await expect.poll(async () => (await funds(account)).filter((_, at) => at % 2 === 1), PATIENCE).toEqual([0n, 0n]);
  expect(await exchange.stop()).toBe(0);
  expect(await audit()).toMatchObject({ code: 0 });
}, 600_000);

async function setState(state: string): Promise<void> {
  const { adminUrl, adminToken } = exchange.sandbox;
  const headers = { Authorization: `Bearer ${adminToken}` };
  const body = JSON.stringify({ symbol: 'btcusd', state });
  expect((await fetch(`${adminUrl}/instruments/state`, { method: 'POST', headers, body })).status).toBe(200);
}

const audit = (): Promise<CommandOutput> => new RingbookCommands(() => folder).run('audit');
