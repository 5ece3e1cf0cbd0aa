import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { InlineExchange, type TestAccount } from '../../support/inline-exchange.ts';
import type { Answer } from '../../support/signed-client.ts';
import { until } from '../../support/until.ts';

let exchange: InlineExchange;
let alice: TestAccount;
let bob: TestAccount;

beforeEach(async () => {
  exchange = await InlineExchange.start();
  alice = await exchange.account();
  bob = await exchange.account();
});
afterEach(() => exchange.close());

const USD = 10n ** 10n;
const BTC = 10n ** 8n;
const amend = (account: TestAccount, placed: Answer, fields: object): Promise<Answer> =>
  exchange.post(account, '/v1/order/amend', { order_id: placed.body.order_id, ...fields });
const status = async (account: TestAccount, placed: Answer) =>
  (await exchange.post(account, '/v1/order/status', { order_id: placed.body.order_id })).body;
const book = async () => (await exchange.get('/v1/book/btcusd')).body;

/** What was held by the calls since the last one of this, in their order. */
let seenHolds = new Set<number>();
beforeEach(() => {
  seenHolds = new Set();
});
function newHolds(): bigint[] {
  const fresh = [...exchange.ledger.holds].filter(([commandId]) => !seenHolds.has(commandId));
  for (const [commandId] of fresh) seenHolds.add(commandId);
  return fresh.map(([, { units }]) => units);
}

