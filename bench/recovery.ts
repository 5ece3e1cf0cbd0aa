import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Recovered } from '../core/threads/exchange-threads.ts';
import type { Bench, BenchSettings } from './support/bench.ts';
import { barChart } from './support/chart.ts';
import { BENCH_LIMITS, CommandRecorder } from './support/command-mix.ts';
import { DrivenThreads } from './support/driven-threads.ts';
import { describeMachine } from './support/machine.ts';
import { median, perSecond } from './support/pairs.ts';

const COMMANDS = { full: 3_000_000, short: 40_000 } as const;
const SNAPSHOTS = 10; // taken on the way: the last one is a tenth of all commands old when the exchange dies
const CHUNK_COMMANDS = 50_000;
const DEPTH = 10_000;
const LEVELS = 5_000;
const NEVER = 2 ** 40;

interface Start {
  readonly seconds: number;
  readonly recovered: Recovered;
}

/** How long the core needs to be back after a crash, from the whole journal and from a snapshot. */
export const recoveryBench: Bench = {
  name: 'recovery',
  about: 'start after a crash: from the whole journal, from the newest snapshot, and after an orderly end',
  size: '3 million commands, 3 pairs: 2 min, 1.5 GB of disk',
  async run(settings) {
    const folder = mkdtempSync(join(tmpdir(), 'ringbook-bench-'));
    try {
      return await measure(folder, settings);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function measure(folder: string, { seed, isShort, size, progress }: BenchSettings) {
  const commands = size ?? (isShort ? COMMANDS.short : COMMANDS.full);
  const pairs = isShort ? 1 : 3;
  const tape = await writeJournal(folder, seed, commands, progress);
  const proven = async (useSnapshots: boolean, isOrderlyEnd = false): Promise<Start> => {
    const start = await timedStart(folder, useSnapshots, isOrderlyEnd);
    const { replayed } = start.recovered;
    if (replayed.stateHash !== tape.stateHash || replayed.lastEventSequence !== tape.lastEventSequence)
      throw new Error(`a start gave state ${replayed.stateHash}, the engine that made the journal ${tape.stateHash}`);
    if (useSnapshots !== (replayed.snapshot !== null))
      throw new Error(
        `a start ${useSnapshots ? 'found no' : 'took a'} snapshot: ${JSON.stringify(replayed.refusedSnapshots)}`,
      );
    return start;
  };

  progress('starting once from the whole journal and once from a snapshot, unmeasured');
  await proven(false);
  await proven(true);
  const [whole, snapshot, ratios, noise] = [[], [], [], []] as [number[], number[], number[], number[]];
  let replayedAfterSnapshot = 0;
  for (let pair = 0; pair < pairs; pair++) {
    progress(`pair ${pair + 1} of ${pairs}`);
    const isWholeFirst = pair % 2 === 0;
    const first = await proven(!isWholeFirst);
    const second = await proven(isWholeFirst);
    const [fromJournal, fromSnapshot] = isWholeFirst ? [first, second] : [second, first];
    const again = await proven(false);
    whole.push(fromJournal.seconds);
    snapshot.push(fromSnapshot.seconds);
    ratios.push(fromJournal.seconds / fromSnapshot.seconds);
    noise.push(Math.max(fromJournal.seconds / again.seconds, again.seconds / fromJournal.seconds));
    replayedAfterSnapshot = tape.commands - fromSnapshot.recovered.replayed.snapshot!.commandSequence;
  }
  progress('ending it in order, with a snapshot, and starting again');
  await proven(true, true);
  const restarts: number[] = [];
  for (let run = 0; run < pairs; run++) restarts.push((await proven(true)).seconds);

  const [wholeSeconds, snapshotSeconds, restartSeconds] = [median(whole), median(snapshot), median(restarts)];
  const row = (name: string, replayed: number, seconds: number): string[] => [
    name,
    replayed.toLocaleString('en'),
    `${seconds.toFixed(2)} s`,
    replayed === 0 ? '' : perSecond(replayed / seconds),
    perSecond(tape.commands / seconds),
  ];
  return {
    heading: 'Recovery',
    mix: `${tape.name}; ${tape.commands.toLocaleString('en')} commands, ${tape.lastEventSequence.toLocaleString('en')} events, written through the threads`,
    proof: `state hash ${tape.stateHash} after every start, as in the engine that made the journal`,
    tables: [
      {
        columns: ['start', 'commands replayed', 'time', 'commands replayed/s', 'commands of the journal/s'],
        rows: [
          row('from the whole journal', tape.commands, wholeSeconds),
          row('after a crash, from a snapshot', replayedAfterSnapshot, snapshotSeconds),
          row('after an orderly end', 0, restartSeconds),
        ],
      },
    ],
    notes: [
      `whole journal / snapshot: ratio ${median(ratios).toFixed(2)} (A/A noise ×${median(noise).toFixed(2)}). ` +
        'Every start checks all frames of journal and event log that it has; threads, rings and pools included.',
    ],
    pictures: [
      {
        name: 'recovery',
        about: 'Time to start by kind of start',
        svg: barChart({
          title: `Start with a journal of ${(tape.commands / 1e6).toLocaleString('en')} million commands`,
          subtitle: describeMachine(seed),
          groups: [
            'whole journal',
            `snapshot and ${replayedAfterSnapshot.toLocaleString('en')} commands`,
            'orderly end',
          ],
          y: { label: 'time, s' },
          series: [{ name: 'time', values: [wholeSeconds, snapshotSeconds, restartSeconds] }],
        }),
      },
    ],
  };
}

/** Runs the commands through the real threads, snapshots on the way, and ends as by a crash. */
async function writeJournal(folder: string, seed: number, commands: number, progress: (step: string) => void) {
  const recorder = new CommandRecorder(seed, { depth: DEPTH, levels: LEVELS, room: DEPTH + CHUNK_COMMANDS });
  const driven = new DrivenThreads();
  const snapshotEveryCommands = Math.ceil(commands / SNAPSHOTS);
  await driven.start({ folder, limits: BENCH_LIMITS, useSnapshots: true, snapshotEveryCommands });
  const placed = Promise.withResolvers<void>();
  driven.threads.onSnapshot((report) => {
    if (report.type === 'snapshot-failed') placed.reject(new Error(`no snapshot: ${report.reason}`));
    else if (report.type === 'snapshot-placed') placed.resolve();
  });
  recorder.setUp();
  for (let toldAtMs = performance.now(); ; ) {
    await driven.run(recorder.window, 0, recorder.windowCount);
    driven.threads.consumedThrough(driven.lastEventSequence); // as if by consumers that keep up: old segments are archived
    if (recorder.recorded >= commands) break;
    recorder.rewind();
    const count = Math.min(CHUNK_COMMANDS, commands - recorder.recorded);
    for (let command = 0; command < count; command++) recorder.next();
    if (performance.now() - toldAtMs < 5_000) continue;
    toldAtMs = performance.now();
    progress(
      `writing the journal: ${recorder.recorded.toLocaleString('en')} of ${commands.toLocaleString('en')} commands`,
    );
  }
  await placed.promise;
  await driven.terminate();
  const { name, recorded, lastEventSequence, stateHash } = recorder;
  return { name, commands: recorded, lastEventSequence, stateHash };
}

async function timedStart(folder: string, useSnapshots: boolean, isOrderlyEnd: boolean): Promise<Start> {
  const driven = new DrivenThreads();
  const startMs = performance.now();
  const recovered = await driven.start({ folder, limits: BENCH_LIMITS, useSnapshots, snapshotEveryCommands: NEVER });
  const seconds = (performance.now() - startMs) / 1_000;
  if (isOrderlyEnd) await driven.stop();
  else await driven.terminate();
  return { seconds, recovered };
}
