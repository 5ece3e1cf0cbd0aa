import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { putClockAhead } from '../../support/clock-ahead.ts';
import { InlineExchange, type TestAccount } from '../../support/inline-exchange.ts';
import type { Answer } from '../../support/signed-client.ts';
import { until } from '../../support/until.ts';

let exchange: InlineExchange;
let alice: TestAccount;
let bob: TestAccount;
let carol: TestAccount;

beforeEach(async () => {
  exchange = await InlineExchange.start();
  alice = await exchange.account();
  bob = await exchange.account();
  carol = await exchange.account();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await exchange.close();
});

const place = (account: TestAccount, fields: object): Promise<Answer> =>
  exchange.post(account, '/v1/order/new', { symbol: 'btcusd', ...fields });
const stopLimit = (account: TestAccount, side: string, stop: string, limit: string, fields: object = {}) =>
  place(account, { type: 'exchange stop limit', side, amount: '1', stop_price: stop, price: limit, ...fields });
const stopMarket = (account: TestAccount, side: string, stop: string, fields: object = {}) =>
  place(account, { type: 'exchange stop market', side, amount: '1', stop_price: stop, ...fields });
const spend = (account: TestAccount, total: string, fields: object = {}) =>
  place(account, { type: 'exchange market', side: 'buy', total_spend: total, ...fields });
const status = async (account: TestAccount, placed: Answer) =>
  (await exchange.post(account, '/v1/order/status', { order_id: placed.body.order_id })).body;
const held = (placed: Answer): bigint | undefined => exchange.ledger.holds.get(Number(placed.body.order_id))?.units;
const open = async (account: TestAccount): Promise<string[]> =>
  (await exchange.post(account, '/v1/orders')).body.map((order: { order_id: string }) => order.order_id);
const bids = async () => (await exchange.get('/v1/book/btcusd')).body.bids;

/** One trade at a price, between two others. */
async function trade(price: string, amount = '0.1'): Promise<void> {
  await exchange.order(bob, 'sell', amount, price);
  expect((await exchange.order(carol, 'buy', amount, price)).body.executed_amount).toBe(amount);
}

const USD = 10n ** 10n;

