import { EngineArm } from './peer/engine-arm.ts';
import type { Workload } from './peer/workload-recorder.ts';
import { cryptoMix, exchangeCoreMix } from './peer/workloads.ts';
import type { Bench } from './support/bench.ts';
import { lineChart } from './support/chart.ts';
import { median } from './support/pairs.ts';

const DEPTHS = { full: [1_000, 10_000, 100_000, 1_000_000, 10_000_000], short: [1_000, 10_000] } as const;
const COMMANDS = { full: 500_000, short: 10_000 } as const;
const RUNS = { full: 5, short: 1 } as const;
const LEVELS = 5_000;

interface Depth {
  readonly resting: number;
  readonly nsPerCommand: number;
}

interface Percentiles {
  readonly name: string;
  readonly ns: readonly [p50: number, p99: number, p999: number, max: number];
}

export const scaleBench: Bench = {
  name: 'scale',
  about: 'the bare core: cost of a command as the book gets deeper, and what single commands take',
  size: '500,000 commands at each of 1 k to 10 M resting orders, 5 runs each: about 5 min, 5 GB',
  async run({ seed, isShort, size, progress }) {
    const form = isShort ? 'short' : 'full';
    const commands = size ?? COMMANDS[form];
    const depths: Depth[] = [];
    for (const resting of DEPTHS[form]) {
      progress(`${resting} resting orders`);
      const workload = cryptoMix('depth', seed, resting, LEVELS, commands);
      depths.push({ resting, nsPerCommand: median(Array.from({ length: RUNS[form] }, () => nsPerCommand(workload))) });
    }
    progress('single commands');
    const timer = percentiles('timer alone', commands, () => undefined);
    const singles = [
      exchangeCoreMix(seed, commands),
      cryptoMix('W2', seed, isShort ? 5_000 : 100_000, LEVELS, commands),
    ].map((workload) => {
      new EngineArm(workload).runTo(workload.count); // warm
      const arm = new EngineArm(workload);
      return percentiles(workload.name, commands, (index) => arm.runTo(workload.setupCount + index + 1));
    });
    const growth = depths.at(-1)!.nsPerCommand / depths[0]!.nsPerCommand;
    return {
      heading: 'Core by depth, and command by command',
      mix: `50 % places, 45 % cancels, 5 % crossing on ${LEVELS} levels; ${commands} commands; W1 and W2 as beside the peer`,
      proof: 'the commands are a recording of an engine of their own, in which every cancel finds its order',
      tables: [
        {
          columns: ['resting orders', 'ns per command'],
          rows: depths.map(({ resting, nsPerCommand: ns }) => [resting.toLocaleString('en'), ns.toFixed(1)]),
        },
        {
          columns: ['command by command, ns', 'p50', 'p99', 'p99.9', 'max', 'p99.9 above the timer'],
          rows: [timer, ...singles].map(({ name, ns }) => [
            name,
            ...ns.map((value) => value.toFixed(0)),
            (ns[2] - timer.ns[2]).toFixed(0),
          ]),
        },
      ],
      notes: [`The deepest book costs ${growth.toFixed(1)} times the shallowest per command.`],
      pictures: [
        {
          name: 'core-depth',
          about: 'nanoseconds per command by resting orders',
          svg: lineChart({
            title: 'Cost of a command by depth of the book',
            x: { label: 'resting orders', scale: 'log' },
            y: { label: 'ns per command', min: 0 },
            series: [{ name: 'engine', points: depths.map(({ resting, nsPerCommand: ns }) => [resting, ns] as const) }],
          }),
        },
      ],
    };
  },
};

function nsPerCommand(workload: Workload): number {
  const arm = new EngineArm(workload);
  const startMs = performance.now();
  arm.runTo(workload.count);
  return ((performance.now() - startMs) * 1e6) / (workload.count - workload.setupCount);
}

/** @param act told which of the commands it is to do */
function percentiles(name: string, count: number, act: (index: number) => void): Percentiles {
  const times = new Float64Array(count);
  for (let index = 0; index < count; index++) {
    const startMs = performance.now();
    act(index);
    times[index] = performance.now() - startMs;
  }
  times.sort();
  const at = (share: number): number => times[Math.min(count - 1, Math.floor(count * share))]! * 1e6;
  return { name, ns: [at(0.5), at(0.99), at(0.999), at(1)] };
}
