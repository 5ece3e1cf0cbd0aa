import * as recordWindow from '../core/protocol/record-window.ts';
import { RecordWindow } from '../core/protocol/record-window.ts';
import type { Workload } from './peer/workload-recorder.ts';
import { cryptoMix, exchangeCoreMix } from './peer/workloads.ts';
import type { Bench } from './support/bench.ts';
import { barChart } from './support/chart.ts';
import { garbageCollector } from './support/garbage.ts';
import { describeMachine } from './support/machine.ts';
import { median } from './support/pairs.ts';
import { decodedSum, encodePlain, type PlainCommand, plainCommands, plainSum } from './support/plain-commands.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { SLOT_BYTES } = recordWindow;

const LIMIT_NS = 15;
const COMMANDS = 2 ** 12; // as many as a ring holds: gateway and engine pass them while they are in the caches
const TURNS = { full: 200, short: 5 } as const;
const ROUNDS = { full: 9, short: 1 } as const;

/** Goes over all commands and their records. @returns a sum that shows that it did */
type Way = (commands: readonly PlainCommand[], window: RecordWindow) => number;

interface RecordTimes {
  readonly workload: Workload;
  readonly commands: number;
  readonly fieldSum: number;
  readonly emptyNs: number; // medians; ns per command, as all
  readonly encodeNs: number;
  readonly decodeNs: number;
  readonly bothNs: number; // encode one, decode it, and so on
  readonly aboveEmptyNs: number; // median of the differences in each round
  readonly noise: number; // both against both
}

export const recordsBench: Bench = {
  name: 'records',
  about: 'encoding a command into its record and decoding it as the engine does, beside an empty loop',
  size: `${COMMANDS} commands of W1 and of W2, ${TURNS.full} times over, 9 rounds: 5 s`,
  async run({ seed, isShort, size, progress }) {
    const form = isShort ? 'short' : 'full';
    const turns = size === undefined ? TURNS[form] : Math.ceil(size / COMMANDS);
    const results: RecordTimes[] = [];
    for (const workload of [
      exchangeCoreMix(seed, COMMANDS),
      cryptoMix('W2', seed, { resting: 5_000, levels: 5_000, measured: COMMANDS }),
    ]) {
      progress(`${workload.name}: ${workload.mix}`);
      results.push(timeRecords(workload, turns, ROUNDS[form]));
    }
    return {
      heading: 'Encoding and decoding command records',
      mix: results.map(({ workload }) => `${workload.name}: ${workload.mix}`).join('. '),
      proof: results
        .map(
          ({ workload, commands, fieldSum }) =>
            `${workload.name}: ${commands} commands decoded and encoded again, byte by byte as they were recorded, field sum ${fieldSum}`,
        )
        .join('. '),
      tables: [
        {
          columns: [
            'ns per command',
            'empty loop',
            'encode',
            'decode',
            'both',
            'both above the empty loop',
            'limit',
            'A/A noise',
          ],
          rows: results.map(({ workload, emptyNs, encodeNs, decodeNs, bothNs, aboveEmptyNs, noise }) => [
            workload.name,
            ...[emptyNs, encodeNs, decodeNs, bothNs, aboveEmptyNs].map((ns) => ns.toFixed(1)),
            `${LIMIT_NS}`,
            `×${noise.toFixed(2)}`,
          ]),
        },
      ],
      notes: ['The empty loop walks the same commands and reads the sequence of each.'],
      pictures: [
        {
          name: 'records',
          about: 'nanoseconds to encode and decode a command record, beside the limit',
          svg: barChart({
            title: 'Encoding and decoding a command record',
            subtitle: describeMachine(seed),
            groups: results.map(({ workload }) => workload.name),
            y: { label: 'ns per command' },
            series: [
              { name: 'empty loop', values: results.map(({ emptyNs }) => emptyNs) },
              { name: 'encode', values: results.map(({ encodeNs }) => encodeNs) },
              { name: 'decode', values: results.map(({ decodeNs }) => decodeNs) },
              { name: 'both', values: results.map(({ bothNs }) => bothNs) },
            ],
            references: [{ value: LIMIT_NS, label: `both: at most ${LIMIT_NS}` }],
          }),
        },
      ],
    };
  },
};

/** @throws when what is encoded or decoded is not what was recorded */
function timeRecords(workload: Workload, turns: number, rounds: number): RecordTimes {
  const { name, setupCount, count } = workload;
  const commands = plainCommands(workload.window, setupCount, count);
  const window = new RecordWindow(new SharedArrayBuffer(commands.length * SLOT_BYTES));
  const commandSum = encodeAll(commands, window);
  const recorded = workload.window.u8.subarray(setupCount * SLOT_BYTES, count * SLOT_BYTES);
  if (Buffer.compare(window.u8, recorded) !== 0) throw new Error(`${name}: an encoded record is another one`);
  const fieldSum = commands.reduce((sum, command) => sum + plainSum(command), 0);
  const ways: readonly (readonly [way: Way, sum: number])[] = [
    [walkAll, commandSum],
    [encodeAll, commandSum],
    [decodeAll, fieldSum],
    [encodeAndDecodeAll, fieldSum],
    [encodeAndDecodeAll, fieldSum], // against itself: noise
  ];
  const collectGarbage = garbageCollector();
  const times: number[][] = ways.map(() => []);
  for (let round = -1; round < rounds; round++) {
    for (const [index, [way, sum]] of ways.entries()) {
      collectGarbage();
      const startMs = performance.now();
      for (let turn = 0; turn < turns; turn++)
        if (way(commands, window) !== sum) throw new Error(`${name}: fields do not sum up to ${sum}`);
      const ns = ((performance.now() - startMs) * 1e6) / (turns * commands.length);
      if (round >= 0) times[index]!.push(ns); // the round before warms
    }
  }
  const [empty, encode, decode, both, again] = times as [number[], number[], number[], number[], number[]];
  return {
    workload,
    commands: commands.length,
    fieldSum,
    emptyNs: median(empty),
    encodeNs: median(encode),
    decodeNs: median(decode),
    bothNs: median(both),
    aboveEmptyNs: median(both.map((ns, round) => ns - empty[round]!)),
    noise: median(both.map((ns, round) => Math.max(ns / again[round]!, again[round]! / ns))),
  };
}

function walkAll(commands: readonly PlainCommand[]): number {
  let sum = 0;
  for (let index = 0; index < commands.length; index++) sum += commands[index]!.header.commandSequence;
  return sum;
}

function encodeAll(commands: readonly PlainCommand[], window: RecordWindow): number {
  let sum = 0;
  for (let index = 0; index < commands.length; index++) {
    const command = commands[index]!;
    encodePlain(window, index * SLOT_BYTES, command);
    sum += command.header.commandSequence;
  }
  return sum;
}

function decodeAll(commands: readonly PlainCommand[], window: RecordWindow): number {
  let sum = 0;
  for (let index = 0; index < commands.length; index++) sum += decodedSum(window, index * SLOT_BYTES);
  return sum;
}

function encodeAndDecodeAll(commands: readonly PlainCommand[], window: RecordWindow): number {
  let sum = 0;
  for (let index = 0; index < commands.length; index++) {
    encodePlain(window, index * SLOT_BYTES, commands[index]!);
    sum += decodedSum(window, index * SLOT_BYTES);
  }
  return sum;
}
