import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SLOT_BYTES } from '../core/protocol/record-window.ts';
import { ThreadedArm } from './peer/threaded-arm.ts';
import { BENCH_LIMITS, type CommandMix } from './support/command-mix.ts';
import { DrivenThreads } from './support/driven-threads.ts';
import { type PairedResult, type Run, runPairs } from './support/pairs.ts';

const GROUP_BYTES = 256 * 1_024;

/** @returns the first command that is timed: the threads are new in each run, and compile for half a second at first */
export function timedFrom({ setupCount, count }: CommandMix): number {
  return setupCount + ((count - setupCount) >> 1);
}

export interface ThroughThreads {
  readonly besideDisk: PairedResult;
  readonly besideCore: PairedResult;
  /** Of the smaller of half the bare core and what the disk takes: two cores have two such threads and the kernel to run. */
  readonly ofSmallerLimit: number;
}

/**
 * The same commands through command ring, journal (every group synced), engine and event ring until this thread has
 * read each command's last event; against the bytes that this disk takes in sequence when every 256 KiB are synced, and
 * against the engine alone in a thread.
 */
export async function benchThroughThreads(mix: CommandMix, pairs: number): Promise<ThroughThreads> {
  const besideDisk = await runPairs(
    pairs,
    async () => syncedWrites(mix),
    () => throughThreads(mix),
  );
  const besideCore = await runPairs(
    pairs,
    () => bareCore(mix),
    () => throughThreads(mix),
    { isWarm: true }, // every run's threads are new
  );
  const isCoreSmaller = besideCore.aPerSecond / 2 < besideDisk.aPerSecond;
  const ofSmallerLimit = isCoreSmaller ? besideCore.medianRatio * 2 : besideDisk.medianRatio;
  return { besideDisk, besideCore, ofSmallerLimit };
}

async function bareCore(mix: CommandMix): Promise<Run> {
  const arm = new ThreadedArm({ ...mix, limits: BENCH_LIMITS });
  try {
    const from = timedFrom(mix);
    await arm.run({ way: 'full speed', end: from });
    const { seconds } = await arm.run({ way: 'full speed', end: mix.count });
    return { seconds, operations: mix.count - from };
  } finally {
    await arm.end();
  }
}

async function throughThreads(mix: CommandMix): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-bench-'));
  const driven = new DrivenThreads();
  try {
    await driven.start({ folder, limits: BENCH_LIMITS });
    const from = timedFrom(mix);
    await driven.run(mix.window, 0, from);
    const start = performance.now();
    await driven.run(mix.window, from, mix.count);
    const seconds = (performance.now() - start) / 1_000;
    if (driven.lastEventSequence !== mix.lastEventSequence)
      throw new Error(`the threads made ${driven.lastEventSequence} events, the bare core ${mix.lastEventSequence}`);
    return { seconds, operations: mix.count - from };
  } finally {
    await driven.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes the measured commands' bytes to a preallocated file, syncing each group: what a journal can't beat. */
function syncedWrites(mix: CommandMix): Run {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-bench-'));
  try {
    const file = openSync(join(folder, 'synced'), 'w');
    const bytes = Buffer.from(
      mix.window.u8.buffer,
      timedFrom(mix) * SLOT_BYTES,
      (mix.count - timedFrom(mix)) * SLOT_BYTES,
    );
    const zeros = Buffer.alloc(GROUP_BYTES);
    for (let at = 0; at < bytes.length; at += GROUP_BYTES) writeSync(file, zeros, 0, GROUP_BYTES, at);
    fdatasyncSync(file);
    const start = performance.now();
    for (let at = 0; at < bytes.length; at += GROUP_BYTES) {
      writeSync(file, bytes, at, Math.min(GROUP_BYTES, bytes.length - at), at);
      fdatasyncSync(file);
    }
    const seconds = (performance.now() - start) / 1_000;
    closeSync(file);
    return { seconds, operations: mix.count - timedFrom(mix) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
