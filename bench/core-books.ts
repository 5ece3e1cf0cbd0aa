import { EngineArm } from './peer/engine-arm.ts';
import { runWhole } from './peer/threaded-arm.ts';
import { tapeText } from './peer/trade-tape.ts';
import type { Workload } from './peer/workload-recorder.ts';
import { cryptoMix } from './peer/workloads.ts';
import type { Bench } from './support/bench.ts';
import { lineChart } from './support/chart.ts';
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
    const { results, noise } = await inRounds(workloads, rounds);
    return {
      heading: 'Many books in one engine',
      mix: `50 % places, 45 % cancels, 5 % crossing, each in any of the books; in all of them together ${resting} resting on ${levels} levels; ${measured} commands`,
      proof: `every run ends in the state of one whose books were walked: ${results.map(({ books, tape }) => `${books}: ${tape}`).join('. ')}`,
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
async function inRounds(
  workloads: readonly Workload[],
  rounds: number,
): Promise<{ results: BooksResult[]; noise: number }> {
  const tapes = workloads.map(provenTape);
  const times: number[][] = workloads.map(() => []);
  const again: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const [index, workload] of workloads.entries())
      times[index]!.push(await nsPerCommand(workload, tapes[index]!));
    again.push(await nsPerCommand(workloads[0]!, tapes[0]!));
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

/** @returns trades and state of an untimed run. @throws when a book does not hold together */
function provenTape(workload: Workload): string {
  const arm = new EngineArm(workload);
  arm.runTo(workload.count);
  arm.engine.verifyInvariants();
  return proof(tapeText(arm.tape), arm.engine.stateHash());
}

/** @throws when the run ends in another state than the one that was looked into */
async function nsPerCommand(workload: Workload, proven: string): Promise<number> {
  const { tape, stateHash, seconds, operations } = await runWhole(workload);
  const found = proof(tape, stateHash);
  if (found !== proven) throw new Error(`${workload.name}: ${found}, proven was ${proven}`);
  return (seconds * 1e9) / operations;
}

function proof(tape: string, stateHash: string): string {
  return `${tape}, state ${stateHash}`;
}
