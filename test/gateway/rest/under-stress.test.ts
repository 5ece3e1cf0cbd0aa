import { afterEach, describe, expect, test } from 'vitest';
import { InlineExchange, type InlineOptions, type TestAccount } from '../../support/inline-exchange.ts';
import { nextNonce, signedHeaders } from '../../support/signed-client.ts';

let exchange: InlineExchange;
let alice: TestAccount;

async function start(options: InlineOptions = {}): Promise<void> {
  exchange = await InlineExchange.start(options);
  alice = await exchange.account();
}
afterEach(() => exchange.close());

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe('a full command ring', () => {
  test('new orders and cancels get 503 at once and hold nothing; afterwards all goes on', async () => {
    await start({ commandSlots: 4 });
    const resting = await exchange.order(alice, 'sell', '1', '100.00');
    exchange.isEngineStopped = true;
    const waiting: ReturnType<InlineExchange['order']>[] = [];
    for (let order = 0; order < 4; order++) {
      waiting.push(exchange.order(alice, 'sell', '1', '100.00'));
      await pause(30); // one after the other, so that no nonce comes too late
    }
    const holds = exchange.ledger.holds.size;
    const started = performance.now();
    const refused = await exchange.order(alice, 'sell', '1', '100.00');
    const cancel = await exchange.post(alice, '/v1/order/cancel', { order_id: resting.body.order_id });
    expect(performance.now() - started).toBeLessThan(1_000);
    for (const answer of [refused, cancel]) {
      expect([answer.status, answer.body.reason]).toEqual([503, 'Maintenance']);
    }
    expect(exchange.ledger.holds.size).toBe(holds);
    exchange.isEngineStopped = false;
    exchange.wake();
    for (const answer of await Promise.all(waiting)) expect(answer.status).toBe(200);
    expect((await exchange.order(alice, 'sell', '1', '100.00')).status).toBe(200);
    expect(exchange.engine.restingOrders).toBe(6);
  });

  test('a reservation is given back when the hold is refused', async () => {
    await start({ commandSlots: 4 });
    for (let order = 0; order < 12; order++)
      expect((await exchange.order(alice, 'sell', '101', '100.00')).status, `order ${order}`).toBe(406);
    expect((await exchange.order(alice, 'sell', '1', '100.00')).status).toBe(200);
  });

  test('the 503 says when to try again', async () => {
    await start();
    exchange.isDiskFull = true;
    const { request, headers } = signed(alice);
    const response = await fetch(exchange.baseUrl + request, { method: 'POST', headers });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toMatch(/^[1-9][0-9]*$/);
  });
});

test('on a full disk new orders get 503, cancels go on', async () => {
  await start();
  const resting = await exchange.order(alice, 'sell', '1', '100.00');
  exchange.isDiskFull = true;
  const refused = await exchange.order(alice, 'sell', '1', '100.00');
  expect([refused.status, refused.body.reason]).toEqual([503, 'Maintenance']);
  const cancelled = await exchange.post(alice, '/v1/order/cancel', { order_id: resting.body.order_id });
  expect(cancelled.body).toMatchObject({ is_cancelled: true });
  exchange.isDiskFull = false;
  expect((await exchange.order(alice, 'sell', '1', '100.00')).status).toBe(200);
});

describe('a stalled disk', () => {
  test('nothing is told before it is durable; the late answer says so; a repeat finds the order', async () => {
    await start({ answerTimeoutMs: 150 });
    exchange.isDiskStalled = true;
    const late = await exchange.order(alice, 'sell', '1', '100.00', { client_order_id: 'c' });
    expect([late.status, late.body.reason]).toEqual([503, 'Maintenance']);
    expect(late.body.message).toContain('same client_order_id');
    expect((await exchange.get('/v1/book/btcusd')).body.asks).toEqual([]);
    expect((await exchange.post(alice, '/v1/orders')).body).toEqual([]);
    exchange.isDiskStalled = false;
    exchange.wake();
    const found = await exchange.order(alice, 'sell', '1', '100.00', { client_order_id: 'c' });
    expect(found).toMatchObject({ status: 200, body: { is_live: true } });
    expect(exchange.engine.restingOrders).toBe(1);
  });
});

