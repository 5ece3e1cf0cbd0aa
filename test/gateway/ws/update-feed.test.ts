import { afterEach, beforeEach, expect, test } from 'vitest';
import { InlineExchange, type TestAccount } from '../../support/inline-exchange.ts';
import { HandshakeRefused, type RawSocket } from '../../support/raw-socket.ts';

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

function open(path: string): Promise<RawSocket> {
  return exchange.openSocket(path);
}

const change = (side: string, price: string, remaining: string, delta: string, reason: string) => ({
  type: 'change',
  side,
  price,
  remaining,
  delta,
  reason,
});

test('the book, then every event of it with its change, a trade before what it changed', async () => {
  await exchange.order(alice, 'buy', '1', '99.00');
  await exchange.order(alice, 'sell', '2', '101.00');
  const socket = await open('/v1/marketdata/btcusd');
  expect(await socket.next()).toEqual({
    type: 'update',
    eventId: exchange.engine.lastEventSequence,
    socket_sequence: 0,
    events: [change('bid', '99.00', '1', '1', 'initial'), change('ask', '101.00', '2', '2', 'initial')],
  });
  await exchange.order(bob, 'buy', '2.5', '101.00');
  const frame = await socket.next();
  expect(frame).toEqual({
    type: 'update',
    eventId: exchange.engine.lastEventSequence,
    timestamp: Math.floor(frame.timestampms / 1_000),
    timestampms: expect.any(Number),
    socket_sequence: 1,
    events: [
      { type: 'trade', tid: expect.any(Number), price: '101.00', amount: '2', makerSide: 'ask' },
      change('ask', '101.00', '0', '-2', 'trade'),
      change('bid', '101.00', '0.5', '0.5', 'place'),
    ],
  });
  await exchange.post(alice, '/v1/order/cancel/all');
  expect(await socket.next()).toMatchObject({
    socket_sequence: 2,
    events: [change('bid', '99.00', '0', '-1', 'cancel')],
  });
});

test.each([
  ['', ['trade', 'bid', 'ask']],
  ['?bids=true', ['bid']],
  ['?bids=true&offers=false', ['bid']],
  ['?trades=true&bids=false&offers=false', ['trade']],
  ['?trades=false', ['bid', 'ask']],
  ['?offers=false&trades=false', ['bid']],
  ['?auctions=true', []],
])('%s selects %j', async (query, kinds) => {
  const socket = await open(`/v1/marketdata/BTCUSD${query}`);
  expect(await socket.next()).toMatchObject({ socket_sequence: 0, events: [] });
  await exchange.order(alice, 'sell', '1', '101.00');
  await exchange.order(bob, 'buy', '0.5', '101.00');
  await exchange.order(bob, 'buy', '1', '90.00');
  await new Promise((resolve) => setTimeout(resolve, 20));
  const events = socket.messages.flatMap((text) => JSON.parse(text).events);
  const seen = new Set(events.map((event: { type: string; side?: string }) => event.side ?? event.type));
  expect(seen).toEqual(new Set(kinds));
});

test('the top of the book alone: its changes only, and its end', async () => {
  await exchange.order(alice, 'sell', '2', '101.00');
  const socket = await open('/v1/marketdata/btcusd?top_of_book=true&bids=true&offers=true');
  const top = (side: string, price: string, remaining: string) => ({
    type: 'change',
    side,
    price,
    remaining,
    reason: 'top-of-book',
  });
  expect((await socket.next()).events).toEqual([top('ask', '101.00', '2')]);
  await exchange.order(alice, 'sell', '1', '102.00'); // behind the top: nothing to tell
  await exchange.order(alice, 'sell', '1', '100.50');
  expect((await socket.next()).events).toEqual([top('ask', '100.50', '1')]);
  await exchange.order(bob, 'buy', '0.25', '100.50');
  expect((await socket.next()).events).toEqual([top('ask', '100.50', '0.75')]);
  await exchange.post(alice, '/v1/order/cancel/all');
  expect((await socket.next()).events).toEqual([top('ask', '100.50', '0')]);
});

test('several symbols on one socket: one symbol per frame, one sequence over all', async () => {
  const socket = await open('/v1/multimarketdata?symbols=btcusd,ETHUSD,btcusd&trades=true&bids=true&offers=true');
  await exchange.order(alice, 'sell', '1', '101.00');
  await exchange.order(alice, 'sell', '1', '50.00', { symbol: 'ethusd' });
  await exchange.order(bob, 'buy', '1', '50.00', { symbol: 'ethusd' });
  const frames = [];
  for (let frame = 0; frame < 5; frame++) frames.push(await socket.next());
  expect(frames.map((frame) => frame.socket_sequence)).toEqual([0, 1, 2, 3, 4]);
  expect(frames[2].events).toEqual([{ ...change('ask', '101.00', '1', '1', 'place'), symbol: 'BTCUSD' }]);
  expect(frames[4].events).toMatchObject([
    { type: 'trade', symbol: 'ETHUSD', tid: expect.any(String), makerSide: 'ask' },
    { type: 'change', symbol: 'ETHUSD', remaining: '0' },
  ]);
});

test.each([
  ['/v1/marketdata/nousd', 400, 'Bad Request'],
  ['/v1/multimarketdata', 400, 'Bad Request'],
  ['/v1/multimarketdata?symbols=btcusd,nousd', 400, 'Bad Request'],
  ['/v1/nothing', 404, 'EndpointNotFound'],
])('%s is refused before it is a socket', async (path, status, reason) => {
  const refused = await exchange.openSocket(path).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(HandshakeRefused);
  expect((refused as HandshakeRefused).status).toBe(status);
  expect(JSON.parse((refused as HandshakeRefused).body)).toMatchObject({ result: 'error', reason });
});

test('a message from the client is against the rules of this socket', async () => {
  const socket = await open('/v1/marketdata/btcusd');
  socket.send({ type: 'subscribe' });
  expect((await socket.closed).code).toBe(1008);
});
