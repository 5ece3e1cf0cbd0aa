import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExchangeProcess } from '../test/support/exchange-process.ts';
import type { Bench, BenchSettings, Report } from './support/bench.ts';
import { lineChart } from './support/chart.ts';
import { requireResting } from './support/exchange-status.ts';
import { fittedSlope } from './support/fitted-line.ts';
import { describeMachine } from './support/machine.ts';
import {
  CONNECTIONS,
  KEPT,
  loadFor,
  MIB,
  readSamples,
  SMALL_BOUNDS,
  sampledInto,
  warmUp,
} from './support/memory-load.ts';
import type { MemorySample } from './support/memory-sampler.ts';
import { perSecond } from './support/pairs.ts';

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
    const exchange = await ExchangeProcess.start(folder, { ...SMALL_BOUNDS, ...sampledInto(samplesFile) });
    try {
      return await measure(exchange, samplesFile, settings);
    } finally {
      await exchange.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function measure(exchange: ExchangeProcess, samplesFile: string, settings: BenchSettings): Promise<Report> {
  const { seed, isShort, size, progress } = settings;
  const seconds = Math.max(size ?? (isShort ? 3 : 300), 3);
  const closedBefore = await warmUp(exchange, settings);
  const before = readSamples(samplesFile).length;
  const load = await loadFor(exchange, seconds, progress);
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
    mix: `${load.requests.toLocaleString('en')} requests (${perSecond(load.requests / load.tookSeconds)}) on ${CONNECTIONS} connections: orders placed and cancelled, every fourth time a trade besides`,
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
          subtitle: `${describeMachine(seed)}; ${perSecond(load.requests / load.tookSeconds)} requests`,
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