describe('a stop limit', () => {
  test('waits, is held for, stands in no book, and is found like any other', async () => {
    await trade('100.00');
    const placed = await stopLimit(alice, 'buy', '110.00', '111.00', { client_order_id: 's' });
    expect(placed.body).toMatchObject({
      type: 'stop-limit',
      is_live: true,
      is_cancelled: false,
      stop_price: '110.00',
      price: '111.00',
      executed_amount: '0',
      remaining_amount: '1',
      original_amount: '1',
      options: [],
    });
    expect(held(placed)).toBe((111n * USD * 1_004n) / 1_000n);
    expect(await bids()).toEqual([]);
    expect(await open(alice)).toEqual([placed.body.order_id]);
    expect(await status(alice, placed)).toEqual(placed.body);
    const repeat = await stopLimit(alice, 'buy', '110.00', '111.00', { client_order_id: 's' });
    expect(repeat.body).toEqual(placed.body);
    const other = await stopLimit(alice, 'buy', '110.01', '111.00', { client_order_id: 's' });
    expect(other.body.order_id).not.toBe(placed.body.order_id);
  });

  test.each([
    // side, stop, a trade that does not reach it, one that does
    ['buy', '110.00', '111.00', '109.99', '110.00'],
    ['sell', '90.00', '89.00', '90.01', '90.00'],
  ])('a %s is triggered by a trade at its stop price, not a tick before', async (side, stop, limit, before, at) => {
    await trade('100.00');
    const placed = await stopLimit(alice, side, stop, limit);
    await trade(before);
    expect(await status(alice, placed)).toMatchObject({ is_live: true, executed_amount: '0' });
    expect(await exchange.get('/v1/book/btcusd')).toMatchObject({ body: { bids: [], asks: [] } });
    await trade(at);
    expect(await status(alice, placed)).toMatchObject({ is_live: true, type: 'stop-limit', stop_price: stop });
    const { body } = await exchange.get('/v1/book/btcusd');
    expect([...body.bids, ...body.asks]).toEqual([{ price: limit, amount: '1', timestamp: '0' }]);
    expect(await open(alice)).toEqual([placed.body.order_id]);
    await exchange.order(bob, side === 'buy' ? 'sell' : 'buy', '1', limit);
    expect(await status(alice, placed)).toMatchObject({ is_live: false, executed_amount: '1' });
  });

  test('one whose price was reached before it came acts at once', async () => {
    await trade('100.00');
    await exchange.order(bob, 'sell', '1', '101.00');
    const placed = await stopLimit(alice, 'buy', '100.00', '105.00');
    expect(placed.body).toMatchObject({ is_live: false, executed_amount: '1', avg_execution_price: '101.00' });
  });

  test('it is cancelled while it waits, and after it was triggered', async () => {
    await trade('100.00');
    const waiting = await stopLimit(alice, 'buy', '110.00', '111.00');
    const cancel = (placed: Answer) => exchange.post(alice, '/v1/order/cancel', { order_id: placed.body.order_id });
    expect((await cancel(waiting)).body).toMatchObject({ is_live: false, is_cancelled: true, reason: 'Requested' });
    const triggered = await stopLimit(alice, 'buy', '110.00', '111.00');
    await trade('110.00');
    expect((await cancel(triggered)).body).toMatchObject({ is_live: false, is_cancelled: true, reason: 'Requested' });
    expect(await bids()).toEqual([]);
  });

  test('a cancel that its trigger overtakes follows it into the book', async () => {
    await trade('100.00');
    const placed = await stopLimit(alice, 'buy', '110.00', '111.00');
    exchange.isEngineStopped = true;
    const maker = exchange.order(bob, 'sell', '0.1', '110.00');
    const taker = exchange.order(carol, 'buy', '0.1', '110.00');
    await until(() => exchange.gateway.ordersInFlight === 2);
    const before = exchange.gateway.lastCommandSequence;
    const cancelled = exchange.post(alice, '/v1/order/cancel', { order_id: placed.body.order_id });
    await until(() => exchange.gateway.lastCommandSequence > before);
    exchange.isEngineStopped = false;
    exchange.wake();
    await Promise.all([maker, taker]);
    expect((await cancelled).body).toMatchObject({ is_cancelled: true, reason: 'Requested', remaining_amount: '1' });
    expect(await bids()).toEqual([]);
  });

  test('with immediate-or-cancel it takes what there is when it acts', async () => {
    await trade('100.00');
    const placed = await stopLimit(alice, 'buy', '110.00', '111.00', { options: ['immediate-or-cancel'] });
    await exchange.order(bob, 'sell', '0.4', '111.00');
    await trade('110.00');
    expect(await status(alice, placed)).toMatchObject({
      is_cancelled: true,
      executed_amount: '0.4',
      reason: 'ImmediateOrCancelWouldPost',
      options: ['immediate-or-cancel'],
    });
  });

  test('cancel/all and cancel/session take those that wait', async () => {
    await trade('100.00');
    const second = exchange.key(alice.accountId);
    const mine = Number((await stopLimit(alice, 'buy', '110.00', '111.00')).body.order_id);
    const others = Number((await stopMarket(second, 'sell', '90.00')).body.order_id);
    const session = await exchange.post(second, '/v1/order/cancel/session');
    expect(session.body.details.cancelledOrders).toEqual([others]);
    const all = await exchange.post(alice, '/v1/order/cancel/all');
    expect(all.body.details.cancelledOrders).toEqual([mine]);
    expect(exchange.engine.restingOrders).toBe(0);
  });

  test('beyond the balance it is refused, to the unit', async () => {
    // 100 BTC: no lot more
    expect((await stopLimit(alice, 'sell', '90.00', '89.00', { amount: '100.00000001' })).status).toBe(406);
    expect((await stopLimit(alice, 'sell', '90.00', '89.00', { amount: '100' })).status).toBe(200);
    expect(held({ body: { order_id: (await open(alice))[0] }, status: 200 })).toBe(100n * 10n ** 8n);
  });
});

