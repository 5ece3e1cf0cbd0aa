import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditDataFolder } from '../../workers/audit/audit.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import type { Answer, Credentials } from '../support/signed-client.ts';

const SCRIPT = fileURLToPath(new URL('../clients/classic-order.mjs', import.meta.url));

/** One USD in the ledger's units: ten decimals. */
const USD = 10n ** 10n;
const GRANT_USD = 1_000_000n * USD;
const BTC = 10n ** 8n;
const GRANT_BTC = 100n * BTC;

let folder: string;
let exchange: ExchangeProcess;
let nonceSeconds = Math.floor(Date.now() / 1_000);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-classic-'));
  exchange = await ExchangeProcess.start(folder);
});

afterAll(async () => {
  await exchange?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the script in a process of its own. Its nonces are whole seconds with three zeros: each call takes a later one. */
async function run(credentials: Credentials, endpoint: string, fields: object = {}): Promise<Answer> {
  nonceSeconds += 1;
  const { stdout } = await promisify(execFile)(process.execPath, [
    SCRIPT,
    exchange.sandbox.baseUrl,
    credentials.key,
    credentials.secret,
    endpoint,
    JSON.stringify(fields),
    `${nonceSeconds}000`,
  ]);
  return JSON.parse(stdout) as Answer;
}

async function balances(credentials: Credentials): Promise<Record<string, { amount: bigint; available: bigint }>> {
  const { status, body } = await run(credentials, '/v1/balances');
  expect(status).toBe(200);
  const scale = (currency: string): number => (currency === 'USD' ? 10 : 8);
  return Object.fromEntries(
    (body as { currency: string; amount: string; available: string }[]).map(({ currency, amount, available }) => [
      currency,
      { amount: toUnits(amount, scale(currency)), available: toUnits(available, scale(currency)) },
    ]),
  );
}

function toUnits(text: string, decimals: number): bigint {
  const [whole, fraction = ''] = text.split('.');
  expect(fraction.length).toBeLessThanOrEqual(decimals);
  return BigInt(whole + fraction.padEnd(decimals, '0'));
}

test('the classroom script places, queries, crosses and cancels; balances move to the unit, fees included', async () => {
  const alice = exchange.sandbox.accounts[0]!;
  const bob = exchange.sandbox.accounts[1]!;

  // 5 BTC at 3,633.00, maker-or-cancel, as the lesson has it: it rests, and holds 18,165 USD and 0.4 % of that.
  const lesson = { symbol: 'btcusd', amount: '5', price: '3633.00', side: 'buy', type: 'exchange limit' };
  const placed = await run(alice, '/v1/order/new', { ...lesson, options: ['maker-or-cancel'] });
  expect(placed).toMatchObject({
    status: 200,
    body: {
      symbol: 'btcusd',
      exchange: 'gemini',
      side: 'buy',
      type: 'exchange limit',
      price: '3633.00',
      original_amount: '5',
      remaining_amount: '5',
      executed_amount: '0',
      avg_execution_price: '0.00',
      is_live: true,
      is_cancelled: false,
      options: ['maker-or-cancel'],
    },
  });
  const held = 18_165n * USD + (18_165n * USD * 4n) / 1_000n;
  expect((await balances(alice)).USD).toEqual({ amount: GRANT_USD, available: GRANT_USD - held });

  const status = await run(alice, '/v1/order/status', { order_id: placed.body.order_id });
  expect(status.body).toEqual(placed.body);
  const foreign = await run(bob, '/v1/order/status', { order_id: placed.body.order_id });
  expect(foreign).toMatchObject({ status: 404, body: { result: 'error', reason: 'OrderNotFound' } });

  // Bob sells 2 BTC into it, asking for less: the trade is at the resting order's price.
  const sold = await run(bob, '/v1/order/new', { ...lesson, side: 'sell', amount: '2', price: '3600.00' });
  expect(sold.body).toMatchObject({
    is_live: false,
    is_cancelled: false,
    executed_amount: '2',
    remaining_amount: '0',
    avg_execution_price: '3633.00',
  });
  const notional = 7_266n * USD;
  const makerFee = (notional * 2n) / 1_000n;
  const takerFee = (notional * 4n) / 1_000n;
  const heldAfter = 10_899n * USD + (10_899n * USD * 4n) / 1_000n;
  const aliceUsd = GRANT_USD - notional - makerFee;
  expect(await balances(alice)).toMatchObject({
    USD: { amount: aliceUsd, available: aliceUsd - heldAfter },
    BTC: { amount: GRANT_BTC + 2n * BTC, available: GRANT_BTC + 2n * BTC },
  });
  const bobUsd = GRANT_USD + notional - takerFee;
  expect(await balances(bob)).toMatchObject({
    USD: { amount: bobUsd, available: bobUsd },
    BTC: { amount: GRANT_BTC - 2n * BTC, available: GRANT_BTC - 2n * BTC },
  });

  const open = await run(alice, '/v1/orders');
  expect(open.body).toHaveLength(1);
  expect(open.body[0]).toMatchObject({ executed_amount: '2', remaining_amount: '3', avg_execution_price: '3633.00' });

  const cancelled = await run(alice, '/v1/order/cancel', { order_id: Number(placed.body.order_id) });
  expect(cancelled.body).toMatchObject({
    is_live: false,
    is_cancelled: true,
    reason: 'Requested',
    executed_amount: '2',
    remaining_amount: '3',
  });
  expect((await balances(alice)).USD).toEqual({ amount: aliceUsd, available: aliceUsd });
  expect((await run(alice, '/v1/orders')).body).toEqual([]);
});

test('the script gets JSON for its mistakes too: the same second twice, too many decimals, too little money', async () => {
  const alice = exchange.sandbox.accounts[0]!;
  const order = { symbol: 'btcusd', amount: '1', price: '100.00', side: 'buy', type: 'exchange limit' };
  await run(alice, '/v1/heartbeat');
  nonceSeconds -= 1;
  expect(await run(alice, '/v1/heartbeat')).toMatchObject({ status: 400, body: { reason: 'InvalidNonce' } });
  expect(await run(alice, '/v1/order/new', { ...order, price: '100.001' })).toMatchObject({
    status: 400,
    body: { result: 'error', reason: 'InvalidPrice' },
  });
  expect(await run(alice, '/v1/order/new', { ...order, amount: '1e3' })).toMatchObject({
    status: 400,
    body: { result: 'error', reason: 'InvalidQuantity' },
  });
  expect(await run(alice, '/v1/order/new', { ...order, amount: '100000' })).toMatchObject({
    status: 406,
    body: { result: 'error', reason: 'InsufficientFunds' },
  });
});

test('afterwards the books balance', async () => {
  expect(await exchange.stop()).toBe(0);
  const report = await auditDataFolder(folder);
  expect(report.statements.flatMap((statement) => statement.findings)).toEqual([]);
  expect(report).toMatchObject({ ok: true, unsettledEvents: 0, restingOrders: 0 });
});
