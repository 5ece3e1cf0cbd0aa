import type { Bench, Report } from '../support/bench.ts';
import { barChart } from '../support/chart.ts';
import { garbageCollector } from '../support/garbage.ts';
import { describeMachine } from '../support/machine.ts';
import { type PairedResult, perSecond, type Run, runPairs } from '../support/pairs.ts';
import { EngineArm } from './engine-arm.ts';
import { PeerArm, peerIds } from './peer-arm.ts';
import { runWhole } from './threaded-arm.ts';
import { tapeText } from './trade-tape.ts';
import type { Workload } from './workload-recorder.ts';
import { cryptoMix, exchangeCoreMix, insertsMix, sweepsMix } from './workloads.ts';

/** How many times as fast as the peer the core has to be, and would like to be. */
export interface PeerTarget {
  readonly atLeast: number;
  readonly stretch: number;
}

export interface PeerResult {
  readonly workload: Pick<Workload, 'name' | 'mix'>;
  readonly engineCommands: number; // measured
  readonly peerCommands: number; // the first so many of them
  readonly tape: string; // trades of these in both arms, found equal before anything was timed
  readonly pairs: PairedResult; // A is the peer, B the engine
  readonly target: PeerTarget;
}

interface Contest {
  readonly target: PeerTarget;
  /** Commands timed of the peer at most: it takes minutes for more. The engine, timed for so few, would show its start. */
  readonly peerAtMost: number;
  readonly make: (seed: number, measured: number) => Workload;
}

const RESTING = { full: 100_000, short: 5_000 } as const;

/**
 * The engine against nodejs-order-book on the same stream, W1 to W4, in turns. Of W4 the engine goes on where the peer
 * stops: the mix stays as it is.
 * @param measured commands of each workload, or inserts
 * @param pairs odd
 */
async function benchPeer(
  seed: number,
  measured: number,
  pairs: number,
  isShort: boolean,
  progress: (step: string) => void,
): Promise<PeerResult[]> {
  const resting = isShort ? RESTING.short : RESTING.full;
  const contests: Contest[] = [
    { target: { atLeast: 35, stretch: 60 }, peerAtMost: Infinity, make: exchangeCoreMix },
    {
      target: { atLeast: 35, stretch: 70 },
      peerAtMost: Infinity,
      make: (...args) => cryptoMix('W2', args[0], { resting, levels: 5_000, measured: args[1] }),
    },
    { target: { atLeast: 30, stretch: 90 }, peerAtMost: Infinity, make: insertsMix },
    { target: { atLeast: 12, stretch: 25 }, peerAtMost: Infinity, make: sweepsMix },
    {
      target: { atLeast: 2_000, stretch: 4_000 },
      peerAtMost: isShort ? 500 : 400_000, // past where the engine is timed from
      make: (...args) => cryptoMix('W4', args[0], { resting, levels: 100, measured: args[1] }),
    },
  ];
  const collectGarbage = garbageCollector();
  const results: PeerResult[] = [];
  for (const { target, peerAtMost, make } of contests) {
    const workload = make(seed, measured);
    const { name, mix, setupCount, count } = workload;
    const peerEnd = Math.min(count, setupCount + peerAtMost);
    progress(`${name}: ${mix}`);
    const ids = peerIds(peerEnd);
    const { tape, wholeTape } = provenTapes(workload, ids, peerEnd);
    const result = await runPairs(
      pairs,
      async () => timedPeer(workload, ids, peerEnd, collectGarbage),
      async () => timedEngine(workload, wholeTape, collectGarbage),
      { isWarm: true, noiseRuns: 1 }, // the peer has just run all of it; each engine warms itself
    );
    results.push({
      workload: { name, mix },
      engineCommands: count - setupCount,
      peerCommands: peerEnd - setupCount,
      tape,
      pairs: result,
      target,
    });
  }
  return results;
}

