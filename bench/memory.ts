import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ExchangeProcess } from '../test/support/exchange-process.ts';
import type { SteadyLoadResult } from './steady-load.ts';
import type { Bench, BenchSettings, Report } from './support/bench.ts';
import { lineChart } from './support/chart.ts';
import { requireResting } from './support/exchange-status.ts';
import { fittedSlope } from './support/fitted-line.ts';
import { describeMachine } from './support/machine.ts';
import type { MemorySample } from './support/memory-sampler.ts';
import { perSecond } from './support/pairs.ts';

const LOAD = fileURLToPath(new URL('./steady-load.ts', import.meta.url));
const SAMPLER = new URL('./support/memory-sampler.ts', import.meta.url).href;
const CONNECTIONS = 32;
const MIB = 2 ** 20;
/** What the exchange keeps of the past, each bound small enough to be full when the warm-up ends. */
const KEPT = { closedOrders: 20_000, closedHolds: 50_000 } as const;
/** At least until the heap has met its first full collection, which it grows for: after that the process stays as large. */
const WARM_UP_ROUNDS = { least: 7, most: 9 } as const;
const WARM_UP_ROUND_SECONDS = 20;
const PROGRESS_MS = 30_000;

const KINDS = [
  { name: 'resident', of: ({ rss }: MemorySample) => rss },
  { name: 'heap used', of: ({ heapUsed }: MemorySample) => heapUsed },
  { name: 'external', of: ({ external }: MemorySample) => external },
  { name: 'array buffers', of: ({ arrayBuffers }: MemorySample) => arrayBuffers },
] as const;

/** Whether the exchange's memory grows under a load that leaves it as it was. */
export const memoryBench: Bench = {
  name: 'memory',
  about: 'memory of the exchange, each second, under orders that are placed, cancelled and traded',
  size: '300 s after a warm-up of 2 to 3 min: 8 min',
  async run(settings) {
    const folder = mkdtempSync(join(tmpdir(), 'ringbook-bench-'));
    const samplesFile = join(folder, 'memory.jsonl');
    const exchange = await ExchangeProcess.start(folder, {
      RINGBOOK_JOURNAL_SEGMENT_MIB: '16',
      RINGBOOK_SNAPSHOT_EVERY: '100000',
      RINGBOOK_CLOSED_ORDERS: String(KEPT.closedOrders),
      RINGBOOK_CLOSED_HOLDS: String(KEPT.closedHolds),
      RINGBOOK_TEST_MEMORY_FILE: samplesFile,
      NODE_OPTIONS: `--import=${SAMPLER}`,
    });
    try {
      return await measure(exchange, samplesFile, settings);
    } finally {
      await exchange.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function measure(
  exchange: ExchangeProcess,
  samplesFile: string,
  { seed, isShort, size, progress }: BenchSettings,
): Promise<Report> {
  const seconds = Math.max(size ?? (isShort ? 3 : 300), 3);
  let closedBefore = 0;
  const rounds = isShort ? { least: 1, most: 1 } : WARM_UP_ROUNDS;
  for (let round = 0; round < rounds.least || (round < rounds.most && closedBefore < KEPT.closedHolds); round++) {
    progress(`warming up: ${count(closedBefore)} orders closed`);
    closedBefore += (await runLoad(exchange, isShort ? 1 : WARM_UP_ROUND_SECONDS)).orders;
  }
  const before = readSamples(samplesFile).length;
  progress(`loading for ${seconds} s`);
  const startMs = performance.now();
  const tell = (): void => progress(`${Math.round((performance.now() - startMs) / 1_000)} of ${seconds} s`);
  const timer = setInterval(tell, PROGRESS_MS);
  const load = await runLoad(exchange, seconds).finally(() => clearInterval(timer));
  const took = (performance.now() - startMs) / 1_000;
  if (load.refused > 0) throw new Error(`${load.refused} of ${load.requests} requests were refused`);
  await requireResting(exchange, 0);
  const samples = readSamples(samplesFile).slice(before);
  const firstMs = samples[0]!.atMs;
  const lines = KINDS.map(({ name, of }) => {
    const points = samples.map((sample) => [(sample.atMs - firstMs) / 1_000, of(sample) / MIB] as const);
    return { name, points, slopePerMinute: fittedSlope(points) * 60 };
  });
  const resident = lines[0]!;
  return {
    heading: 'Memory',
    mix: `${load.requests.toLocaleString('en')} requests (${perSecond(load.requests / took)}) on ${CONNECTIONS} connections: orders placed and cancelled, every fourth time a trade besides`,
    proof: 'every answer was 200; no order rests afterwards: each was cancelled or filled',
    tables: [
      {
        columns: ['memory', 'first, MiB', 'last, MiB', 'most, MiB', 'fitted slope, MiB/min'],
        rows: lines.map(({ name, points, slopePerMinute }) => [
          name,
          points[0]![1].toFixed(1),
          points.at(-1)![1].toFixed(1),
          points.reduce((most, [, mib]) => Math.max(most, mib), 0).toFixed(1),
          slopePerMinute.toFixed(2),
        ]),
      },
    ],
    notes: [
      `${samples.length} samples, one each second. Heap, external and array buffers are the main thread's. ` +
        `The exchange keeps ${count(KEPT.closedOrders)} closed orders and the ids of ${count(KEPT.closedHolds)} closed ` +
        `holds here, which were ${closedBefore < KEPT.closedHolds ? 'not yet' : 'all'} there at the first sample: ` +
        `${count(closedBefore)} orders had been closed, ${count(closedBefore + load.orders)} at the last one. With its ` +
        'own settings, ten times as many and more, it grows for longer before it stays as it is.',
    ],
    pictures: [
      {
        name: 'memory',
        about: 'Memory of the exchange over time under load',
        svg: lineChart({
          title: `Memory under load: fitted slope of resident ${resident.slopePerMinute.toFixed(2)} MiB/min`,
          subtitle: `${describeMachine(seed)}; ${perSecond(load.requests / took)} requests`,
          x: { label: 'time after the warm-up, s' },
          y: { label: 'memory, MiB', min: 0 },
          series: lines.map(({ name, points }) => ({ name, points })),
        }),
      },
    ],
  };
}

function count(value: number): string {
  return value.toLocaleString('en');
}

function readSamples(path: string): MemorySample[] {
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as MemorySample);
}

async function runLoad(exchange: ExchangeProcess, seconds: number): Promise<SteadyLoadResult> {
  const { accounts, baseUrl } = exchange.sandbox;
  const keys = accounts.slice(0, 2).flatMap(({ key, secret }) => [key, secret]);
  const args = [LOAD, new URL(baseUrl).port, ...keys, `${CONNECTIONS}`, `${seconds}`];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: (seconds + 60) * 1_000 });
  return JSON.parse(stdout) as SteadyLoadResult;
}
