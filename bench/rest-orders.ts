import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ExchangeProcess } from '../test/support/exchange-process.ts';
import { type Credentials, signedPost } from '../test/support/signed-client.ts';
import type { LoadResult, LoadSettings } from './rest-load.ts';
import type { Bench, BenchSettings, Report } from './support/bench.ts';
import { barChart } from './support/chart.ts';
import { printedPort, runJson } from './support/child-output.ts';
import { requireResting } from './support/exchange-status.ts';
import { describeMachine } from './support/machine.ts';
import { median, perSecond } from './support/pairs.ts';
import { cpuShare } from './support/process-usage.ts';

const LOAD = fileURLToPath(new URL('./rest-load.ts', import.meta.url));
const BARE_SERVER = fileURLToPath(new URL('./bare-server.ts', import.meta.url));
const CONNECTIONS = 256;
const REST_SECONDS = 5;
const PROOF_ORDERS = 100;
const SIGNED_PER_SECOND = 15_000; // for a run as fast as it goes: it ends when they are used up or the time is over

/** One pair of runs, the same requests to both. */
interface Pair {
  readonly exchange: LoadResult;
  readonly bare: LoadResult;
}

/**
 * Signed orders from a separate process against the exchange, and the same requests against uWebSockets.js answering a
 * constant: the most that any gateway on it could do with this client on this machine. First as fast as it goes, then at
 * half that rate, where a latency means something.
 */
