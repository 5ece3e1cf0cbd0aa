import { EngineArm } from './peer/engine-arm.ts';
import { tapeText } from './peer/trade-tape.ts';
import type { Workload } from './peer/workload-recorder.ts';
import { cryptoMix } from './peer/workloads.ts';
import type { Bench } from './support/bench.ts';
import { lineChart } from './support/chart.ts';
import { garbageCollector } from './support/garbage.ts';
import { describeMachine } from './support/machine.ts';
import { median } from './support/pairs.ts';

const BOOKS = [1, 10, 100, 1_000] as const;
const SIZES = {
  full: { resting: 100_000, levels: 10_000, measured: 500_000, rounds: 7 },
  short: { resting: 4_000, levels: 4_000, measured: 10_000, rounds: 1 },
} as const;

interface BooksResult {
  readonly books: number;
  readonly tape: string;
  readonly nsPerCommand: number; // median
  readonly ratio: number; // to one book in the same round, median
}

export const booksBench: Bench = {
  name: 'books',
  about: 'the bare core: the same number of commands over 1, 10, 100 and 1,000 books of one engine',
  size: '500,000 commands over each number of books, 7 rounds: 15 s',
  async run({ seed, isShort, size, progress }) {
    const { resting, levels, rounds, ...sizes } = SIZES[isShort ? 'short' : 'full'];
    const measured = size ?? sizes.measured;
    progress('recording the commands');
    const workloads = BOOKS.map((books) =>
      cryptoMix(`${books} books`, seed, { resting, levels: levels / books, measured, books }),
    );
    progress('running them in turns');
    const { results, noise } = inRounds(workloads, rounds);
    return {
      heading: 'Many books in one engine',
      mix: `50 % places, 45 % cancels, 5 % crossing, each in any of the books; in all of them together ${resting} resting on ${levels} levels; ${measured} commands`,
      proof: `two runs each, the same trades and states: ${results.map(({ books, tape }) => `${books}: ${tape}`).join('. ')}`,
      tables: [
        {
          columns: ['books', 'ns per command', 'times one book'],
          rows: results.map(({ books, nsPerCommand, ratio }) => [
            books.toLocaleString('en'),
            nsPerCommand.toFixed(1),
            ratio.toFixed(2),
          ]),
        },
      ],
      notes: [`One book against itself: A/A noise ×${noise.toFixed(2)}, medians of ${rounds} rounds.`],
      pictures: [
        {
          name: 'core-books',
          about: 'nanoseconds per command by the number of books',
          svg: lineChart({
            title: 'Cost of a command by the number of books',
            subtitle: describeMachine(seed),
            x: { label: 'books', scale: 'log' },
            y: { label: 'ns per command', min: 0 },
            series: [
              { name: 'engine', points: results.map(({ books, nsPerCommand }) => [books, nsPerCommand] as const) },
            ],
          }),
        },
      ],
    };
  },
};

/** Every round runs each workload, the first one twice. */
function inRounds(workloads: readonly Workload[], rounds: number): { results: BooksResult[]; noise: number } {
  const collectGarbage = garbageCollector();
  const tapes = workloads.map(provenTape); // warms too
  const times: number[][] = workloads.map(() => []);
  const again: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const [index, workload] of workloads.entries()) times[index]!.push(nsPerCommand(workload, collectGarbage));
    again.push(nsPerCommand(workloads[0]!, collectGarbage));
  }
  const alone = times[0]!;
  return {
    results: BOOKS.map((books, index) => ({
      books,
      tape: tapes[index]!,
      nsPerCommand: median(times[index]!),
      ratio: median(times[index]!.map((ns, round) => ns / alone[round]!)),
    })),
    noise: median(again.map((ns, round) => Math.max(ns / alone[round]!, alone[round]! / ns))),
  };
}

/** @throws when two runs differ, or a book does not hold together */
function provenTape(workload: Workload): string {
  const [first, second] = [new EngineArm(workload), new EngineArm(workload)];
  for (const arm of [first, second]) arm.runTo(workload.count);
  first.engine.verifyInvariants();
  const text = `${tapeText(first.tape)}, state ${first.engine.stateHash()}`;
  if (`${tapeText(second.tape)}, state ${second.engine.stateHash()}` !== text)
    throw new Error(`${workload.name}: the same commands gave two states`);
  return text;
}

function nsPerCommand(workload: Workload, collectGarbage: () => void): number {
  const arm = new EngineArm(workload);
  collectGarbage();
  const startMs = performance.now();
  arm.runTo(workload.count);
  return ((performance.now() - startMs) * 1e6) / (workload.count - workload.setupCount);
}