describe('a stop market', () => {
  test('is held for at its protection price and takes what there is within it', async () => {
    await trade('100.00');
    const placed = await stopMarket(alice, 'buy', '110.00', { client_order_id: 'm' });
    expect(placed.body).toMatchObject({ type: 'stop-market', is_live: true, price: '115.50', stop_price: '110.00' });
    expect(held(placed)).toBe((1_155n * USD * 1_004n) / 10_000n);
    for (const price of ['115.50', '115.51']) await exchange.order(bob, 'sell', '0.5', price);
    await trade('110.00');
    expect(await status(alice, placed)).toMatchObject({
      executed_amount: '0.5',
      is_cancelled: true,
      reason: 'ExceedsPriceLimits',
      avg_execution_price: '115.50',
    });
    const again = await stopMarket(alice, 'buy', '110.00', { client_order_id: 'm' });
    expect(again.body.order_id).toBe(placed.body.order_id);
  });

  test('fill-or-kill takes all or nothing when it acts', async () => {
    await trade('100.00');
    const placed = await stopMarket(alice, 'sell', '90.00', { options: ['fill-or-kill'] });
    await exchange.order(bob, 'buy', '0.5', '89.00');
    await exchange.order(carol, 'sell', '0.1', '90.00');
    await exchange.order(bob, 'buy', '0.1', '90.00');
    expect(await status(alice, placed)).toMatchObject({ executed_amount: '0', reason: 'FillOrKillWouldNotFill' });
  });
});

describe('a market buy by total_spend', () => {
  test('holds what it may spend and its fee, and never spends more', async () => {
    await exchange.order(bob, 'sell', '1', '100.00');
    await exchange.order(bob, 'sell', '1', '101.00');
    const placed = await spend(alice, '150.50');
    expect(held(placed)).toBe((15_050n * USD * 1_004n) / 100_000n);
    expect(placed.body).toMatchObject({
      type: 'exchange market',
      is_live: false,
      total_spend: '150.5',
      executed_amount: '1.5', // 100 USD, then 50.5 USD at 101
      original_amount: '1.5',
      remaining_amount: '0',
      remaining_spend: '0',
      is_cancelled: false,
    });
    expect(await status(alice, placed)).toEqual(placed.body);
  });

  test('what does not buy one lot more is not spent; beyond the protection price nothing is bought', async () => {
    await exchange.order(bob, 'sell', '1', '100.00');
    await exchange.order(bob, 'sell', '1', '105.01');
    const rest = await spend(alice, '0.0000015'); // one lot costs 0.000001 USD
    expect(rest.body).toMatchObject({
      executed_amount: '0.00000001',
      remaining_spend: '0.0000005',
      is_cancelled: true,
      reason: 'ImmediateOrCancelWouldPost',
    });
    const cut = await spend(alice, '200');
    expect(cut.body).toMatchObject({
      executed_amount: '0.99999999',
      remaining_spend: '100.000001',
      is_cancelled: true,
      reason: 'ExceedsPriceLimits',
    });
  });

  test('its retry, the view’s and the history’s word on it are the same', async () => {
    await exchange.close();
    exchange = await InlineExchange.start({ closedOrders: 1 });
    alice = await exchange.account();
    bob = await exchange.account();
    await exchange.order(bob, 'sell', '1', '100.00');
    const placed = await spend(alice, '30', { client_order_id: 'b' });
    expect((await spend(alice, '30', { client_order_id: 'b' })).body).toEqual(placed.body);
    for (let at = 0; at < 3; at++) await spend(alice, '1'); // forgotten by the view
    expect(exchange.gateway.orders.order(Number(placed.body.order_id))).toBeUndefined();
    expect(await status(alice, placed)).toEqual(placed.body);
    expect((await spend(alice, '30', { client_order_id: 'b' })).body).toEqual(placed.body);
    expect((await spend(alice, '31', { client_order_id: 'b' })).body.order_id).not.toBe(placed.body.order_id);
  });

  test('one unit beyond the balance, fee included, is refused; so is what no balance can be', async () => {
    await exchange.order(bob, 'sell', '0.001', '100.00');
    // With 0.4 %, rounded up to a unit of 10^-10, the first is 1,000,000 exactly.
    expect(await spend(alice, '996015.9362549801')).toMatchObject({
      status: 406,
      body: { reason: 'InsufficientFunds', message: expect.stringContaining('a total of 996015.9362549801 USD') },
    });
    expect(await spend(alice, '996015.93625498')).toMatchObject({ status: 200, body: { executed_amount: '0.001' } });
    expect(await spend(carol, '9'.repeat(30))).toMatchObject({ status: 406, body: { reason: 'InsufficientFunds' } });
  });
});

