import { HttpConnection } from './support/http-connection.ts';
import { SignedRequests } from './support/signed-requests.ts';

/**
 * A load that leaves an exchange as it was, in a process of its own: each connection places an order that rests, cancels
 * it, and every TRADE_EVERY rounds sells to the other account: the grants of a sandbox last for two million trades. Prints one line of JSON.
 *
 *   node bench/steady-load.ts PORT MAKER_KEY MAKER_SECRET TAKER_KEY TAKER_SECRET CONNECTIONS SECONDS
 */
export interface SteadyLoadResult {
  readonly requests: number;
  readonly orders: number; // of the requests, each closed by now
  readonly refused: number;
}

const TRADE_EVERY = 4;
const PRICE = '50000.00';

const [port, makerKey, makerSecret, takerKey, takerSecret, connections, seconds] = process.argv.slice(2) as string[];
const maker = new SignedRequests({ key: makerKey!, secret: makerSecret! });
const taker = new SignedRequests({ key: takerKey!, secret: takerSecret! });
const endsAtMs = performance.now() + Number(seconds) * 1_000;
let requests = 0;
let orders = 0;
let refused = 0;

async function ask(connection: HttpConnection, signed: string): Promise<{ order_id: string }> {
  const { status, body } = await connection.request(signed);
  requests += 1;
  if (status !== 200) refused += 1;
  return JSON.parse(body) as { order_id: string };
}

function order(from: SignedRequests, side: 'buy' | 'sell', price: string, options: readonly string[] = []): string {
  orders += 1;
  const fields = { symbol: 'btcusd', amount: '0.00001', price, side, type: 'exchange limit', options };
  return from.sign('/v1/order/new', fields);
}

async function runConnection(number: number): Promise<void> {
  const connection = await HttpConnection.open(Number(port));
  for (let round = 0; performance.now() < endsAtMs; round++) {
    const placed = await ask(connection, order(maker, 'buy', `${1_000 + ((round + number) % 500)}.00`));
    await ask(connection, maker.sign('/v1/order/cancel', { order_id: placed.order_id }));
    if (round % TRADE_EVERY !== 0) continue;
    await ask(connection, order(maker, 'sell', PRICE));
    await ask(connection, order(taker, 'buy', PRICE, ['immediate-or-cancel'])); // there is a sell for each buy, this or another
  }
  connection.close();
}

await Promise.all(Array.from({ length: Number(connections) }, (_, number) => runConnection(number)));
const result: SteadyLoadResult = { requests, orders, refused };
console.log(JSON.stringify(result));