/** @returns trades of both arms up to `peerEnd`, and the engine's up to the end. @throws when both arms' differ */
function provenTapes(workload: Workload, ids: readonly string[], peerEnd: number): { tape: string; wholeTape: string } {
  const engine = new EngineArm(workload);
  const peer = new PeerArm(workload, ids);
  engine.runTo(peerEnd);
  peer.runTo(peerEnd);
  const tape = tapeText(engine.tape);
  if (tapeText(peer.tape) !== tape)
    throw new Error(`${workload.name}: the engine made ${tape}, the peer ${tapeText(peer.tape)}`);
  engine.runTo(workload.count);
  return { tape, wholeTape: tapeText(engine.tape) };
}

/** Sets the peer up, collects what that left behind, and times the measured commands. */
function timedPeer(workload: Workload, ids: readonly string[], end: number, collectGarbage: () => void): Run {
  const arm = new PeerArm(workload, ids);
  collectGarbage();
  const cpuBefore = process.cpuUsage();
  const startMs = performance.now();
  arm.runTo(end);
  const seconds = (performance.now() - startMs) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { seconds, operations: end - workload.setupCount, cpuSeconds: (user + system) / 1e6 };
}

/** @throws when the trades are others than those that were proven */
async function timedEngine(workload: Workload, wholeTape: string, collectGarbage: () => void): Promise<Run> {
  collectGarbage(); // the peer's, which would be collected beside the engine
  const run = await runWhole(workload);
  if (run.tape !== wholeTape) throw new Error(`${workload.name}: in its thread the engine made ${run.tape}`);
  return run;
}

export const peerBench: Bench = {
  name: 'peer',
  about: 'the bare core beside nodejs-order-book on the same commands: four workloads',
  size: '1 million commands (of W4 400,000 of the peer), 3 pairs: 8 min, 2 GB',
  async run({ seed, isShort, size, progress }) {
    return peerReport(
      seed,
      await benchPeer(seed, size ?? (isShort ? 3_000 : 1_000_000), isShort ? 1 : 3, isShort, progress),
    );
  },
};

function peerReport(seed: number, results: readonly PeerResult[]): Report {
  return {
    heading: 'Order book beside its peer',
    mix: results.map(({ workload }) => `${workload.name}: ${workload.mix}`).join('. '),
    proof: results.map(({ workload, tape }) => `${workload.name} of both arms: ${tape}`).join('. '),
    tables: [
      {
        columns: [
          'workload',
          'commands',
          'of the peer',
          'engine',
          'ns per command',
          'nodejs-order-book',
          'times',
          'by processor time',
          'at least',
          'stretch',
          'A/A noise',
        ],
        rows: results.map(({ workload, engineCommands, peerCommands, pairs, target }) => [
          workload.name,
          `${engineCommands}`,
          `${peerCommands}`,
          perSecond(pairs.bPerSecond),
          (1e9 / pairs.bPerSecond).toFixed(1),
          perSecond(pairs.aPerSecond),
          pairs.medianRatio.toFixed(1),
          pairs.medianCpuRatio?.toFixed(1) ?? '',
          `${target.atLeast}`,
          `${target.stretch}`,
          `×${pairs.noiseRatio.toFixed(2)}`,
        ]),
      },
    ],
    notes: [
      'The engine does more than its peer: every order, move and cancel has its event records too, published to a ring and read there. A sweep counts as one command. The peer is timed from the first command on, and of W4 for fewer, since it takes minutes. The engine runs in a thread of its own, as in the exchange; its first third of the commands warms it up and is not timed. Processor time is that of the whole process, its garbage collector included: where it is far from the clock, others had the machine.',
    ],
    pictures: [
      {
        name: 'peer',
        about: 'how many times as fast as nodejs-order-book the engine is, beside what it has to be',
        svg: barChart({
          title: 'Engine beside nodejs-order-book, same stream, same trades',
          subtitle: describeMachine(seed),
          groups: results.map(({ workload }) => workload.name),
          y: { label: 'times as many commands per second', scale: 'log' },
          series: [
            { name: 'measured', values: results.map(({ pairs }) => pairs.medianRatio) },
            { name: 'at least', values: results.map(({ target }) => target.atLeast) },
            { name: 'stretch', values: results.map(({ target }) => target.stretch) },
          ],
        }),
      },
    ],
  };
}