describe('good-til-date', () => {
  const gtd = (account: TestAccount, expiresAtMs: number, fields: object = {}) =>
    exchange.order(account, 'buy', '1', '50.00', { options: ['good-til-date'], expire_at: expiresAtMs, ...fields });

  test('it rests until its time has come, while nothing else happens', async () => {
    const expiresAtMs = Date.now() + 2_000;
    const placed = await gtd(alice, expiresAtMs);
    expect(placed.body).toMatchObject({ is_live: true, options: ['good-til-date'], expire_at: expiresAtMs });
    const stop = await stopLimit(alice, 'buy', '60.00', '61.00', {
      options: ['good-til-date'],
      expire_at: expiresAtMs,
    });
    expect(stop.body).toMatchObject({ is_live: true, expire_at: expiresAtMs });
    const commands = exchange.gateway.lastCommandSequence;
    await until(() => exchange.engine.restingOrders === 0);
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAtMs);
    expect(exchange.gateway.lastCommandSequence).toBe(commands + 1); // both by one word
    for (const order of [placed, stop])
      expect(await status(alice, order)).toMatchObject({ is_live: false, is_cancelled: true, reason: 'Expired' });
    expect(await bids()).toEqual([]);
    const history = (await exchange.post(alice, '/v1/orders/history')).body;
    expect(history.map((order: { reason: string }) => order.reason)).toEqual(['Expired', 'Expired']);
  });

  test('one that expired while the exchange was away is gone before anybody meets it', async () => {
    const first = await gtd(alice, Date.now() + 30_000, { client_order_id: 'g' });
    const second = await gtd(alice, Date.now() + 600_000);
    exchange.gateway.beginShutdown(); // nobody tells the time any more
    putClockAhead(60_000);
    exchange = await exchange.restart();
    expect(await status(alice, first)).toMatchObject({ is_cancelled: true, reason: 'Expired' });
    expect(await open(alice)).toEqual([second.body.order_id]);
    const retry = await gtd(alice, first.body.expire_at, { client_order_id: 'g' });
    expect(retry.body.order_id).toBe(first.body.order_id);
  });

  /** The clock has passed its expiry; the timer that should have said so has not fired yet. */
  const dueUnheard = async (): Promise<Answer> => {
    const due = await gtd(alice, Date.now() + 30_000);
    putClockAhead(60_000);
    return due;
  };

  test('its time has come and no timer has fired yet: a taker does not meet it', async () => {
    const due = await dueUnheard();
    const later = await gtd(carol, Date.now() + 30_000);
    const taker = await exchange.order(bob, 'sell', '2', '50.00');
    expect(taker.body).toMatchObject({ executed_amount: '1', remaining_amount: '1', is_live: true });
    expect(await status(alice, due)).toMatchObject({ executed_amount: '0', is_cancelled: true, reason: 'Expired' });
    expect(await status(carol, later)).toMatchObject({ executed_amount: '1' });
    expect((await exchange.post(alice, '/v1/mytrades', { symbol: 'btcusd' })).body).toEqual([]);
  });

  test('nor does an amendment that crosses', async () => {
    const crossing = await exchange.order(bob, 'sell', '1', '60.00');
    const due = await dueUnheard();
    const amended = await exchange.post(bob, '/v1/order/amend', { order_id: crossing.body.order_id, price: '50.00' });
    expect(amended.body).toMatchObject({ executed_amount: '0', is_live: true });
    expect(await status(alice, due)).toMatchObject({ executed_amount: '0', reason: 'Expired' });
  });

  test('an amendment of its own that comes too late finds it closed', async () => {
    const due = await dueUnheard();
    const amend = { order_id: due.body.order_id, amount: '2' };
    expect(await exchange.post(alice, '/v1/order/amend', amend)).toMatchObject({ status: 404 });
    expect(await status(alice, due)).toMatchObject({ reason: 'Expired' });
  });

  test('one of which nobody has heard yet, since the disk stands still, expires in time as well', async () => {
    exchange.isDiskStalled = true;
    const due = gtd(alice, Date.now() + 30_000);
    await until(() => exchange.engine.restingOrders === 1);
    putClockAhead(60_000);
    const taker = exchange.order(bob, 'sell', '1', '50.00');
    await until(() => exchange.engine.lastTimestampMs > Date.now() - 5_000);
    exchange.isDiskStalled = false;
    exchange.wake();
    expect((await taker).body).toMatchObject({ executed_amount: '0', is_live: true });
    expect(await status(alice, await due)).toMatchObject({ executed_amount: '0', reason: 'Expired' });
  });

  test('a taker with no room behind the time gets 503 and its hold back', async () => {
    await exchange.close();
    exchange = await InlineExchange.start({ commandSlots: 4 });
    [alice, bob, carol] = [await exchange.account(), await exchange.account(), await exchange.account()];
    const due = await dueUnheard();
    exchange.isEngineStopped = true;
    let pass!: () => void;
    exchange.ledger.gate = new Promise((resolve) => {
      pass = resolve;
    });
    const takers = [1, 2, 3, 4].map(() => exchange.order(exchange.key(bob.accountId), 'sell', '1', '50.00'));
    await until(() => exchange.gateway.ordersInFlight === 4);
    pass();
    const refused = await Promise.race(takers);
    expect(refused).toMatchObject({ status: 503, body: { reason: 'Maintenance' } });
    exchange.isEngineStopped = false;
    exchange.wake();
    const answers = await Promise.all(takers);
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 200, 200, 503]);
    for (const { body } of answers) if (body.order_id !== undefined) expect(body.executed_amount).toBe('0');
    expect(await status(alice, due)).toMatchObject({ executed_amount: '0', reason: 'Expired' });
    await until(() => exchange.ledger.released.size === 1);
  });

  test('a time that is past is refused by the gateway, and by the core when it passes on the way', async () => {
    const past = await gtd(alice, Date.now());
    expect(past).toMatchObject({ status: 400, body: { reason: 'InvalidTimestampInPayload' } });
    expect(exchange.ledger.holds.size).toBe(0);
    let pass!: () => void;
    exchange.ledger.gate = new Promise((resolve) => {
      pass = resolve;
    });
    const late = gtd(alice, Date.now() + 30_000);
    await until(() => exchange.gateway.ordersInFlight === 1);
    putClockAhead(60_000);
    pass();
    expect(await late).toMatchObject({ status: 400, body: { reason: 'InvalidTimestampInPayload' } });
    expect(exchange.engine.restingOrders).toBe(0);
  });

  test('with maker-or-cancel it never takes', async () => {
    await exchange.order(bob, 'sell', '1', '50.00');
    const options = ['maker-or-cancel', 'good-til-date'];
    const placed = await gtd(alice, Date.now() + 60_000, { options });
    expect(placed.body).toMatchObject({ is_cancelled: true, reason: 'MakerOrCancelWouldTake', options });
  });
});

