import { afterEach, beforeEach, expect, test } from 'vitest';
import { InlineExchange, type TestAccount } from '../../support/inline-exchange.ts';

let exchange: InlineExchange;
let alice: TestAccount;
let bob: TestAccount;

beforeEach(async () => {
  exchange = await InlineExchange.start();
  alice = await exchange.account();
  bob = await exchange.account();
});
afterEach(() => exchange.close());

const placed = async (account: TestAccount, price: string, fields: object = {}): Promise<number> =>
  Number((await exchange.order(account, 'buy', '0.1', price, fields)).body.order_id);

const openOrders = async (account: TestAccount): Promise<number[]> =>
  (await exchange.post(account, '/v1/orders')).body.map((order: { order_id: string }) => Number(order.order_id));

test('cancel/all takes every order of the account, on every market and of every key, and nobody else’s', async () => {
  const second = exchange.key(alice.accountId);
  const mine = [
    await placed(alice, '10.00'),
    await placed(second, '11.00'),
    await placed(alice, '12.00', { symbol: 'ethusd' }),
  ];
  const other = await placed(bob, '13.00');
  const answer = await exchange.post(alice, '/v1/order/cancel/all');
  expect(answer).toEqual({
    status: 200,
    body: { result: 'ok', details: { cancelledOrders: mine, cancelRejects: [] } },
  });
  expect(await openOrders(alice)).toEqual([]);
  expect(await openOrders(bob)).toEqual([other]);
  const status = await exchange.post(alice, '/v1/order/status', { order_id: mine[0] });
  expect(status.body).toMatchObject({ is_cancelled: true, reason: 'Requested', remaining_amount: '0.1' });
});

test('cancel/session takes the orders of its own key only', async () => {
  const second = exchange.key(alice.accountId);
  const first = await placed(alice, '10.00');
  const others = await placed(second, '11.00');
  const answer = await exchange.post(second, '/v1/order/cancel/session');
  expect(answer.body.details.cancelledOrders).toEqual([others]);
  expect(await openOrders(alice)).toEqual([first]);
});

test('with a symbol both take the orders of that market only, in any case of its letters; an unknown one takes none', async () => {
  const second = exchange.key(alice.accountId);
  const [btc, eth, ofSecond, ethOfSecond] = [
    await placed(alice, '10.00'),
    await placed(alice, '11.00', { symbol: 'ethusd' }),
    await placed(second, '12.00'),
    await placed(second, '13.00', { symbol: 'ethusd' }),
  ];
  const cancel = (key: TestAccount, which: string, symbol: unknown) =>
    exchange.post(key, `/v1/order/cancel/${which}`, { symbol });
  for (const wrong of ['nosuchusd', 7])
    expect(await cancel(alice, 'all', wrong)).toMatchObject({ status: 400, body: { reason: 'InvalidSymbol' } });
  expect(await openOrders(alice)).toEqual([btc, eth, ofSecond, ethOfSecond]);
  expect((await cancel(second, 'session', 'ETHUSD')).body.details.cancelledOrders).toEqual([ethOfSecond]);
  expect(await openOrders(alice)).toEqual([btc, eth, ofSecond]);
  expect((await cancel(alice, 'all', 'btcusd')).body.details.cancelledOrders).toEqual([btc, ofSecond]);
  expect(await openOrders(alice)).toEqual([eth]);
  expect((await cancel(alice, 'all', 'btcusd')).body.details.cancelledOrders).toEqual([]);
});

test('nothing to cancel is an empty list', async () => {
  expect((await exchange.post(alice, '/v1/order/cancel/all')).body.details.cancelledOrders).toEqual([]);
});

test('orders that are on their way are cancelled as well', async () => {
  let open!: () => void;
  exchange.ledger.gate = new Promise((resolve) => {
    open = resolve;
  });
  const onItsWay = [placed(alice, '10.00'), placed(alice, '11.00')];
  while (exchange.gateway.ordersInFlight < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  const cancelling = exchange.post(alice, '/v1/order/cancel/all');
  await new Promise((resolve) => setTimeout(resolve, 30));
  open();
  const ids = await Promise.all(onItsWay);
  expect((await cancelling).body.details.cancelledOrders).toEqual(ids);
  expect(await openOrders(alice)).toEqual([]);
});

test('five hundred orders go with one command, and an auditor may not do it', async () => {
  const ids = await Promise.all(
    Array.from({ length: 500 }, (_, at) => placed(alice, `${10 + at}.00`, { amount: '0.0001' })),
  );
  const auditor = exchange.key(alice.accountId, ['auditor']);
  expect(await exchange.post(auditor, '/v1/order/cancel/all')).toMatchObject({ status: 403 });
  const answer = await exchange.post(alice, '/v1/order/cancel/all');
  expect([...answer.body.details.cancelledOrders].sort()).toEqual([...ids].sort());
  expect(exchange.engine.restingOrders).toBe(0);
});
