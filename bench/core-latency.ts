import { runWhole, ThreadedArm, warmEnd } from './peer/threaded-arm.ts';
import type { Workload } from './peer/workload-recorder.ts';
import { cryptoMix, exchangeCoreMix } from './peer/workloads.ts';
import type { Bench } from './support/bench.ts';
import { barChart } from './support/chart.ts';
import { describeMachine } from './support/machine.ts';
import { PACED_BATCH } from './support/paced.ts';
import { median, perSecond } from './support/pairs.ts';
import { type LatencyNs, latencyNs } from './support/percentiles.ts';

const COMMANDS = { full: 1_000_000, short: 20_000 } as const;
const RUNS = { full: 5, short: 1 } as const;
const RESTING = { full: 100_000, short: 5_000 } as const;
const STRETCH = 20_000; // some milliseconds: most of them see no other process take the processor
const PERCENTILES = ['p50', 'p99', 'p99.9', 'max'] as const;

/** Medians of the runs, percentile by percentile. */
interface HalfLoad {
  readonly workload: Workload;
  readonly tape: string;
  readonly maxPerSecond: number;
  readonly engineNs: LatencyNs;
  readonly timerNs: LatencyNs; // the same loop at the same rate without an engine
  readonly aboveNs: LatencyNs; // medians of the differences, run by run
  readonly engineStretchNs: LatencyNs; // medians of stretches of commands instead of runs
  readonly timerStretchNs: LatencyNs;
  readonly p999Spread: readonly [least: number, most: number];
}

export const latencyBench: Bench = {
  name: 'latency',
  about: 'the bare core at half of its highest rate: latency from the intended time, beside the same loop without it',
  size: '1 million commands of W1 and of W2, 5 runs each: 20 s',
  async run({ seed, isShort, size, progress }) {
    const form = isShort ? 'short' : 'full';
    const measured = size ?? COMMANDS[form];
    const results: HalfLoad[] = [];
    for (const make of [
      () => exchangeCoreMix(seed, measured),
      () => cryptoMix('W2', seed, { resting: RESTING[form], levels: 5_000, measured }),
    ]) {
      const workload = make();
      progress(`${workload.name}: ${workload.mix}`);
      results.push(await atHalfLoad(workload, RUNS[form]));
    }
    return {
      heading: 'Latency of the bare core at half load',
      mix: results.map(({ workload }) => `${workload.name}: ${workload.mix}`).join('. '),
      proof: results
        .map(({ workload, tape }) => `${workload.name} at half load and at full speed alike: ${tape}`)
        .join('. '),
      tables: [
        {
          columns: ['at half load, ns', 'highest rate', 'half', ...PERCENTILES, 'p99.9 of the runs'],
          rows: results.flatMap((result) => {
            const {
              workload,
              maxPerSecond,
              engineNs,
              timerNs,
              aboveNs,
              p999Spread: [least, most],
            } = result;
            return [
              [
                workload.name,
                perSecond(maxPerSecond),
                perSecond(maxPerSecond / 2),
                ...whole(engineNs),
                `${least.toFixed(0)} … ${most.toFixed(0)}`,
              ],
              ['timer alone', '', perSecond(maxPerSecond / 2), ...whole(timerNs), ''],
              [`${workload.name} above the timer`, '', '', ...whole(aboveNs), ''],
              [`${workload.name} in stretches`, '', '', ...whole(result.engineStretchNs), ''],
              ['timer in stretches', '', '', ...whole(result.timerStretchNs), ''],
            ];
          }),
        },
      ],
      notes: [
        `A command counts from the time at which it should have come until its events are published and read. What is due is applied together, up to ${PACED_BATCH} commands; the timer is read after each such batch. Medians of ${RUNS[form]} runs, each beside one of the timer alone; below them, medians of all stretches of ${STRETCH.toLocaleString('en')} commands: what the core does by itself, where the runs show what else the machine did too.`,
      ],
      pictures: [
        {
          name: 'core-latency',
          about: 'latency percentiles of the bare core at half of its highest rate, from the intended time',
          svg: barChart({
            title: 'Bare core at half load: latency from the intended time',
            subtitle: describeMachine(seed),
            groups: PERCENTILES,
            y: { label: 'ns', scale: 'log' },
            series: results.flatMap(({ workload, engineNs, timerNs }) => [
              { name: workload.name, values: engineNs },
              { name: `timer alone, rate of ${workload.name}`, values: timerNs },
            ]),
          }),
        },
      ],
    };
  },
};

/** @throws when the paced commands make other trades than the same ones at full speed */
async function atHalfLoad(workload: Workload, runs: number): Promise<HalfLoad> {
  const rates: number[] = [];
  let tape = '';
  for (let run = 0; run < runs; run++) {
    const { operations, seconds, tape: found } = await runWhole(workload);
    rates.push(operations / seconds);
    tape = found;
  }
  const maxPerSecond = median(rates);
  const intervalMs = 2_000 / maxPerSecond;
  const engineRuns: LatencyNs[] = [];
  const timerRuns: LatencyNs[] = [];
  const engineStretches: LatencyNs[] = [];
  const timerStretches: LatencyNs[] = [];
  for (let run = 0; run < runs; run++) {
    const arm = new ThreadedArm(workload);
    await arm.run({ way: 'full speed', end: warmEnd(workload) });
    const paced = await arm.run({ way: 'paced', end: workload.count, intervalMs });
    await arm.end();
    if (paced.tape !== tape) throw new Error(`${workload.name}: paced, ${paced.tape}; at full speed ${tape}`);
    engineStretches.push(...stretches(paced.timesMs));
    timerStretches.push(...stretches(paced.timerMs));
    engineRuns.push(latencyNs(paced.timesMs));
    timerRuns.push(latencyNs(paced.timerMs));
  }
  const p999s = engineRuns.map(([, , p999]) => p999);
  return {
    workload,
    tape,
    maxPerSecond,
    engineNs: medians(engineRuns),
    timerNs: medians(timerRuns),
    aboveNs: medians(engineRuns.map((run, index) => differences(run, timerRuns[index]!))),
    engineStretchNs: medians(engineStretches),
    timerStretchNs: medians(timerStretches),
    p999Spread: [Math.min(...p999s), Math.max(...p999s)],
  };
}

/** @param timesMs in the order of the commands; sorted here within each stretch */
function stretches(timesMs: Float64Array): LatencyNs[] {
  const count = Math.ceil(timesMs.length / STRETCH);
  return Array.from({ length: count }, (_, index) =>
    latencyNs(timesMs.subarray(index * STRETCH, (index + 1) * STRETCH)),
  );
}

function medians(runs: readonly LatencyNs[]): LatencyNs {
  const at = (index: number): number => median(runs.map((run) => run[index]!));
  return [at(0), at(1), at(2), at(3)];
}

function differences(one: LatencyNs, other: LatencyNs): LatencyNs {
  return [one[0] - other[0], one[1] - other[1], one[2] - other[2], one[3] - other[3]];
}

function whole(values: LatencyNs): string[] {
  return values.map((value) => value.toFixed(0));
}
