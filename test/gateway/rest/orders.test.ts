import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { InlineExchange, type TestAccount } from '../../support/inline-exchange.ts';
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

const status = (account: TestAccount, orderId: string) =>
  exchange.post(account, '/v1/order/status', { order_id: orderId });

describe('placing', () => {
  test('the classroom order rests, shows in every answer, and is held for', async () => {
    const options = ['maker-or-cancel'];
    const placed = await exchange.order(alice, 'buy', '5', '3633.00', { options, client_order_id: 'c-17' });
    expect(placed.status).toBe(200);
    expect(placed.body).toMatchObject({
      symbol: 'btcusd',
      side: 'buy',
      is_live: true,
      is_cancelled: false,
      price: '3633.00',
      original_amount: '5',
      remaining_amount: '5',
      executed_amount: '0',
      avg_execution_price: '0.00',
      client_order_id: 'c-17',
      options,
    });
    expect(placed.body.order_id).toBe(placed.body.id);
    expect((await status(alice, placed.body.order_id)).body).toEqual(placed.body);
    const asNumber = { order_id: Number(placed.body.order_id) };
    expect((await exchange.post(alice, '/v1/order/status', asNumber)).body).toEqual(placed.body);
    expect((await exchange.post(alice, '/v1/orders')).body).toEqual([placed.body]);
    expect((await exchange.post(bob, '/v1/orders')).body).toEqual([]);
    const balances = await exchange.post(alice, '/v1/balances');
    // 5 × 3633.00 and 0.4 % of it are held
    expect(balances.body).toContainEqual({
      type: 'exchange',
      currency: 'USD',
      amount: '1000000',
      available: '981762.34',
      availableForWithdrawal: '981762.34',
    });
  });

  test('two orders trade at the older one’s price; both hear of it', async () => {
    const maker = await exchange.order(alice, 'sell', '2', '100.00');
    const taker = await exchange.order(bob, 'buy', '0.5', '101.00');
    expect(taker.body).toMatchObject({
      is_live: false,
      is_cancelled: false,
      executed_amount: '0.5',
      remaining_amount: '0',
      avg_execution_price: '100.00',
      price: '101.00',
    });
    expect((await status(alice, maker.body.order_id)).body).toMatchObject({
      is_live: true,
      executed_amount: '0.5',
      remaining_amount: '1.5',
      avg_execution_price: '100.00',
    });
  });

  test('a sweep over three levels has their exact average', async () => {
    for (const price of ['100.00', '100.01', '100.01']) await exchange.order(alice, 'sell', '1', price);
    const taker = await exchange.order(bob, 'buy', '3', '200.00');
    expect(taker.body).toMatchObject({ executed_amount: '3', avg_execution_price: '100.006666666667' });
  });

  test.each([
    ['maker-or-cancel', '1', '0', 'MakerOrCancelWouldTake'],
    ['immediate-or-cancel', '3', '1', 'ImmediateOrCancelWouldPost'],
    ['fill-or-kill', '3', '0', 'FillOrKillWouldNotFill'],
  ])('%s that bites is a 200 answer that is cancelled', async (option, amount, executed, reason) => {
    await exchange.order(alice, 'sell', '1', '100.00');
    const answer = await exchange.order(bob, 'buy', amount, '100.00', { options: [option] });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      is_live: false,
      is_cancelled: true,
      executed_amount: executed,
      reason,
      options: [option],
    });
    expect((await exchange.post(bob, '/v1/orders')).body).toEqual([]);
  });

  test('an own order on the other side cancels the incoming one', async () => {
    await exchange.order(alice, 'sell', '1', '100.00');
    const answer = await exchange.order(alice, 'buy', '1', '100.00');
    expect(answer.body).toMatchObject({ is_cancelled: true, reason: 'SelfCrossPrevented', executed_amount: '0' });
  });

  test('more than there is: 406, nothing held, nothing placed', async () => {
    const answer = await exchange.order(alice, 'buy', '300', '3633.00');
    expect(answer.status).toBe(406);
    expect(answer.body).toMatchObject({ result: 'error', reason: 'InsufficientFunds' });
    expect(answer.body.message).toContain('1094259.6 USD needed, fee included, 1000000 available');
    expect(exchange.ledger.holds.size).toBe(0);
    expect((await exchange.post(alice, '/v1/orders')).body).toEqual([]);
  });

  test('a need beyond every balance is refused without asking the ledger', async () => {
    exchange.ledger.gate = new Promise(() => {});
    const answer = await exchange.order(alice, 'buy', '90071992.54740991', '21474836.47');
    expect(answer.status).toBe(406);
    expect(answer.body.reason).toBe('InsufficientFunds');
  });

  test('a hundred orders at once are all answered, and all are different', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, at) =>
        exchange.order(at % 2 === 0 ? alice : bob, 'buy', '0.01', `${10 + at}.00`),
      ),
    );
    // Requests of one key may overtake each other on their way: those come too late for their nonce, and say so.
    const placed = answers.filter((answer) => answer.status === 200);
    for (const answer of answers) if (answer.status !== 200) expect(answer.body.reason).toBe('InvalidNonce');
    expect(placed.length).toBeGreaterThan(0);
    expect(new Set(placed.map((answer) => answer.body.order_id)).size).toBe(placed.length);
    expect(exchange.engine.restingOrders).toBe(placed.length);
  });
});