describe('what it changes, and what it holds for that', () => {
  test('a larger total and a higher limit of a buy: the added need, fee included, rounded up', async () => {
    const placed = await exchange.order(alice, 'buy', '1', '100.00');
    expect(newHolds()).toEqual([(100n * USD * 1_004n) / 1_000n]);
    const larger = await amend(alice, placed, { amount: '1.5' });
    expect(larger).toMatchObject({
      status: 200,
      body: { order_id: placed.body.order_id, original_amount: '1.5', remaining_amount: '1.5', price: '100.00' },
    });
    expect(newHolds()).toEqual([(50n * USD * 1_004n) / 1_000n]);
    const higher = await amend(alice, placed, { price: '110.00' });
    expect(higher.body).toMatchObject({ original_amount: '1.5', price: '110.00', is_live: true });
    expect(newHolds()).toEqual([(15n * USD * 1_004n) / 1_000n]);
    await amend(alice, placed, { price: '120.00', amount: '2' });
    expect(newHolds()).toEqual([((15n + 60n) * USD * 1_004n) / 1_000n]); // 1.5 at 10 more, 0.5 at 120
    expect(await status(alice, placed)).toMatchObject({ original_amount: '2', price: '120.00' });
    expect((await book()).bids).toEqual([{ price: '120.00', amount: '2', timestamp: '0' }]);
  });

  test('a smaller total or a lower limit holds nothing; a sell holds base for more quantity only', async () => {
    const buy = await exchange.order(alice, 'buy', '1', '100.00');
    const sell = await exchange.order(alice, 'sell', '1', '200.00');
    newHolds();
    expect((await amend(alice, buy, { amount: '0.4' })).body).toMatchObject({ original_amount: '0.4' });
    expect((await amend(alice, buy, { price: '90.00' })).body).toMatchObject({ price: '90.00' });
    expect((await amend(alice, sell, { price: '300.00' })).body).toMatchObject({ price: '300.00' });
    expect(newHolds()).toEqual([]);
    await amend(alice, sell, { amount: '1.25' });
    expect(newHolds()).toEqual([BTC / 4n]);
    expect(await book()).toEqual({
      bids: [{ price: '90.00', amount: '0.4', timestamp: '0' }],
      asks: [{ price: '300.00', amount: '1.25', timestamp: '0' }],
    });
  });

  test('smaller keeps the place in the queue; anything else goes to its end', async () => {
    const first = await exchange.order(alice, 'sell', '1', '100.00');
    const second = await exchange.order(alice, 'sell', '1', '100.00');
    await amend(alice, first, { amount: '0.5' });
    await exchange.order(bob, 'buy', '0.1', '100.00');
    expect(await status(alice, first)).toMatchObject({ executed_amount: '0.1', remaining_amount: '0.4' });
    await amend(alice, first, { amount: '0.6' });
    await exchange.order(bob, 'buy', '0.2', '100.00');
    expect(await status(alice, second)).toMatchObject({ executed_amount: '0.2' });
    expect(await status(alice, first)).toMatchObject({ executed_amount: '0.1', remaining_amount: '0.5' });
  });

  test('into the cross it trades at the maker’s price, and the rest rests at its new limit', async () => {
    const placed = await exchange.order(alice, 'buy', '1', '90.00');
    await exchange.order(bob, 'sell', '0.4', '100.00');
    const crossed = await amend(alice, placed, { price: '101.00' });
    expect(crossed.body).toMatchObject({
      executed_amount: '0.4',
      remaining_amount: '0.6',
      avg_execution_price: '100.00',
      is_live: true,
    });
    expect((await book()).bids).toEqual([{ price: '101.00', amount: '0.6', timestamp: '0' }]);
  });

  test('a post-only order that would take is cancelled', async () => {
    const placed = await exchange.order(alice, 'buy', '1', '90.00', { options: ['maker-or-cancel'] });
    await exchange.order(bob, 'sell', '0.4', '100.00');
    const crossed = await amend(alice, placed, { price: '100.00' });
    expect(crossed.body).toMatchObject({ is_cancelled: true, reason: 'MakerOrCancelWouldTake', executed_amount: '0' });
  });

  test('a stop that waits keeps waiting, with its new limit and total', async () => {
    const fields = { type: 'exchange stop limit', stop_price: '110.00' };
    await exchange.order(bob, 'sell', '0.1', '100.00');
    await exchange.order(alice, 'buy', '0.1', '100.00');
    const placed = await exchange.order(alice, 'buy', '1', '111.00', fields);
    newHolds();
    const amended = await amend(alice, placed, { price: '112.00', amount: '2' });
    expect(amended.body).toMatchObject({
      type: 'stop-limit',
      stop_price: '110.00',
      price: '112.00',
      original_amount: '2',
    });
    expect(newHolds()).toEqual([((1n + 112n) * USD * 1_004n) / 1_000n]);
    expect((await book()).bids).toEqual([]);
    expect(await amend(alice, placed, { price: '109.99' })).toMatchObject({ body: { reason: 'InvalidStopPriceBuy' } });
    expect(await amend(alice, placed, { price: '165.00' })).toMatchObject({ status: 200 }); // half above
    expect(await amend(alice, placed, { price: '165.01' })).toMatchObject({
      body: { reason: 'InvalidStopPriceRatio' },
    });
    const market = { symbol: 'btcusd', side: 'sell', amount: '1', type: 'exchange stop market', stop_price: '90.00' };
    const stopMarket = await exchange.post(alice, '/v1/order/new', market);
    expect(await amend(alice, stopMarket, { price: '91.00' })).toMatchObject({ body: { reason: 'InvalidPrice' } });
    expect((await amend(alice, stopMarket, { amount: '0.5' })).body).toMatchObject({ original_amount: '0.5' });
  });

  test('by client_order_id, and again: the same total twice changes nothing', async () => {
    const placed = await exchange.order(alice, 'buy', '1', '100.00', { client_order_id: 'c' });
    const change = { client_order_id: 'c', amount: '2', price: '101.00' };
    const once = await exchange.post(alice, '/v1/order/amend', change);
    newHolds();
    const twice = await exchange.post(alice, '/v1/order/amend', change);
    expect(twice.body).toEqual(once.body);
    expect(twice.body.order_id).toBe(placed.body.order_id);
    expect(newHolds()).toEqual([]);
  });

  test('after it, a retry of the first request finds the order, in the view and in the history', async () => {
    await exchange.close();
    exchange = await InlineExchange.start({ closedOrders: 1 });
    alice = await exchange.account();
    const again = () => exchange.order(alice, 'buy', '1', '100.00', { client_order_id: 'c' });
    const placed = await again();
    await amend(alice, placed, { amount: '2', price: '101.00' });
    expect((await again()).body).toMatchObject({
      order_id: placed.body.order_id,
      original_amount: '2',
      price: '101.00',
    });
    exchange = await exchange.restart();
    expect((await again()).body.order_id).toBe(placed.body.order_id);
    await exchange.post(alice, '/v1/order/cancel', { order_id: placed.body.order_id });
    for (let at = 0; at < 3; at++)
      await exchange.order(alice, 'buy', '1', '1.00', { options: ['immediate-or-cancel'] });
    expect(exchange.gateway.orders.order(Number(placed.body.order_id))).toBeUndefined();
    expect((await again()).body).toMatchObject({
      order_id: placed.body.order_id,
      original_amount: '2',
      is_cancelled: true,
    });
  });
});

