import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Bench, Report } from '../support/bench.ts';
import { barChart } from '../support/chart.ts';
import { type PairedResult, perSecond, type Run, runPairs } from '../support/pairs.ts';
import { EngineArm } from './engine-arm.ts';
import { PeerArm, peerIds } from './peer-arm.ts';
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
  readonly commands: number; // measured, of both arms the same
  readonly tape: string; // trades of both arms, found equal before anything was timed
  readonly pairs: PairedResult; // A is the peer, B the engine
  readonly target: PeerTarget;
}

interface Contest {
  readonly target: PeerTarget;
  /** Commands measured at most: the peer takes minutes for more. */
  readonly cap: number;
  readonly make: (seed: number, measured: number) => Workload;
}

const RESTING = { full: 100_000, short: 5_000 } as const;

/**
 * The engine against nodejs-order-book on the same commands, W1 to W4, in turns.
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
    { target: { atLeast: 35, stretch: 60 }, cap: Infinity, make: exchangeCoreMix },
    {
      target: { atLeast: 35, stretch: 70 },
      cap: 300_000,
      make: (...args) => cryptoMix('W2', args[0], resting, 5_000, args[1]),
    },
    { target: { atLeast: 30, stretch: 90 }, cap: Infinity, make: insertsMix },
    { target: { atLeast: 12, stretch: 25 }, cap: Infinity, make: sweepsMix },
    {
      target: { atLeast: 2_000, stretch: 4_000 },
      cap: isShort ? 500 : 10_000,
      make: (...args) => cryptoMix('W4', args[0], resting, 100, args[1]),
    },
  ];
  const collectGarbage = exposedGc();
  const results: PeerResult[] = [];
  for (const { target, cap, make } of contests) {
    const workload = make(seed, Math.min(measured, cap));
    progress(`${workload.name}: ${workload.mix}`);
    const ids = peerIds(workload.count);
    const proof = { engine: new EngineArm(workload), peer: new PeerArm(workload, ids) };
    proof.engine.runTo(workload.count);
    proof.peer.runTo(workload.count);
    const tape = tapeText(proof.engine.tape);
    if (tapeText(proof.peer.tape) !== tape)
      throw new Error(`${workload.name}: the engine made ${tape}, the peer ${tapeText(proof.peer.tape)}`);
    const result = await runPairs(
      pairs,
      async () => timed(workload, collectGarbage, () => new PeerArm(workload, ids), 1),
      async () => timed(workload, collectGarbage, () => new EngineArm(workload), repeatsFor(workload)),
    );
    const { name, mix } = workload;
    results.push({
      workload: { name, mix },
      commands: workload.count - workload.setupCount,
      tape,
      pairs: result,
      target,
    });
  }
  return results;
}

/** Sets the arm up, collects what that left behind, and times the measured commands; again and again if they are few. */
function timed(
  workload: Workload,
  collectGarbage: () => void,
  newArm: () => { runTo(end: number): void },
  repeats: number,
): Run {
  let seconds = 0;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const arm = newArm();
    collectGarbage();
    const startMs = performance.now();
    arm.runTo(workload.count);
    seconds += (performance.now() - startMs) / 1_000;
  }
  return { seconds, operations: (workload.count - workload.setupCount) * repeats };
}

/** So that the engine is timed for some tens of milliseconds where the peer's slowness makes the workload short. */
function repeatsFor({ count, setupCount }: Workload): number {
  return Math.min(20, Math.max(1, Math.ceil(200_000 / (count - setupCount))));
}

/** The peer's garbage is collected on the peer's time, or between the arms; never while the engine runs. */
function exposedGc(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

export const peerBench: Bench = {
  name: 'peer',
  about: 'the bare core beside nodejs-order-book on the same commands: four workloads',
  size: '1 million commands (300,000 in W2, 10,000 in W4), 3 pairs: about 10 min',
  async run({ seed, isShort, size, progress }) {
    return peerReport(await benchPeer(seed, size ?? (isShort ? 3_000 : 1_000_000), isShort ? 1 : 3, isShort, progress));
  },
};

function peerReport(results: readonly PeerResult[]): Report {
  return {
    heading: 'Order book beside its peer',
    mix: results.map(({ workload }) => `${workload.name}: ${workload.mix}`).join('. '),
    proof: results.map(({ workload, tape }) => `${workload.name} of both arms: ${tape}`).join('. '),
    tables: [
      {
        columns: ['workload', 'commands', 'engine', 'nodejs-order-book', 'times', 'at least', 'stretch', 'A/A noise'],
        rows: results.map(({ workload, commands, pairs, target }) => [
          workload.name,
          `${commands}`,
          perSecond(pairs.bPerSecond),
          perSecond(pairs.aPerSecond),
          pairs.medianRatio.toFixed(1),
          `${target.atLeast}`,
          `${target.stretch}`,
          `×${pairs.noiseRatio.toFixed(2)}`,
        ]),
      },
    ],
    notes: [
      'The engine does more than its peer: every order, move and cancel has its event records too, published to a ring and read there. A sweep counts as one command.',
    ],
    pictures: [
      {
        name: 'peer',
        about: 'how many times as fast as nodejs-order-book the engine is, beside what it has to be',
        svg: barChart({
          title: 'Engine beside nodejs-order-book, same commands, same trades',
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