describe('an answer that does not come', () => {
  const never = new Promise<never>(() => {});
  const withdrawal = { amount: '1', address: 'bc1-somewhere', client_transfer_id: 'w' };

  test.each<[what: string, path: string, fields: object, advice: string]>([
    [
      'an order',
      '/v1/order/new',
      { symbol: 'btcusd', side: 'sell', amount: '1', price: '100.00', type: 'exchange limit' },
      'client_order_id',
    ],
    ['a withdrawal', '/v1/withdraw/BTC', withdrawal, 'client_transfer_id'],
    ['an address', '/v1/deposit/bitcoin/newAddress', {}, '/v1/addresses/bitcoin'],
  ])(
    '%s whose nonce does not get onto the disk is answered with 503, and what to do',
    async (_what, path, fields, advice) => {
      await start({ answerTimeoutMs: 150 });
      exchange.keyStore.gate = never;
      const late = await exchange.post(alice, path, fields);
      expect([late.status, late.body.reason]).toEqual([503, 'Maintenance']);
      expect(late.body.message).toContain('unknown');
      expect(late.body.message).toContain(advice);
    },
  );

  test('a withdrawal whose hold takes long stands: a repeat is the same one', async () => {
    await start({ answerTimeoutMs: 150 });
    let open = (): void => {};
    exchange.ledger.gate = new Promise((resolve) => {
      open = resolve;
    });
    const late = await exchange.post(alice, '/v1/withdraw/BTC', withdrawal);
    expect([late.status, late.body.reason]).toEqual([503, 'Maintenance']);
    open();
    const again = await exchange.post(alice, '/v1/withdraw/BTC', withdrawal);
    expect([again.status, again.body.amount]).toEqual([200, '1']);
    expect((await exchange.post(alice, '/v1/transfers')).body).toHaveLength(1);
  });
});

describe('a ledger that fails', () => {
  test('nothing is published, the hold is released under its id, and the credit comes back', async () => {
    await start({ commandSlots: 4 });
    exchange.ledger.gate = Promise.reject(new Error('the ledger is away'));
    exchange.ledger.gate.catch(() => {});
    const commands = exchange.gateway.lastCommandSequence;
    for (let order = 0; order < 6; order++) {
      const answer = await exchange.order(alice, 'sell', '1', '100.00');
      expect([answer.status, answer.body.reason]).toEqual([503, 'Maintenance']);
    }
    expect(exchange.ledger.released.size).toBe(6);
    expect(exchange.gateway.lastCommandSequence).toBe(commands);
    exchange.ledger.gate = Promise.resolve();
    expect((await exchange.order(alice, 'sell', '1', '100.00')).status).toBe(200);
  });

  test('an answer that must not be is a 500 with an id, without a stack, and the id is in the log', async () => {
    await start();
    exchange.ledger.holdAnswer = { outcome: 'BELOW_FLOOR' };
    const answer = await exchange.order(alice, 'sell', '1', '100.00');
    expect([answer.status, answer.body.reason]).toEqual([500, 'System']);
    const id = /[0-9a-f-]{36}/.exec(answer.body.message)![0];
    expect(JSON.stringify(answer.body)).not.toMatch(/BELOW_FLOOR|\.ts/);
    expect(exchange.logged.join()).toContain(id);
    expect(exchange.logged.join()).toContain('BELOW_FLOOR');
    expect(exchange.logged.join()).not.toContain(alice.secret);
    exchange.ledger.holdAnswer = null;
    expect((await exchange.order(alice, 'sell', '1', '100.00')).status).toBe(200);
  });

  test('a nonce that can’t be made durable publishes nothing and releases the hold', async () => {
    await start();
    const commands = exchange.gateway.lastCommandSequence;
    exchange.keyStore.gate = Promise.reject(new Error('the key store is away'));
    exchange.keyStore.gate.catch(() => {});
    expect((await exchange.order(alice, 'sell', '1', '100.00')).status).toBe(503);
    expect(exchange.gateway.lastCommandSequence).toBe(commands);
    expect(exchange.ledger.released.size).toBe(1);
    expect(exchange.ledger.holds.size).toBe(0);
  });
});

test('an order is not published before its nonce is durable', async () => {
  await start();
  const commands = exchange.gateway.lastCommandSequence;
  let release = (): void => {};
  exchange.keyStore.gate = new Promise((resolve) => {
    release = resolve;
  });
  const placed = exchange.order(alice, 'sell', '1', '100.00');
  await pause(100);
  expect(exchange.gateway.lastCommandSequence).toBe(commands);
  release();
  expect((await placed).status).toBe(200);
});

