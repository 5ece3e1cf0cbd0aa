import { HttpConnection } from './support/http-connection.ts';
import { SignedRequests } from './support/signed-requests.ts';

/**
 * A load generator in a process of its own: signed orders over keep-alive connections. Prints one line of JSON.
 *
 *   node bench/rest-load.ts PORT KEY SECRET CONNECTIONS SECONDS [RATE]
 *
 * Without RATE each connection sends its next request when the last one is answered, and a latency begins when its
 * request is sent. With RATE requests per second are sent whatever comes back, as long as a connection is free, and a
 * latency begins when its request was to be sent: a server that stalls does not hide it by holding the client up.
 */
export interface LoadResult {
  readonly answers: number;
  readonly accepted: number; // of these with status 200
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  readonly sentLateMs: number; // p99 of how late the generator itself was, connections that were busy included
}

const [portText, key, secret, connectionsText, secondsText, rateText] = process.argv.slice(2) as string[];
const requests = new SignedRequests({ key: key!, secret: secret! });
const durationMs = Number(secondsText) * 1_000;
const latenciesMs: number[] = [];
const sentLateMs: number[] = [];
let accepted = 0;

/** A resting buy far from the market's middle, at one of a hundred prices. */
function nextOrder(number: number): string {
  return requests.sign('/v1/order/new', {
    symbol: 'btcusd',
    amount: '0.00001',
    price: `${100 + (number % 100)}.00`,
    side: 'buy',
    type: 'exchange limit',
  });
}

function took(status: number, sinceMs: number): void {
  latenciesMs.push(performance.now() - sinceMs);
  if (status === 200) accepted += 1;
}

async function closedLoop(connections: readonly HttpConnection[]): Promise<void> {
  const endsAtMs = performance.now() + durationMs;
  let orders = 0;
  await Promise.all(
    connections.map(async (connection) => {
      while (performance.now() < endsAtMs) {
        const request = nextOrder(orders++);
        const sentAtMs = performance.now();
        took((await connection.request(request)).status, sentAtMs);
      }
    }),
  );
}

/** Requests are signed before the first one is sent. Between two that are due the loop only reads what came. */
async function openLoop(connections: readonly HttpConnection[], rate: number): Promise<void> {
  const orders = Array.from({ length: Math.ceil((rate * durationMs) / 1_000) }, (_, number) => nextOrder(number));
  const free = [...connections];
  const finished = Promise.withResolvers<void>();
  const startMs = performance.now();
  let next = 0;
  let answered = 0;
  const send = async (connection: HttpConnection, number: number): Promise<void> => {
    const intendedMs = startMs + (number * 1_000) / rate;
    sentLateMs.push(performance.now() - intendedMs);
    took((await connection.request(orders[number]!)).status, intendedMs);
    free.push(connection);
    answered += 1;
    if (answered === orders.length) finished.resolve();
  };
  const turn = (): void => {
    const due = Math.min(orders.length, Math.floor(((performance.now() - startMs) * rate) / 1_000) + 1);
    while (next < due && free.length > 0) send(free.shift()!, next++).catch(finished.reject);
    if (next < orders.length) setImmediate(turn);
  };
  turn();
  await finished.promise;
}

const connections = await Promise.all(
  Array.from({ length: Number(connectionsText) }, () => HttpConnection.open(Number(portText))),
);
const startMs = performance.now();
if (rateText === undefined) await closedLoop(connections);
else await openLoop(connections, Number(rateText));
const seconds = (performance.now() - startMs) / 1_000;
for (const connection of connections) connection.close();

function percentile(values: readonly number[], share: number): number {
  return values[Math.min(values.length - 1, Math.floor(share * values.length))] ?? 0;
}

latenciesMs.sort((left, right) => left - right);
sentLateMs.sort((left, right) => left - right);
const result: LoadResult = {
  answers: latenciesMs.length,
  accepted,
  seconds,
  p50Ms: percentile(latenciesMs, 0.5),
  p99Ms: percentile(latenciesMs, 0.99),
  p999Ms: percentile(latenciesMs, 0.999),
  maxMs: percentile(latenciesMs, 1),
  sentLateMs: percentile(sentLateMs, 0.99),
};
console.log(JSON.stringify(result));
