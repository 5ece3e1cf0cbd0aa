import { text } from 'node:stream/consumers';
import { HttpConnection } from './support/http-connection.ts';
import { type SendTimes, sendOnTime } from './support/open-loop.ts';
import { SignedRequests } from './support/signed-requests.ts';

/**
 * A load generator in a process of its own: signed orders over keep-alive connections, each with a key of its own, so that
 * its nonces arrive in order. All orders are signed before the first one is sent, and it sleeps while nothing is due.
 * Reads LoadSettings as JSON from its input and prints a LoadResult as one line of JSON.
 */
export interface LoadSettings {
  readonly port: number;
  readonly keys: readonly { readonly key: string; readonly secret: string }[]; // a connection each
  readonly seconds: number;
  /**
   * Orders per second, sent whatever comes back, or null: each connection sends its next order when the last one is
   * answered, until the time is over or the orders are.
   */
  readonly rate: number | null;
  readonly orders: number; // signed beforehand; with a rate as many as are sent
}

export interface LoadResult {
  readonly answers: number;
  readonly accepted: number; // of these with status 200
  readonly seconds: number;
  readonly p50Ms: number; // latencies: with a rate from the intended send time, else from the sending
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  readonly lateP50Ms: number; // how late the generator itself was
  readonly lateP99Ms: number;
  readonly waits: number; // orders that were due while every connection waited for an answer
}

const { port, keys, seconds, rate, orders: orderCount } = JSON.parse(await text(process.stdin)) as LoadSettings;
const signers = keys.map((credentials) => new SignedRequests(credentials));
const latenciesMs: number[] = [];
let accepted = 0;

/** A resting buy far from the market's middle, at one of a hundred prices. */
const signed = signers.map((signer, connection) =>
  Array.from({ length: Math.ceil(orderCount / keys.length) }, (_, round) =>
    signer.sign('/v1/order/new', {
      symbol: 'btcusd',
      amount: '0.00001',
      price: `${100 + ((round * keys.length + connection) % 100)}.00`,
      side: 'buy',
      type: 'exchange limit',
    }),
  ),
);
const next = keys.map(() => 0);

/** Sends a connection's next order; it must be free. */
async function order(connections: readonly HttpConnection[], connection: number, sinceMs: number): Promise<void> {
  const round = next[connection]!++;
  const { status } = await connections[connection]!.request(signed[connection]![round]!);
  latenciesMs.push(performance.now() - sinceMs);
  if (status === 200) accepted += 1;
}

async function closedLoop(connections: readonly HttpConnection[]): Promise<void> {
  const endsAtMs = performance.now() + seconds * 1_000;
  await Promise.all(
    connections.map(async (_, connection) => {
      while (performance.now() < endsAtMs && next[connection]! < signed[connection]!.length)
        await order(connections, connection, performance.now());
    }),
  );
}

const connections = await Promise.all(keys.map(() => HttpConnection.open(port)));
const startMs = performance.now();
let times: SendTimes = { lateMs: [], waits: 0 };
if (rate === null) await closedLoop(connections);
else
  times = await sendOnTime({
    rate,
    count: orderCount,
    lanes: connections.length,
    send: (connection, intendedMs) => order(connections, connection, intendedMs),
  });
const took = (performance.now() - startMs) / 1_000;
for (const connection of connections) connection.close();

function percentile(values: readonly number[], share: number): number {
  return values[Math.min(values.length - 1, Math.floor(share * values.length))] ?? 0;
}

latenciesMs.sort((left, right) => left - right);
const lateMs = [...times.lateMs].sort((left, right) => left - right);
const result: LoadResult = {
  answers: latenciesMs.length,
  accepted,
  seconds: took,
  p50Ms: percentile(latenciesMs, 0.5),
  p99Ms: percentile(latenciesMs, 0.99),
  p999Ms: percentile(latenciesMs, 0.999),
  maxMs: percentile(latenciesMs, 1),
  lateP50Ms: percentile(lateMs, 0.5),
  lateP99Ms: percentile(lateMs, 0.99),
  waits: times.waits,
};
console.log(JSON.stringify(result));