describe('self-trade prevention', () => {
  const meet = async (mode: string, amount: string) => {
    const resting = await exchange.order(alice, 'sell', '1', '100.00');
    const arriving = await exchange.order(alice, 'buy', amount, '100.00', { self_trade_prevention: mode });
    return { resting: await status(alice, resting), arriving: arriving.body };
  };
  const GONE = { is_live: false, is_cancelled: true, reason: 'SelfCrossPrevented', executed_amount: '0' };

  test.each([
    ['cancel-newest', '1', { is_live: true }, GONE],
    ['cancel-oldest', '1', GONE, { is_live: true, remaining_amount: '1' }],
    ['cancel-both', '1', GONE, GONE],
    ['decrement', '0.4', { is_live: true, remaining_amount: '0.6' }, GONE],
    ['decrement', '1.5', GONE, { is_live: true, remaining_amount: '0.5' }],
    ['decrement', '1', GONE, GONE],
  ])('%s with %s', async (mode, amount, resting, arriving) => {
    expect(await meet(mode, amount)).toMatchObject({ resting, arriving });
    const { body } = await exchange.get('/v1/book/btcusd');
    const amounts = [...body.bids, ...body.asks].map((level: { amount: string }) => level.amount);
    const live = (await exchange.post(alice, '/v1/orders')).body;
    expect(amounts).toEqual(live.map((order: { remaining_amount: string }) => order.remaining_amount));
  });

  test('the mode is shown, and another mode is another order', async () => {
    const fields = { client_order_id: 'm', self_trade_prevention: 'cancel-both' };
    const first = await exchange.order(alice, 'buy', '1', '50.00', fields);
    expect(first.body.self_trade_prevention).toBe('cancel-both');
    expect((await exchange.order(alice, 'buy', '1', '50.00', fields)).body.order_id).toBe(first.body.order_id);
    const second = await exchange.order(alice, 'buy', '1', '50.00', { client_order_id: 'm' });
    expect(second.body.order_id).not.toBe(first.body.order_id);
    expect('self_trade_prevention' in second.body).toBe(false);
  });
});

