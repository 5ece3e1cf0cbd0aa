import { afterEach, beforeEach, expect, test } from 'vitest';
import { InlineExchange, type TestAccount } from '../../support/inline-exchange.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import type { RawSocket } from '../../support/raw-socket.ts';

let exchange: InlineExchange;
let alice: TestAccount;
let bob: TestAccount;

beforeEach(async () => {
  exchange = await InlineExchange.start();
  alice = await exchange.account();
  bob = await exchange.account();
});
afterEach(async () => {
  await exchange.close();
});

function open(): Promise<RawSocket> {
  return exchange.openSocket('/v2/marketdata');
}

const subscribe = (...symbols: unknown[]) => ({ type: 'subscribe', subscriptions: [{ name: 'l2', symbols }] });

test('a subscription begins with the whole book and the last trades, then every change and trade', async () => {
  await exchange.order(alice, 'buy', '1', '99.00');
  await exchange.order(alice, 'sell', '2', '101.00');
  await exchange.order(bob, 'buy', '0.5', '101.00');
  const socket = await open();
  socket.send(subscribe('BTCUSD'));
  const [trade] = (await exchange.get('/v1/trades/btcusd')).body;
  const tradeMessage = {
    type: 'trade',
    symbol: 'BTCUSD',
    event_id: trade.tid,
    tid: trade.tid,
    timestamp: trade.timestampms,
    price: '101.00',
    quantity: '0.5',
    side: 'buy',
  };
  expect(await socket.next()).toEqual({
    type: 'l2_updates',
    symbol: 'BTCUSD',
    changes: [
      ['buy', '99.00', '1'],
      ['sell', '101.00', '1.5'],
    ],
    trades: [tradeMessage],
    auction_events: [],
  });
  const updates = (changes: string[][]) => ({ type: 'l2_updates', symbol: 'BTCUSD', changes });
  await exchange.order(alice, 'buy', '1', '99.00');
  expect(await socket.next()).toEqual(updates([['buy', '99.00', '2']]));
  await exchange.order(bob, 'buy', '2', '101.00');
  expect(await socket.next()).toMatchObject({
    ...tradeMessage,
    quantity: '1.5',
    event_id: expect.any(Number),
    tid: expect.any(Number),
    timestamp: expect.any(Number),
  });
  expect(await socket.next()).toEqual(
    updates([
      ['sell', '101.00', '0'],
      ['buy', '101.00', '0.5'],
    ]),
  );
  await exchange.post(bob, '/v1/order/cancel/all');
  expect(await socket.next()).toEqual(updates([['buy', '101.00', '0']]));
});

test('an unsubscription ends it, other symbols stay; a subscription again sends the book again', async () => {
  const socket = await open();
  socket.send(subscribe('btcusd', 'EthUsd', 'nousd', 7));
  expect(await socket.next()).toMatchObject({ symbol: 'BTCUSD', changes: [], trades: [] });
  expect(await socket.next()).toMatchObject({ symbol: 'ETHUSD' });
  socket.send({ ...subscribe('BTCUSD'), type: 'unsubscribe' });
  socket.send(subscribe('ETHUSD'));
  expect(await socket.next()).toMatchObject({ symbol: 'ETHUSD', auction_events: [] });
  await exchange.order(alice, 'buy', '1', '99.00');
  await exchange.order(alice, 'buy', '1', '98.00', { symbol: 'ethusd' });
  expect(await socket.next()).toEqual({ type: 'l2_updates', symbol: 'ETHUSD', changes: [['buy', '98.00', '1']] });
});