describe('the same client_order_id again', () => {
  test('equal fields give the same order in its present state, other fields a new order', async () => {
    const first = await exchange.order(alice, 'sell', '1', '100.00', { client_order_id: 'c' });
    await exchange.order(bob, 'buy', '0.25', '100.00');
    const again = await exchange.order(alice, 'sell', '1.0', '100', { client_order_id: 'c' });
    expect(again.body).toMatchObject({ order_id: first.body.order_id, executed_amount: '0.25' });
    const other = await exchange.order(alice, 'sell', '2', '100.00', { client_order_id: 'c' });
    expect(other.body.order_id).not.toBe(first.body.order_id);
    expect(exchange.engine.restingOrders).toBe(2);
    const byClient = await exchange.post(alice, '/v1/order/status', { client_order_id: 'c' });
    expect(byClient.body.order_id).toBe(other.body.order_id);
  });

  test('without a client_order_id the same fields are a new order; another key has its own ids', async () => {
    await exchange.order(alice, 'sell', '1', '100.00');
    await exchange.order(alice, 'sell', '1', '100.00');
    await exchange.order(alice, 'sell', '1', '100.00', { client_order_id: 'c' });
    await exchange.order(exchange.key(alice.accountId), 'sell', '1', '100.00', { client_order_id: 'c' });
    expect(exchange.engine.restingOrders).toBe(4);
  });

  test('while the first is on its way a repeat shares its answer, and status waits for it', async () => {
    exchange.isEngineStopped = true;
    const fields = { client_order_id: 'c' };
    const first = exchange.order(alice, 'sell', '1', '100.00', fields);
    await until(() => exchange.gateway.ordersInFlight === 1);
    const second = exchange.order(alice, 'sell', '1', '100.00', fields);
    const asked = exchange.post(alice, '/v1/order/status', fields);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(exchange.gateway.ordersInFlight).toBe(1);
    exchange.isEngineStopped = false;
    exchange.wake();
    const answers = await Promise.all([first, second, asked]);
    expect(new Set(answers.map((answer) => answer.body.order_id)).size).toBe(1);
    expect(exchange.engine.restingOrders).toBe(1);
  });

  test('a refused first attempt is not remembered', async () => {
    const fields = { client_order_id: 'c' };
    expect((await exchange.order(alice, 'sell', '101', '100.00', fields)).status).toBe(406);
    await exchange.ledger.credit({
      operationId: 0,
      accountId: alice.accountId,
      assetId: 2,
      units: 10n ** 10n,
      timestampMs: 0,
    });
    expect((await exchange.order(alice, 'sell', '101', '100.00', fields)).status).toBe(200);
  });

  test('it survives a restart, as do orders and what was executed', async () => {
    const clientOrderId = 'long-'.repeat(19); // goes on in a second slot
    const first = await exchange.order(alice, 'sell', '1', '100.00', { client_order_id: clientOrderId });
    await exchange.order(bob, 'buy', '0.25', '100.00');
    const before = await status(alice, first.body.order_id);
    const hash = exchange.engine.stateHash();
    exchange = await exchange.restart();
    expect(exchange.engine.stateHash()).toBe(hash);
    expect((await status(alice, first.body.order_id)).body).toEqual(before.body);
    const again = await exchange.order(alice, 'sell', '1', '100.00', { client_order_id: clientOrderId });
    expect(again.body).toEqual(before.body);
    const next = await exchange.order(alice, 'sell', '1', '100.00');
    expect(Number(next.body.order_id)).toBeGreaterThanOrEqual(2 * 2 ** 32);
    expect((await exchange.post(alice, '/v1/order/cancel', { order_id: first.body.order_id })).body).toMatchObject({
      is_cancelled: true,
      remaining_amount: '0.75',
    });
  });
});