test('every kind is there after a restart, in its state, and is found by its client order id', async () => {
  await trade('100.00');
  const expiry = { options: ['good-til-date'], expire_at: Date.now() + 600_000 };
  const placed = [
    await stopLimit(alice, 'buy', '110.00', '111.00', { client_order_id: 'a', ...expiry }),
    await stopMarket(alice, 'sell', '90.00', { client_order_id: 'b', self_trade_prevention: 'decrement' }),
    await exchange.order(alice, 'buy', '1', '50.00', { client_order_id: 'c', ...expiry }),
    await stopLimit(alice, 'sell', '95.00', '94.00', { client_order_id: 'd' }),
  ];
  await trade('95.00'); // the last one rests now
  const before = await Promise.all(placed.map((order) => status(alice, order)));
  exchange = await exchange.restart();
  expect(await Promise.all(placed.map((order) => status(alice, order)))).toEqual(before);
  expect(
    (await stopMarket(alice, 'sell', '90.00', { client_order_id: 'b', self_trade_prevention: 'decrement' })).body,
  ).toEqual(before[1]);
  expect((await stopLimit(alice, 'sell', '95.00', '94.00', { client_order_id: 'd' })).body).toEqual(before[3]);
  await trade('90.00');
  expect(await status(alice, placed[1]!)).toMatchObject({ is_live: false, is_cancelled: true });
});