describe('refusals leave the order as it is', () => {
  test.each([
    [{}, 400, 'MissingOrderField'],
    [{ amount: '0' }, 400, 'InvalidQuantity'],
    [{ amount: '0.00000999' }, 400, 'InvalidQuantity'], // a lot below the minimum
    [{ amount: '1e1' }, 400, 'InvalidQuantity'],
    [{ price: '0' }, 400, 'InvalidPrice'],
    [{ price: '100.005' }, 400, 'InvalidPrice'],
    [{ price: '21474836.48' }, 400, 'InvalidPrice'],
    [{ price: '101.00', stop_price: '100.00' }, 400, 'UnsupportedOption'],
    [{ price: '101.00', options: ['fill-or-kill'] }, 400, 'UnsupportedOption'],
    [{ amount: '1', side: 'sell' }, 400, 'UnsupportedOption'],
    [{ amount: '9961' }, 406, 'InsufficientFunds'],
    [{ amount: '90071992.54740991', price: '21474836.47' }, 406, 'InsufficientFunds'],
    [{ amount: '1', order_id: '7' }, 404, 'OrderNotFound'],
    [{ amount: '1', order_id: undefined }, 400, 'MissingOrderField'],
    [{ amount: '1', client_order_id: 'c' }, 400, 'MissingOrderField'], // both names
  ])('%j', async (fields, code, reason) => {
    const placed = await exchange.order(alice, 'buy', '1', '100.00', { client_order_id: 'c' });
    newHolds();
    const commands = exchange.gateway.lastCommandSequence;
    expect(await amend(alice, placed, fields)).toMatchObject({ status: code, body: { reason } });
    expect(await status(alice, placed)).toEqual(placed.body);
    expect(newHolds()).toEqual([]);
    expect(exchange.gateway.lastCommandSequence).toBe(commands);
  });

  test('a total must be above what is filled: both sides', async () => {
    const placed = await exchange.order(alice, 'sell', '1', '100.00');
    await exchange.order(bob, 'buy', '0.4', '100.00');
    expect(await amend(alice, placed, { amount: '0.4' })).toMatchObject({ body: { reason: 'InvalidQuantity' } });
    expect((await amend(alice, placed, { amount: '0.40000001' })).body).toMatchObject({
      remaining_amount: '0.00000001',
    });
  });

  test('a decremented part counts as gone', async () => {
    const placed = await exchange.order(alice, 'sell', '1', '100.00');
    await exchange.order(alice, 'buy', '0.4', '100.00', { self_trade_prevention: 'decrement' });
    expect(await amend(alice, placed, { amount: '0.4' })).toMatchObject({ body: { reason: 'InvalidQuantity' } });
    expect((await amend(alice, placed, { amount: '0.5' })).body).toMatchObject({
      original_amount: '0.5',
      remaining_amount: '0.1',
    });
  });

  test('another account’s, a closed one, an auditor', async () => {
    const placed = await exchange.order(alice, 'buy', '1', '100.00');
    expect(await amend(bob, placed, { amount: '2' })).toMatchObject({ status: 404 });
    const auditor = exchange.key(alice.accountId, ['auditor']);
    expect(await amend(auditor, placed, { amount: '2' })).toMatchObject({ status: 403 });
    await exchange.post(alice, '/v1/order/cancel', { order_id: placed.body.order_id });
    expect(await amend(alice, placed, { amount: '2' })).toMatchObject({
      status: 404,
      body: { reason: 'OrderNotFound' },
    });
  });

  test('the core’s own: a full total, a halted market; what was held for it is named to go back', async () => {
    const placed = await exchange.order(alice, 'buy', '1', '100.00');
    const { adminRoutes } = exchange.gateway;
    const routes = adminRoutes.call(exchange.gateway, {} as Parameters<typeof adminRoutes>[0]);
    const setState = routes.find(({ path }) => path === '/instruments/state')!;
    await setState.answer({ symbol: 'btcusd', state: 'halted' });
    newHolds();
    expect(await amend(alice, placed, { amount: '2' })).toMatchObject({ body: { reason: 'MarketNotOpen' } });
    expect(newHolds()).toEqual([(100n * USD * 1_004n) / 1_000n]);
    await setState.answer({ symbol: 'btcusd', state: 'cancel-only' });
    expect(await amend(alice, placed, { amount: '2' })).toMatchObject({ body: { reason: 'MarketNotOpen' } });
    expect(await amend(alice, placed, { amount: '0.5' })).toMatchObject({ status: 200 });
  });
});

