import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ExchangeProcess } from '../test/support/exchange-process.ts';
import type { LoadResult } from './rest-load.ts';
import type { Bench, BenchSettings, Report } from './support/bench.ts';
import { barChart } from './support/chart.ts';
import { printedPort } from './support/child-output.ts';
import { requireResting } from './support/exchange-status.ts';
import { describeMachine } from './support/machine.ts';
import { median, perSecond } from './support/pairs.ts';
import { cpuShare } from './support/process-usage.ts';

const LOAD = fileURLToPath(new URL('./rest-load.ts', import.meta.url));
const BARE_SERVER = fileURLToPath(new URL('./bare-server.ts', import.meta.url));
const CONNECTIONS = 64;
const REST_SECONDS = 5;

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
  about: 'signed orders over REST, at the most and at half of it, beside uWebSockets.js answering a constant',
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
  const seconds = size ?? (isShort ? 1 : 5);
  const pairs = isShort ? 1 : 3;
  const exchangePort = Number(new URL(exchange.sandbox.baseUrl).port);
  let ordersAccepted = 0;
  const load = async (port: number, duration: number, rate: number | null): Promise<LoadResult> => {
    const { key, secret } = exchange.sandbox.accounts[0]!;
    const result = await runLoad(port, key, secret, duration, rate);
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
  for (let pair = 0; pair < pairs; pair++) most.push(await runPair(pair, seconds, null));
  const noise = await load(barePort, seconds, null);
  const fastest = middleOf(most, ({ exchange: each }) => rateOf(each));
  const ratio = median(most.map((pair) => rateOf(pair.exchange) / rateOf(pair.bare)));
  const noiseRatio = rateOf(noise) / rateOf(most.at(-1)!.bare);

  const halfRate = Math.max(1, Math.floor(rateOf(fastest.exchange) / 2));
  progress(`at half of it, ${halfRate}/s, from the intended send time`);
  const half: Pair[] = [];
  for (let pair = 0; pair < pairs; pair++) half.push(await runPair(pair, Math.ceil(seconds * 1.6), halfRate));
  const steady = middleOf(half, ({ exchange: each }) => each.p99Ms);
  await requireResting(exchange, ordersAccepted);

  return {
    heading: 'Signed orders over REST',
    mix: `limit orders that rest, each signed with a nonce of its own, ${CONNECTIONS} connections from one process`,
    proof: `every answer was 200, and all ${ordersAccepted.toLocaleString('en')} orders rest in the book afterwards`,
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
        columns: [`latency at ${perSecond(halfRate)}, ms`, 'p50', 'p99', 'p99.9', 'max', 'generator late, p99'],
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
  return [name, ...latencies(result).map((each) => each.toFixed(2)), result.sentLateMs.toFixed(2)];
}

async function runLoad(
  port: number,
  key: string,
  secret: string,
  seconds: number,
  rate: number | null,
): Promise<LoadResult> {
  const args = [LOAD, `${port}`, key, secret, `${CONNECTIONS}`, `${seconds}`, ...(rate === null ? [] : [`${rate}`])];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: (seconds * 3 + 60) * 1_000 });
  return JSON.parse(stdout) as LoadResult;
}