test.each([
  ['nothing like JSON', 'InvalidJson'],
  ['[]', 'InvalidJson'],
  ['null', 'InvalidJson'],
  ['"subscribe"', 'InvalidJson'],
  ['{"type":"subscribe"}', 'InvalidJson'],
  ['{"type":"subscribe","subscriptions":[null]}', 'InvalidJson'],
  ['{"type":"subscribe","subscriptions":[{"name":"l2","symbols":"BTCUSD"}]}', 'InvalidJson'],
  ['{"type":"order","subscriptions":[]}', 'InvalidJson'],
  ['{"type":"subscribe","subscriptions":[]}', 'NoValidTradingPairs'],
  [
    '{"type":"subscribe","subscriptions":[{"name":"l2","symbols":["NOUSD","__proto__",1e309,-0]}]}',
    'NoValidTradingPairs',
  ],
  ['{"type":"subscribe","subscriptions":[{"name":"mark_price","symbols":["BTCUSD"]}]}', 'UnsupportedOption'],
  [`${'['.repeat(8_000)}${']'.repeat(8_000)}`, 'InvalidJson'],
])('%.60s is answered with %s, and the socket stays', async (message, reason) => {
  const socket = await open();
  socket.send(message);
  expect(await socket.next()).toMatchObject({ result: 'error', reason });
  socket.send(subscribe('BTCUSD'));
  expect(await socket.next()).toMatchObject({ type: 'l2_updates' });
});

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
test(`followers that join at any time have the book of REST after any trading (SEED=${seed})`, async () => {
  const random = new RandomIntegers(seed);
  const books: { socket: RawSocket; levels: Map<string, string>; trades: Set<number> }[] = [];
  const ids: string[] = [];
  for (let round = 0; round < 12; round++) {
    const socket = await open();
    socket.send(subscribe('BTCUSD'));
    books.push({ socket, levels: new Map(), trades: new Set() });
    await Promise.all(
      Array.from({ length: 25 }, async () => {
        const account = random.below(2) === 0 ? alice : bob;
        if (random.below(4) === 0 && ids.length > 0) {
          await exchange.post(account, '/v1/order/cancel', { order_id: ids[random.below(ids.length)] });
          return;
        }
        const side = random.below(2) === 0 ? 'buy' : 'sell';
        const answer = await exchange.order(account, side, `0.${1 + random.below(9)}`, `${95 + random.below(10)}.00`);
        ids.push(answer.body.order_id);
      }),
    );
  }
  const { bids, asks } = (await exchange.get('/v1/book/btcusd?limit_bids=0&limit_asks=0')).body;
  const expected = new Map<string, string>();
  for (const { price, amount } of bids) expected.set(`buy ${price}`, amount);
  for (const { price, amount } of asks) expected.set(`sell ${price}`, amount);
  const trades = (await exchange.get('/v1/trades/btcusd?limit_trades=500')).body;
  expect(trades.length).toBeGreaterThan(5);
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (const { socket, levels, trades: seen } of books) {
    let isFirst = true;
    for (const text of socket.messages) {
      const message = JSON.parse(text);
      expect('auction_events' in message).toBe(isFirst);
      isFirst = false;
      for (const trade of message.trades ?? (message.type === 'trade' ? [message] : [])) {
        expect(seen.has(trade.tid), `trade ${trade.tid} twice (SEED=${seed})`).toBe(false);
        seen.add(trade.tid);
      }
      for (const [side, price, quantity] of message.changes ?? []) {
        if (quantity === '0') levels.delete(`${side} ${price}`);
        else levels.set(`${side} ${price}`, quantity);
      }
    }
    expect(levels, `SEED=${seed}`).toEqual(expected);
    const newest = trades.slice(0, 50).map((trade: { tid: number }) => trade.tid);
    for (const tid of newest) expect(seen, `SEED=${seed}`).toContain(tid);
  }
});

test('a stop is seen once it is triggered; amendments and decrements change levels by what they change', async () => {
  const carol = await exchange.account();
  const socket = await open();
  await exchange.order(bob, 'sell', '0.1', '100.00');
  await exchange.order(carol, 'buy', '0.1', '100.00');
  socket.send(subscribe('BTCUSD'));
  expect((await socket.next()).changes).toEqual([]);
  const changes = async () => {
    for (;;) {
      const message = await socket.next();
      if (message.type === 'l2_updates') return message.changes;
    }
  };
  const fields = { type: 'exchange stop limit', stop_price: '110.00', self_trade_prevention: 'decrement' };
  const { order_id } = (await exchange.order(alice, 'buy', '1', '111.00', fields)).body;
  const amend = (change: object) => exchange.post(alice, '/v1/order/amend', { order_id, ...change });
  await amend({ amount: '2', price: '112.00' }); // still waits: nobody sees it
  await exchange.order(bob, 'sell', '0.1', '110.00');
  expect(await changes()).toEqual([['sell', '110.00', '0.1']]);
  await exchange.order(carol, 'buy', '0.1', '110.00');
  expect(await changes()).toEqual([
    ['sell', '110.00', '0'],
    ['buy', '112.00', '2'],
  ]);
  await amend({ amount: '1.5' });
  expect(await changes()).toEqual([['buy', '112.00', '1.5']]);
  await amend({ price: '111.50' });
  expect(await changes()).toEqual([
    ['buy', '112.00', '0'],
    ['buy', '111.50', '1.5'],
  ]);
  await exchange.order(alice, 'sell', '0.5', '111.50', { self_trade_prevention: 'decrement' });
  expect(await changes()).toEqual([['buy', '111.50', '1']]);
  expect((await exchange.get('/v1/book/btcusd')).body.bids).toEqual([{ price: '111.50', amount: '1', timestamp: '0' }]);
});