test('a client that goes away mid-request: its order stands and can be asked for', async () => {
  await start();
  exchange.isEngineStopped = true;
  const { request, headers } = signed(alice);
  const gone = new AbortController();
  const sent = fetch(exchange.baseUrl + request, { method: 'POST', headers, signal: gone.signal });
  await pause(80);
  gone.abort();
  await expect(sent).rejects.toThrow();
  await pause(50);
  exchange.isEngineStopped = false;
  exchange.wake();
  const found = await exchange.post(alice, '/v1/order/status', { client_order_id: 'gone' });
  expect(found).toMatchObject({ status: 200, body: { is_live: true } });
});

test('a sweep of more events than the ring has slots passes whole', async () => {
  await start({ eventSlots: 16, commandSlots: 64 });
  const bob = await exchange.account();
  for (let order = 0; order < 40; order++) await exchange.order(alice, 'sell', '0.01', '100.00');
  const swept = await exchange.order(bob, 'buy', '0.4', '100.00');
  expect(swept.body).toMatchObject({ executed_amount: '0.4', remaining_amount: '0', avg_execution_price: '100.00' });
  expect((await exchange.get('/v1/book/btcusd')).body).toEqual({ bids: [], asks: [] });
});

test('books without room: a typed refusal that can be retried, and room again after a cancel', async () => {
  await start({ limits: { maxOrders: 2, maxLevels: 8, maxInstruments: 16 } });
  const first = await exchange.order(alice, 'sell', '1', '100.00');
  await exchange.order(alice, 'sell', '1', '101.00');
  const full = await exchange.order(alice, 'sell', '1', '102.00', { client_order_id: 'c' });
  expect([full.status, full.body.reason]).toEqual([503, 'Maintenance']);
  await exchange.post(alice, '/v1/order/cancel', { order_id: first.body.order_id });
  expect((await exchange.order(alice, 'sell', '1', '102.00', { client_order_id: 'c' })).status).toBe(200);
});

test('shutdown: orders and cancels get 503, reads go on, what is on its way is answered', async () => {
  await start();
  const resting = await exchange.order(alice, 'sell', '1', '100.00');
  exchange.isEngineStopped = true;
  const onItsWay = exchange.order(alice, 'sell', '2', '100.00');
  await pause(80);
  exchange.gateway.beginShutdown();
  const bob = exchange.key(alice.accountId);
  for (const answer of [
    await exchange.order(bob, 'sell', '1', '100.00'),
    await exchange.post(bob, '/v1/order/cancel', { order_id: resting.body.order_id }),
  ])
    expect([answer.status, answer.body.reason]).toEqual([503, 'Maintenance']);
  const drained = exchange.gateway.drained();
  exchange.isEngineStopped = false;
  exchange.wake();
  await drained;
  exchange.gateway.close();
  expect((await onItsWay).body).toMatchObject({ is_live: true, original_amount: '2' });
});

test('balances wait for settlement to pass the account’s own events, a second at most', async () => {
  await start();
  await exchange.order(alice, 'sell', '1', '100.00');
  const partition = 1; // btcusd is instrument 1
  let started = performance.now();
  setTimeout(() => {
    exchange.ledger.settled[partition] = exchange.gateway.lastEventSequence;
  }, 200);
  expect((await exchange.post(alice, '/v1/balances')).status).toBe(200);
  const waitedMs = performance.now() - started;
  expect(waitedMs).toBeGreaterThan(190);
  expect(waitedMs).toBeLessThan(900);
  await exchange.order(alice, 'sell', '1', '100.00');
  started = performance.now();
  expect((await exchange.post(alice, '/v1/balances')).status).toBe(200);
  expect(performance.now() - started).toBeGreaterThan(990);
  expect(performance.now() - started).toBeLessThan(2_000);
  const other = await exchange.account();
  started = performance.now();
  expect((await exchange.post(other, '/v1/balances')).status).toBe(200);
  expect(performance.now() - started).toBeLessThan(300); // nothing of its own to wait for
});

function signed(account: TestAccount): { request: string; headers: Record<string, string> } {
  const request = '/v1/order/new';
  const order = { symbol: 'btcusd', amount: '1', price: '100.00', side: 'sell', type: 'exchange limit' };
  return {
    request,
    headers: signedHeaders(account, { request, nonce: nextNonce(), client_order_id: 'gone', ...order }),
  };
}