describe('cancelling', () => {
  const cancel = (account: TestAccount, orderId: string | number) =>
    exchange.post(account, '/v1/order/cancel', { order_id: orderId });

  test('takes the rest of an order away; again it changes nothing', async () => {
    const placed = await exchange.order(alice, 'sell', '1', '100.00');
    await exchange.order(bob, 'buy', '0.25', '100.00');
    const cancelled = await cancel(alice, Number(placed.body.order_id));
    expect(cancelled.status).toBe(200);
    expect(cancelled.body).toMatchObject({
      is_live: false,
      is_cancelled: true,
      reason: 'Requested',
      executed_amount: '0.25',
      remaining_amount: '0.75',
    });
    expect((await cancel(alice, placed.body.order_id)).body).toEqual(cancelled.body);
    expect((await exchange.post(alice, '/v1/orders')).body).toEqual([]);
  });

  test('a filled order stays filled', async () => {
    const placed = await exchange.order(alice, 'sell', '1', '100.00');
    await exchange.order(bob, 'buy', '1', '100.00');
    const answer = await cancel(alice, placed.body.order_id);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ is_live: false, is_cancelled: false, executed_amount: '1' });
  });

  test('an unknown order, another account’s, or a number that can be none: 404; no number: 400', async () => {
    const placed = await exchange.order(alice, 'sell', '1', '100.00');
    for (const [account, id] of [
      [alice, '1'],
      [alice, '9007199254740992'],
      [alice, '9'.repeat(400)],
      [bob, placed.body.order_id],
    ] as const) {
      const answer = await cancel(account, id);
      expect([answer.status, answer.body.reason], id).toEqual([404, 'OrderNotFound']);
    }
    for (const id of ['', 'abc', '-1', '1e3', '1.0']) {
      const answer = await cancel(alice, id);
      expect([answer.status, answer.body.reason], id).toEqual([400, 'MissingOrderField']);
    }
    expect(exchange.engine.restingOrders).toBe(1);
  });

  test('two cancels at once are one command', async () => {
    const placed = await exchange.order(alice, 'sell', '1', '100.00');
    const otherKey = exchange.key(alice.accountId);
    const commands = exchange.gateway.lastCommandSequence;
    exchange.isEngineStopped = true;
    const both = [cancel(alice, placed.body.order_id), cancel(otherKey, placed.body.order_id)];
    await new Promise((resolve) => setTimeout(resolve, 100));
    exchange.isEngineStopped = false;
    exchange.wake();
    for (const answer of await Promise.all(both)) expect(answer.body).toMatchObject({ is_cancelled: true });
    expect(exchange.gateway.lastCommandSequence).toBe(commands + 1);
  });

  test('a cancel that a fill overtakes answers the filled order', async () => {
    const placed = await exchange.order(alice, 'sell', '1', '100.00');
    exchange.isEngineStopped = true;
    const fill = exchange.order(bob, 'buy', '1', '100.00');
    await until(() => exchange.gateway.ordersInFlight === 1);
    const cancelled = cancel(alice, placed.body.order_id);
    await new Promise((resolve) => setTimeout(resolve, 100));
    exchange.isEngineStopped = false;
    exchange.wake();
    expect((await fill).body).toMatchObject({ executed_amount: '1' });
    expect(await cancelled).toMatchObject({ status: 200, body: { is_cancelled: false, executed_amount: '1' } });
  });

  test('a cancel waits for an order that is still on its way', async () => {
    const known = await exchange.order(alice, 'sell', '1', '100.00');
    exchange.isEngineStopped = true;
    const placed = exchange.order(alice, 'sell', '2', '100.00');
    await until(() => exchange.gateway.ordersInFlight === 1);
    // Ids count up by one a command, so the test knows an id that nobody was told yet.
    const cancelled = cancel(alice, Number(known.body.order_id) + 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    exchange.isEngineStopped = false;
    exchange.wake();
    expect((await placed).status).toBe(200);
    expect(await cancelled).toMatchObject({ status: 200, body: { is_cancelled: true, original_amount: '2' } });
  });
});
