import { afterEach, beforeEach, expect, test } from 'vitest';
import { InlineExchange, type TestAccount } from '../../support/inline-exchange.ts';

let exchange: InlineExchange;
let alice: TestAccount;
let bob: TestAccount;

beforeEach(async () => {
  exchange = await InlineExchange.start({ marketProtectionPpm: 50_000 });
  alice = await exchange.account();
  bob = await exchange.account();
});
afterEach(() => exchange.close());

const market = (account: TestAccount, side: 'buy' | 'sell', amount: string, fields: object = {}) =>
  exchange.post(account, '/v1/order/new', { symbol: 'btcusd', side, amount, type: 'exchange market', ...fields });

test('takes what it needs at the best prices and never rests', async () => {
  for (const price of ['100.00', '101.00']) await exchange.order(alice, 'sell', '1', price);
  const answer = await market(bob, 'buy', '1.5');
  expect(answer.body).toMatchObject({
    type: 'exchange market',
    is_live: false,
    is_cancelled: false,
    executed_amount: '1.5',
    avg_execution_price: '100.333333333333',
    options: [],
    price: '105.00',
  });
});

test.each([
  // [side of the maker, price within 5 %, price beyond it by one tick, protection price]
  ['sell', 'buy', '100.10', '105.10', '105.11', '105.10'], // 105.105 rounded down
  ['buy', 'sell', '100.10', '95.10', '95.09', '95.10'], // 95.095 rounded up
] as const)(
  'against %s orders: trades 5 %% deep, to the tick, and not further',
  async (makers, side, best, within, beyond, protection) => {
    for (const price of [best, within, beyond]) await exchange.order(alice, makers, '1', price);
    const answer = await market(bob, side, '3');
    expect(answer.body).toMatchObject({
      is_cancelled: true,
      reason: 'ExceedsPriceLimits',
      executed_amount: '2',
      remaining_amount: '1',
      price: protection,
    });
  },
);

test('fill-or-kill is all or nothing', async () => {
  await exchange.order(alice, 'sell', '1', '100.00');
  const killed = await market(bob, 'buy', '2', { options: ['fill-or-kill'] });
  expect(killed.body).toMatchObject({ is_cancelled: true, reason: 'FillOrKillWouldNotFill', executed_amount: '0' });
});

test('without anybody to trade with, it goes by the last price; without that, it is refused', async () => {
  expect((await market(bob, 'buy', '1')).body).toMatchObject({ result: 'error', reason: 'InvalidPrice' });
  await exchange.order(alice, 'sell', '1', '100.00');
  await market(bob, 'buy', '1');
  expect((await market(bob, 'buy', '1')).body).toMatchObject({
    is_cancelled: true,
    executed_amount: '0',
    price: '105.00',
  });
});

test('a repeat finds its order although the price has moved', async () => {
  await exchange.order(alice, 'sell', '1', '100.00');
  const first = await market(bob, 'buy', '1', { client_order_id: 'm' });
  await exchange.order(alice, 'sell', '1', '110.00');
  const repeat = await market(bob, 'buy', '1', { client_order_id: 'm' });
  expect(repeat.body).toEqual(first.body);
});

test('a price, maker-or-cancel and a need beyond the balance are refused', async () => {
  await exchange.order(alice, 'sell', '1', '100.00');
  expect((await market(bob, 'buy', '1', { price: '99.00' })).body.reason).toBe('InvalidPrice');
  expect((await market(bob, 'buy', '1', { options: ['maker-or-cancel'] })).body.reason).toBe('UnsupportedOption');
  expect(await market(bob, 'buy', '100000')).toMatchObject({ status: 406, body: { reason: 'InsufficientFunds' } });
});