describe('at the same moment', () => {
  test('two amendments wait for one another: each reckons from what the one before left', async () => {
    const placed = await exchange.order(alice, 'buy', '1', '100.00');
    const second = exchange.key(alice.accountId);
    newHolds();
    let pass!: () => void;
    exchange.ledger.gate = new Promise((resolve) => {
      pass = resolve;
    });
    const both = [amend(alice, placed, { amount: '2' }), amend(second, placed, { price: '110.00' })];
    await new Promise((resolve) => setTimeout(resolve, 200));
    pass();
    for (const answer of await Promise.all(both)) expect(answer.status).toBe(200);
    expect(await status(alice, placed)).toMatchObject({ original_amount: '2', price: '110.00' });
    const [one, other] = newHolds();
    // Whichever came first: 1 at 100 and 2 at 10 more, or 1 at 10 more and 1 at 110.
    expect(one! + other!).toBe((120n * USD * 1_004n) / 1_000n);
  });

  test('an order that moved while the hold was written is found where it is now', async () => {
    await exchange.order(bob, 'sell', '0.1', '100.00');
    await exchange.order(alice, 'buy', '0.1', '100.00');
    const fields = { type: 'exchange stop limit', stop_price: '110.00' };
    const placed = await exchange.order(alice, 'buy', '1', '111.00', fields);
    const carol = await exchange.account();
    exchange.isEngineStopped = true;
    const orders = [exchange.order(bob, 'sell', '0.1', '110.00'), exchange.order(carol, 'buy', '0.1', '110.00')];
    await until(() => exchange.gateway.ordersInFlight === 2);
    const before = exchange.gateway.lastCommandSequence;
    const amended = amend(alice, placed, { amount: '2' }); // names the slot of the stop that is about to be triggered
    await until(() => exchange.gateway.lastCommandSequence > before);
    exchange.isEngineStopped = false;
    exchange.wake();
    await Promise.all(orders);
    expect((await amended).body).toMatchObject({ original_amount: '2', is_live: true });
    expect((await book()).bids).toEqual([{ price: '111.00', amount: '2', timestamp: '0' }]);
  });

  test('a fill that comes first makes it smaller or too late, never wrong', async () => {
    const placed = await exchange.order(alice, 'sell', '1', '100.00');
    exchange.isEngineStopped = true;
    const fill = exchange.order(bob, 'buy', '1', '100.00');
    await until(() => exchange.gateway.ordersInFlight === 1);
    const before = exchange.gateway.lastCommandSequence;
    const amended = amend(alice, placed, { amount: '2' });
    await until(() => exchange.gateway.lastCommandSequence > before);
    exchange.isEngineStopped = false;
    exchange.wake();
    expect((await fill).body).toMatchObject({ executed_amount: '1' });
    expect(await amended).toMatchObject({ status: 404, body: { reason: 'OrderNotFound' } });
    expect(await status(alice, placed)).toMatchObject({ executed_amount: '1', original_amount: '1', is_live: false });
  });

  test('an order of which the amendment is on its way is cancelled wherever that puts it', async () => {
    const placed = await exchange.order(alice, 'buy', '1', '100.00');
    exchange.isEngineStopped = true;
    const before = exchange.gateway.lastCommandSequence;
    const amended = amend(alice, placed, { price: '101.00' });
    await until(() => exchange.gateway.lastCommandSequence === before + 1);
    const cancelled = exchange.post(exchange.key(alice.accountId), '/v1/order/cancel', {
      order_id: placed.body.order_id,
    });
    await until(() => exchange.gateway.lastCommandSequence === before + 2);
    exchange.isEngineStopped = false;
    exchange.wake();
    expect((await amended).status).toBe(200);
    expect((await cancelled).body).toMatchObject({ is_cancelled: true, price: '101.00' });
    expect(exchange.engine.restingOrders).toBe(0);
  });

  test('a shutdown waits for it', async () => {
    const placed = await exchange.order(alice, 'buy', '1', '100.00');
    exchange.isEngineStopped = true;
    const before = exchange.gateway.lastCommandSequence;
    const amended = amend(alice, placed, { amount: '2' });
    await until(() => exchange.gateway.lastCommandSequence > before);
    exchange.gateway.beginShutdown();
    const drained = exchange.gateway.drained().then(() => 'drained');
    expect(await Promise.race([drained, new Promise((resolve) => setTimeout(() => resolve('waiting'), 50))])).toBe(
      'waiting',
    );
    exchange.isEngineStopped = false;
    exchange.wake();
    expect((await amended).body).toMatchObject({ original_amount: '2' });
    expect(await drained).toBe('drained');
    expect(await amend(alice, placed, { amount: '3' })).toMatchObject({ status: 503 });
  });
});