export const restBench: Bench = {
  name: 'rest',
  about: 'signed orders over REST, as fast as it goes and at half of that, beside uWebSockets.js answering a constant',
  size: '5 s a run (8 s at half load), 3 pairs: 2 min',
  async run(settings) {
    const folder = mkdtempSync(join(tmpdir(), 'ringbook-bench-'));
    const exchange = await ExchangeProcess.start(folder, { RINGBOOK_JOURNAL_SEGMENT_MIB: '64' });
    const bareServer = spawn(process.execPath, [BARE_SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      return await measure(exchange, await printedPort(bareServer), settings);
    } finally {
      bareServer.kill('SIGKILL');
      await exchange.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function measure(
  exchange: ExchangeProcess,
  barePort: number,
  { seed, isShort, size, progress }: BenchSettings,
): Promise<Report> {
  const seconds = size ?? (isShort ? 0.3 : 5);
  const pairs = isShort ? 1 : 3;
  const exchangePort = Number(new URL(exchange.sandbox.baseUrl).port);
  progress('making keys, and reading back what a hundred orders became');
  const keys = await makeKeys(exchange, CONNECTIONS);
  await proveOrders(exchange, keys[0]!);
  let ordersAccepted = PROOF_ORDERS;
  const load = async (port: number, duration: number, rate: number | null): Promise<LoadResult> => {
    const orders = Math.ceil(duration * (rate ?? SIGNED_PER_SECOND));
    const loadSettings: LoadSettings = { port, keys, seconds: duration, rate, orders };
    const result = await runJson<LoadResult>(LOAD, loadSettings, (duration * 6 + 60) * 1_000);
    if (result.accepted !== result.answers)
      throw new Error(`${result.answers - result.accepted} of ${result.answers} requests were refused`);
    if (port === exchangePort) ordersAccepted += result.accepted;
    return result;
  };
  const runPair = async (number: number, duration: number, rate: number | null): Promise<Pair> => {
    const isExchangeFirst = number % 2 === 0;
    const first = await load(isExchangeFirst ? exchangePort : barePort, duration, rate);
    const second = await load(isExchangeFirst ? barePort : exchangePort, duration, rate);
    return isExchangeFirst ? { exchange: first, bare: second } : { exchange: second, bare: first };
  };

  progress('at rest');
  await sleep(1_000);
  const restShare = await cpuShare(exchange.pid, REST_SECONDS);
  progress('a warm-up, then as fast as it goes');
  await runPair(0, seconds, null);
  const most: Pair[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    progress(`as fast as it goes: pair ${pair + 1} of ${pairs}`);
    most.push(await runPair(pair, seconds, null));
  }
  const noise = await load(barePort, seconds, null);
  const fastest = middleOf(most, ({ exchange: each }) => rateOf(each));
  const ratio = median(most.map((pair) => rateOf(pair.exchange) / rateOf(pair.bare)));
  const noiseRatio = rateOf(noise) / rateOf(most.at(-1)!.bare);

  const halfRate = Math.max(1, Math.floor(rateOf(fastest.exchange) / 2));
  const half: Pair[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    progress(`at half of it, ${halfRate}/s, from the intended send time: pair ${pair + 1} of ${pairs}`);
    half.push(await runPair(pair, Math.ceil(seconds * 1.6), halfRate));
  }
  const steady = middleOf(half, ({ exchange: each }) => each.p99Ms);
  await requireResting(exchange, ordersAccepted);

  return {
    heading: 'Signed orders over REST',
    mix: `limit orders that rest, each signed with a nonce of its own, ${CONNECTIONS} connections from one process, a key each; signed beforehand`,
    proof: `${PROOF_ORDERS} orders were read back as they were placed, every answer was 200, and all ${ordersAccepted.toLocaleString('en')} orders rest in the book afterwards`,
    tables: [
      {
        columns: ['figure', 'measured', 'limit', 'limit measured', 'ratio', 'A/A noise'],
        rows: [
          [
            'signed REST orders',
            perSecond(rateOf(fastest.exchange)),
            'uWebSockets.js answering a constant',
            perSecond(rateOf(fastest.bare)),
            ratio.toFixed(3),
            `×${Math.max(noiseRatio, 1 / noiseRatio).toFixed(2)}`,
          ],
        ],
      },
      {
        columns: [
          `latency at ${perSecond(halfRate)}, ms`,
          'p50',
          'p99',
          'p99.9',
          'max',
          'generator late, p50 / p99',
          'waited to be sent',
        ],
        rows: [latencyRow('exchange', steady.exchange), latencyRow('bare uWebSockets.js', steady.bare)],
      },
    ],
    notes: [`at rest: ${(restShare * 100).toFixed(2)} % of one core over ${REST_SECONDS} s`],
    pictures: [
      {
        name: 'rest-latency',
        about: 'Latency percentiles of signed orders at half of the highest rate',
        svg: barChart({
          title: `Signed orders at half load, ${perSecond(halfRate)}: latency from the intended send time`,
          subtitle: describeMachine(seed),
          groups: ['p50', 'p99', 'p99.9', 'max'],
          y: { label: 'latency, ms', scale: 'log' },
          series: [
            { name: 'exchange', values: latencies(steady.exchange) },
            { name: 'bare uWebSockets.js', values: latencies(steady.bare) },
          ],
        }),
      },
    ],
  };
}

function rateOf({ answers, seconds }: LoadResult): number {
  return answers / seconds;
}

/** @returns the pair with the median of a figure */
function middleOf(pairs: readonly Pair[], figure: (pair: Pair) => number): Pair {
  const middle = median(pairs.map(figure));
  return pairs.find((pair) => figure(pair) === middle)!;
}

function latencies({ p50Ms, p99Ms, p999Ms, maxMs }: LoadResult): number[] {
  return [p50Ms, p99Ms, p999Ms, maxMs];
}

function latencyRow(name: string, result: LoadResult): string[] {
  return [
    name,
    ...latencies(result).map((each) => each.toFixed(2)),
    `${result.lateP50Ms.toFixed(2)} / ${result.lateP99Ms.toFixed(2)}`,
    `${result.waits}`,
  ];
}

/** @returns keys that may trade, spread over the accounts of the sandbox */
async function makeKeys(exchange: ExchangeProcess, count: number): Promise<Credentials[]> {
  const { accounts } = exchange.sandbox;
  const keys: Credentials[] = [];
  for (let index = 0; index < count; index++) {
    const account = accounts[index % accounts.length]!.name;
    keys.push((await exchange.admin('/keys', { account, roles: ['trader'] })) as Credentials);
  }
  return keys;
}

/** Places orders that differ and reads them back: a fast wrong answer is worth nothing. */
async function proveOrders({ sandbox }: ExchangeProcess, key: Credentials): Promise<void> {
  const placed = new Map<string, string>();
  for (let index = 0; index < PROOF_ORDERS; index++) {
    const [amount, price] = [`0.${String(index + 1).padStart(5, '0')}`, `${100 + index}.00`];
    const fields = { symbol: 'btcusd', amount, price, side: 'buy', type: 'exchange limit' };
    const { status, body } = await signedPost(sandbox.baseUrl, key, '/v1/order/new', fields);
    if (status !== 200) throw new Error(`an order was answered ${status}: ${JSON.stringify(body)}`);
    placed.set(body.order_id, `${Number(amount)} at ${price}`);
  }
  const { body } = await signedPost(sandbox.baseUrl, key, '/v1/orders');
  for (const { order_id, remaining_amount, price } of body as Record<string, string>[]) {
    const found = `${Number(remaining_amount)} at ${price}`;
    if (placed.get(order_id!) !== found) throw new Error(`order ${order_id} is ${found}, not ${placed.get(order_id!)}`);
    placed.delete(order_id!);
  }
  if (placed.size > 0) throw new Error(`${placed.size} of ${PROOF_ORDERS} orders do not rest`);
}
