import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AdminRoute } from '../../gateway/admin/admin-route.ts';
import { InlineExchange, type TestAccount } from '../support/inline-exchange.ts';

let exchange: InlineExchange;
let alice: TestAccount;
let bob: TestAccount;

beforeEach(async () => {
  exchange = await InlineExchange.start();
  alice = await exchange.account();
  bob = await exchange.account();
});
afterEach(() => exchange.close());

function route(method: string, path: string): AdminRoute {
  const accounts = {} as Parameters<typeof exchange.gateway.adminRoutes>[0]; // of no use to these routes
  return exchange.gateway.adminRoutes(accounts).find((each) => each.method === method && each.path === path)!;
}

/** What an operator's call resolves to, of btcusd. */
async function update(changes: object): Promise<Record<string, unknown>> {
  return (await route('POST', '/instruments/update').answer({ symbol: 'btcusd', ...changes })) as Record<
    string,
    unknown
  >;
}

async function listed(): Promise<Record<string, unknown>> {
  const rows = (await route('GET', '/instruments').answer(undefined)) as Record<string, unknown>[];
  return rows.find(({ symbol }) => symbol === 'btcusd')!;
}

const FIRST = {
  minimum: '0.00001',
  maximum: '90071992.54740991',
  makerRatePpm: 2_000,
  takerRatePpm: 4_000,
  priceBandPpm: 0,
  referencePrice: 'last',
};

test('what is named changes, the rest stays, and all of it survives a restart', async () => {
  expect(await listed()).toMatchObject(FIRST);
  expect(await update({ makerRatePpm: 0 })).toMatchObject({ ...FIRST, makerRatePpm: 0 });
  await update({ takerRatePpm: 1_000_000, minimum: '0.01', maximum: '5' });
  await update({ priceBandPpm: 100_000, referencePrice: '60000.00' });
  const changed = {
    ...{ makerRatePpm: 0, takerRatePpm: 1_000_000, minimum: '0.01', maximum: '5' },
    ...{ priceBandPpm: 100_000, referencePrice: '60000.00' },
  };
  expect(await listed()).toMatchObject(changed);
  exchange = await exchange.restart();
  expect(await listed()).toMatchObject(changed);
  expect(await update({ referencePrice: 'last', priceBandPpm: 0 })).toMatchObject({
    ...changed,
    priceBandPpm: 0,
    referencePrice: 'last',
  });
  expect((await exchange.get('/v1/symbols/details/btcusd')).body).toMatchObject({
    min_order_size: '0.01',
    max_order_size: '5',
    maker_fee_ppm: 0,
    taker_fee_ppm: 1_000_000,
  });
});

test('updates at the same moment: none undoes another', async () => {
  await Promise.all([
    update({ makerRatePpm: 7 }),
    update({ takerRatePpm: 8 }),
    update({ minimum: '0.5' }),
    update({ maximum: '9' }),
    update({ priceBandPpm: 10 }),
  ]);
  expect(await listed()).toMatchObject({
    makerRatePpm: 7,
    takerRatePpm: 8,
    minimum: '0.5',
    maximum: '9',
    priceBandPpm: 10,
  });
});

test('orders carry the rates of their time: held and charged by them, whatever comes later', async () => {
  const held = (answer: { body: { order_id: string } }) =>
    exchange.ledger.holds.get(Number(answer.body.order_id))!.units;
  const before = await exchange.order(alice, 'buy', '1', '100.00');
  expect(held(before)).toBe(1_004_000_000_000n); // 100 USD and 0.4 %
  await update({ makerRatePpm: 0, takerRatePpm: 10_000 });
  const after = await exchange.order(alice, 'buy', '1', '99.00');
  expect(held(after)).toBe(999_900_000_000n); // 99 USD and 1 %
  await exchange.order(bob, 'sell', '2', '99.00');
  const trades = (await exchange.post(alice, '/v1/mytrades', { symbol: 'btcusd' })).body;
  expect(trades.map((trade: { fee_amount: string }) => trade.fee_amount)).toEqual(['0', '0.2']);
  const [taken] = (await exchange.post(bob, '/v1/mytrades', { symbol: 'btcusd' })).body;
  expect(taken.fee_amount).toBe('0.99');
});

test('smallest and largest quantity: both sides of each', async () => {
  await update({ minimum: '0.5', maximum: '2' });
  const outcome = async (amount: string) => {
    const { status, body } = await exchange.order(alice, 'sell', amount, '100.00');
    return status === 200 ? 'taken' : body.reason;
  };
  expect(await outcome('0.49999999')).toBe('InvalidQuantity');
  expect(await outcome('0.5')).toBe('taken');
  expect(await outcome('2')).toBe('taken');
  expect(await outcome('2.00000001')).toBe('InvalidQuantity');
});

test('a price band cuts what would trade beyond it, to the tick', async () => {
  await update({ priceBandPpm: 10_000, referencePrice: '100.00' }); // 99.00 … 101.00
  for (const price of ['101.00', '101.01']) await exchange.order(alice, 'sell', '1', price);
  const cut = await exchange.order(bob, 'buy', '2', '200.00');
  expect(cut.body).toMatchObject({ executed_amount: '1', is_cancelled: true, reason: 'ExceedsPriceLimits' });
  await update({ priceBandPpm: 10_100 });
  expect((await exchange.order(bob, 'buy', '1', '200.00')).body).toMatchObject({ executed_amount: '1' });
});

test.each([
  [{}, 'at least one'],
  [{ makerRatePpm: -1 }, 'makerRatePpm'],
  [{ takerRatePpm: 1_000_001 }, 'takerRatePpm'],
  [{ priceBandPpm: 1_000_001 }, 'priceBandPpm'],
  [{ priceBandPpm: 0.5 }, 'priceBandPpm'],
  [{ minimum: '0' }, 'minimum'],
  [{ minimum: '0.000000001' }, 'minimum'],
  [{ minimum: '2', maximum: '1' }, 'above the maximum'],
  [{ maximum: '0.000001' }, 'above the maximum'],
  [{ maximum: '90071992.54740992' }, 'maximum'], // 2^53 lots
  [{ referencePrice: '0' }, 'referencePrice'],
  [{ referencePrice: '0.005' }, 'referencePrice'],
  [{ referencePrice: '21474836.48' }, 'referencePrice'],
  [{ tickSize: '0.1' }, 'tickSize'],
  [{ symbol: 'nousd', makerRatePpm: 1 }, 'there is no instrument'],
])('%j is refused, and nothing changes', async (changes, message) => {
  await expect(async () => update(changes)).rejects.toThrow(message);
  expect(await listed()).toMatchObject(FIRST);
});
