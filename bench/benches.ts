import { busBench } from './bus.ts';
import { recordsBench } from './command-records.ts';
import { booksBench } from './core-books.ts';
import { benchCoreCommands } from './core-commands.ts';
import { footprintBench } from './core-footprint.ts';
import { latencyBench } from './core-latency.ts';
import { scaleBench } from './core-scale.ts';
import { feedBench } from './feed-fan-out.ts';
import { historyBench } from './history-rows.ts';
import { klinesBench } from './klines.ts';
import { ledgerBench } from './ledger.ts';
import { memoryBench } from './memory.ts';
import { peerBench } from './peer/peer-bench.ts';
import { recoveryBench } from './recovery.ts';
import { restBench } from './rest-orders.ts';
import { schedulerBench } from './scheduler.ts';
import { splitMemoryBench } from './split-memory.ts';
import type { Bench } from './support/bench.ts';
import { recordCryptoMix } from './support/command-mix.ts';
import { pairedPicture } from './support/paired-picture.ts';
import { pairedTable } from './support/paired-table.ts';
import { benchThroughThreads, timedFrom } from './through-threads.ts';

const COMMANDS = { full: 1_000_000, short: 50_000 } as const;
const PAIRS = { full: 5, short: 1 } as const;

const core: Bench = {
  name: 'core',
  about: 'the bare core, from command record to event records, beside an empty loop over the same records',
  size: '1 million commands, 5 pairs: 10 s',
  async run({ seed, isShort, size }) {
    const form = isShort ? 'short' : 'full';
    const { mix, result, stateHash } = await benchCoreCommands(seed, size ?? COMMANDS[form], PAIRS[form]);
    return {
      heading: 'Core commands',
      mix: `${mix.name}; ${mix.count - mix.setupCount} commands`,
      proof: `state hash ${stateHash} in every run`,
      tables: [pairedTable({ name: 'core commands', limit: 'an empty loop over the same records', result })],
      pictures: [
        pairedPicture(
          {
            picture: 'core',
            title: 'Commands through the bare core',
            figure: 'the core',
            limit: 'an empty loop over the same records',
            unit: 'commands a second',
          },
          result,
          seed,
        ),
      ],
    };
  },
};

const threads: Bench = {
  name: 'threads',
  about: 'through command ring, synced journal, engine and event ring, beside the same bytes synced and the bare core',
  size: '1 million commands after as many that warm up, 2 times 5 pairs: 2 min',
  async run({ seed, isShort, size, progress }) {
    const form = isShort ? 'short' : 'full';
    progress('recording the commands');
    const mix = recordCryptoMix(seed, 10_000, 5_000, 2 * (size ?? COMMANDS[form]));
    progress('running them through the threads');
    const { besideDisk, besideCore, ofSmallerLimit } = await benchThroughThreads(mix, PAIRS[form]);
    const name = 'through ring, journal and event ring';
    const limit = 'the same bytes synced in sequence, 256 KiB a time';
    return {
      heading: 'Through the threads',
      mix: `${mix.name}; ${mix.count - timedFrom(mix)} commands, after as many that are not timed: new threads compile at first`,
      proof: 'every run ends at the event sequence of the bare core',
      tables: [pairedTable({ name, limit, result: besideDisk }, { name, limit: 'the bare core', result: besideCore })],
      notes: [
        `${ofSmallerLimit.toFixed(2)} of the smaller of half the bare core and what the disk takes; at least 0.6 is wanted.`,
      ],
      pictures: [
        pairedPicture(
          {
            picture: 'threads',
            title: 'Durable commands through the threads',
            figure: 'ring, synced journal, engine, event ring',
            limit,
            unit: 'commands a second',
          },
          besideDisk,
          seed,
        ),
      ],
    };
  },
};

/** All of them, in the order in which they are run and stand in RESULTS.md. */
export const BENCHES: readonly Bench[] = [
  core,
  peerBench,
  scaleBench,
  latencyBench,
  booksBench,
  footprintBench,
  recordsBench,
  threads,
  recoveryBench,
  historyBench,
  klinesBench,
  ledgerBench,
  busBench,
  restBench,
  feedBench,
  schedulerBench,
  memoryBench,
  splitMemoryBench,
];
