import { ThreadedArm, warmEnd } from './peer/threaded-arm.ts';
import type { Workload } from './peer/workload-recorder.ts';
import { cryptoMix, exchangeCoreMix } from './peer/workloads.ts';
import type { Bench } from './support/bench.ts';
import { lineChart } from './support/chart.ts';
import { garbageCollector } from './support/garbage.ts';
import { describeMachine } from './support/machine.ts';
import { median } from './support/pairs.ts';
import { type LatencyNs, latencyNs } from './support/percentiles.ts';

const DEPTHS = { full: [1_000, 10_000, 100_000, 1_000_000, 10_000_000], short: [1_000, 10_000] } as const;
const COMMANDS = { full: 200_000, short: 10_000 } as const;
const ROUNDS = { full: 5, short: 1 } as const;
const LEVELS = 5_000;

interface Depth {
  readonly resting: number;
  readonly nsPerCommand: number; // median of the rounds, as is the next
  readonly ratio: number; // to the shallowest in the same round
  readonly spread: readonly [least: number, most: number]; // of the ns per command
}

interface Percentiles {
  readonly name: string;
  readonly ns: LatencyNs;
  readonly aboveTimerNs: number; // p99.9
}

/** What a command in a thousand may take, by workload. */
const P999_ABOVE_TIMER_NS: Readonly<Record<string, number>> = { W1: 700, W2: 1_500 };

export const scaleBench: Bench = {
  name: 'scale',
  about: 'the bare core: cost of a command as the book gets deeper, and what single commands take',
  size: '200,000 commands at each of 1 k to 10 M resting orders, 5 rounds: about 2 min, 6 GB',
  async run({ seed, isShort, size, progress }) {
    const form = isShort ? 'short' : 'full';
    const commands = size ?? COMMANDS[form];
    const depths = await byDepth(seed, DEPTHS[form], commands, ROUNDS[form], progress);
    progress('single commands');
    const singles: Percentiles[] = [];
    for (const workload of [
      exchangeCoreMix(seed, commands),
      cryptoMix('W2', seed, { resting: isShort ? 5_000 : 100_000, levels: LEVELS, measured: commands }),
    ])
      singles.push(...(await oneByOne(workload)));
    return {
      heading: 'Core by depth, and command by command',
      mix: `50 % places, 45 % cancels, 5 % crossing on ${LEVELS} levels; ${commands} commands; W1 and W2 as beside the peer`,
      proof: 'the commands are a recording of an engine of their own, in which every cancel finds its order',
      tables: [
        {
          columns: ['resting orders', 'ns per command', 'times the shallowest', 'ns in the rounds'],
          rows: depths.map(({ resting, nsPerCommand, ratio, spread }) => [
            resting.toLocaleString('en'),
            nsPerCommand.toFixed(1),
            ratio.toFixed(2),
            spread.map((ns) => ns.toFixed(1)).join(' … '),
          ]),
        },
        {
          columns: ['command by command, ns', 'p50', 'p99', 'p99.9', 'max', 'p99.9 above the timer', 'at most'],
          rows: singles.map(({ name, ns, aboveTimerNs }) => [
            name,
            ...ns.map((value) => value.toFixed(0)),
            aboveTimerNs.toFixed(0),
            `${P999_ABOVE_TIMER_NS[name] ?? ''}`,
          ]),
        },
      ],
      notes: [`The deepest book costs ${depths.at(-1)!.ratio.toFixed(1)} times the shallowest per command; at most 9.`],
      pictures: [
        {
          name: 'core-depth',
          about: 'nanoseconds per command by resting orders',
          svg: lineChart({
            title: 'Cost of a command by depth of the book',
            subtitle: describeMachine(seed),
            x: { label: 'resting orders', scale: 'log' },
            y: { label: 'ns per command', min: 0 },
            series: [{ name: 'engine', points: depths.map(({ resting, nsPerCommand: ns }) => [resting, ns] as const) }],
          }),
        },
      ],
    };
  },
};

/**
 * Builds each book once, runs the first stretch of its commands, and then one stretch of each in turns: what slows the
 * machine for a while slows all depths alike.
 */
async function byDepth(
  seed: number,
  restings: readonly number[],
  commands: number,
  rounds: number,
  progress: (step: string) => void,
): Promise<Depth[]> {
  const collectGarbage = garbageCollector();
  const arms: { arm: ThreadedArm; start: number }[] = [];
  for (const resting of restings) {
    progress(`${resting} resting orders`);
    const measured = (1 + rounds) * commands;
    const workload = cryptoMix('depth', seed, { resting, levels: LEVELS, measured });
    const arm = new ThreadedArm(workload);
    await arm.run({ way: 'full speed', end: workload.setupCount });
    arms.push({ arm, start: workload.setupCount });
    collectGarbage(); // the recorder's objects, of which there are several for each order
  }
  const times: number[][] = restings.map(() => []);
  for (let round = 0; round <= rounds; round++) {
    for (const [index, { arm, start }] of arms.entries()) {
      const { seconds } = await arm.run({ way: 'full speed', end: start + (round + 1) * commands });
      if (round > 0) times[index]!.push((seconds * 1e9) / commands); // the first stretch warms
    }
  }
  for (const { arm } of arms) await arm.end();
  return restings.map((resting, index) => {
    const own = times[index]!;
    return {
      resting,
      nsPerCommand: median(own),
      ratio: median(own.map((ns, round) => ns / times[0]![round]!)),
      spread: [Math.min(...own), Math.max(...own)],
    };
  });
}

/** @returns what single commands take, and what reading the timer takes in their place */
async function oneByOne(workload: Workload): Promise<Percentiles[]> {
  const arm = new ThreadedArm(workload);
  const warm = warmEnd(workload);
  await arm.run({ way: 'full speed', end: warm });
  await arm.run({ way: 'one by one', end: warm + ((workload.count - warm) >> 1) }); // this way has code of its own
  const { timesMs, timerMs } = await arm.run({ way: 'one by one', end: workload.count });
  await arm.end();
  const ns = latencyNs(timesMs);
  const timerNs = latencyNs(timerMs);
  return [
    { name: workload.name, ns, aboveTimerNs: ns[2] - timerNs[2] },
    { name: `timer beside ${workload.name}`, ns: timerNs, aboveTimerNs: 0 },
  ];
}
