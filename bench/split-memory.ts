import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PrivateRabbitmq } from '../main/services/private-rabbitmq.ts';
import { PrivateRedis } from '../main/services/private-redis.ts';
import { ExchangeProcess } from '../test/support/exchange-process.ts';
import { RingbookProcess } from '../test/support/ringbook-process.ts';
import type { Bench, BenchSettings, Report } from './support/bench.ts';
import { lineChart } from './support/chart.ts';
import { requireResting } from './support/exchange-status.ts';
import { fittedSlope } from './support/fitted-line.ts';
import { describeMachine } from './support/machine.ts';
import { CONNECTIONS, loadFor, MIB, readSamples, SMALL_BOUNDS, sampledInto, warmUp } from './support/memory-load.ts';
import { perSecond } from './support/pairs.ts';

/** What runs beside the exchange, and what it prints when it is ready. */
const WORKERS = [
  { name: 'settlement', args: ['workers', '--only', 'settlement'], readyLine: 'ringbook workers are ready' },
  { name: 'history', args: ['workers', '--only', 'history'], readyLine: 'ringbook workers are ready' },
  { name: 'audit-tap', args: ['workers', '--only', 'audit-tap'], readyLine: 'ringbook workers are ready' },
  { name: 'scheduler', args: ['scheduler'], readyLine: 'ringbook scheduler is ready' },
] as const;
const CATCH_UP_MS = 120_000;
const LOOK_MS = 100;

/** Whether any process of a split exchange grows under a load that leaves the exchange as it was. */
export const splitMemoryBench: Bench = {
  name: 'split',
  about: 'memory of each process of a split exchange, each second, under the same load as memory',
  size: '300 s after a warm-up of 2 to 3 min: 9 min',
  async run(settings) {
    const folder = mkdtempSync(join(tmpdir(), 'ringbook-bench-'));
    const ends: (() => Promise<unknown>)[] = [];
    try {
      const redis = await PrivateRedis.start({ folder: join(folder, 'redis') });
      ends.push(() => redis.kill());
      const rabbitmq = await PrivateRabbitmq.start({ folder: join(folder, 'rabbitmq') });
      ends.push(() => rabbitmq.kill());
      const environment = {
        RINGBOOK_DATA_DIR: join(folder, 'data'),
        RINGBOOK_REDIS_URL: redis.url,
        RINGBOOK_AMQP_URL: rabbitmq.url,
      };
      const into = (name: string) => sampledInto(join(folder, `${name}.jsonl`));
      const own = { ...environment, ...SMALL_BOUNDS, ...into('exchange') };
      const exchange = await ExchangeProcess.start(environment.RINGBOOK_DATA_DIR, own, null, 'exchange');
      ends.push(() => exchange.kill());
      for (const { name, args, readyLine } of WORKERS) {
        const worker = await RingbookProcess.start({ args, readyLine, environment: { ...environment, ...into(name) } });
        ends.push(() => worker.kill());
      }
      return await measure(exchange, (name) => join(folder, `${name}.jsonl`), settings);
    } finally {
      for (const end of ends.reverse()) await end();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function measure(
  exchange: ExchangeProcess,
  samplesOf: (name: string) => string,
  settings: BenchSettings,
): Promise<Report> {
  const { seed, isShort, size, progress } = settings;
  const seconds = Math.max(size ?? (isShort ? 3 : 300), 3);
  await warmUp(exchange, settings);
  const names = ['exchange', ...WORKERS.map(({ name }) => name)];
  const before = names.map((name) => readSamples(samplesOf(name)).length);
  const load = await loadFor(exchange, seconds, progress);
  const lines = names.map((name, index) => {
    const samples = readSamples(samplesOf(name)).slice(before[index]);
    const points = samples.map(({ atMs, rss }) => [(atMs - samples[0]!.atMs) / 1_000, rss / MIB] as const);
    const heapUsed = samples.at(-1)!.heapUsed / MIB;
    return { name, points, heapUsed, slopePerMinute: fittedSlope(points) * 60 };
  });
  await requireResting(exchange, 0);
  progress('every consumer catches up');
  const events = await caughtUp(exchange);
  const rate = perSecond(load.requests / load.tookSeconds);
  const total = lines.reduce((sum, { slopePerMinute }) => sum + slopePerMinute, 0);
  return {
    heading: 'Memory, split',
    mix: `${load.requests.toLocaleString('en')} requests (${rate}) on ${CONNECTIONS} connections: orders placed and cancelled, every fourth time a trade besides`,
    proof: `every answer was 200; no order rests afterwards; settlement, history, audit tap and candles are through all ${events.toLocaleString('en')} events, without any trouble`,
    tables: [
      {
        columns: [
          'resident memory',
          'first, MiB',
          'last, MiB',
          'most, MiB',
          'fitted slope, MiB/min',
          'heap at last, MiB',
        ],
        rows: lines.map(({ name, points, slopePerMinute, heapUsed }) => [
          name,
          points[0]![1].toFixed(1),
          points.at(-1)![1].toFixed(1),
          points.reduce((most, [, mib]) => Math.max(most, mib), 0).toFixed(1),
          slopePerMinute.toFixed(2),
          heapUsed.toFixed(1),
        ]),
      },
    ],
    notes: [`${lines[0]!.points.length} samples, one each second; RabbitMQ and Redis are on the same cores`],
    pictures: [
      {
        name: 'split-memory',
        about: 'Memory of each process of a split exchange over time under load',
        svg: lineChart({
          title: `Memory of a split exchange under load: fitted slopes add up to ${total.toFixed(2)} MiB/min`,
          subtitle: `${describeMachine(seed)}; ${rate} requests`,
          x: { label: 'time after the warm-up, s' },
          y: { label: 'resident memory, MiB', min: 0 },
          series: lines.map(({ name, points }) => ({ name, points })),
        }),
      },
    ],
  };
}

/** @returns how many events there are, once each consumer has all @throws Error when one does not come that far */
async function caughtUp(exchange: ExchangeProcess): Promise<number> {
  for (const endMs = performance.now() + CATCH_UP_MS; ; await sleep(LOOK_MS)) {
    const { events, consumers } = await exchange.status();
    const troubles = consumers.flatMap(({ consumer, troubles: own }) =>
      own.map(({ trouble }) => `${consumer}: ${trouble}`),
    );
    if (troubles.length > 0) throw new Error(troubles.join('; '));
    const behind = consumers.filter(({ consumedSequence }) => consumedSequence < events.loggedSequence);
    if (behind.length === 0) return events.loggedSequence;
    if (performance.now() > endMs)
      throw new Error(`${behind.map(({ consumer }) => consumer)} lag behind event ${events.loggedSequence} for good`);
  }
}
