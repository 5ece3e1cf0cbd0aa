/**
 * Many periodic jobs in a process of its own, at rest and at work: by our scheduler, durable, or by bare node-schedule, in
 * memory. Reads ArmSettings as JSON from its input and prints an ArmResult.
 */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import nodeSchedule from 'node-schedule';
import { DEFAULT_JOB_SETTINGS, type JobHandler } from '../core/ports/jobs.ts';
import { Scheduler } from '../scheduler/scheduler.ts';
import { SystemTimekeeper } from '../scheduler/timekeeper.ts';
import { RandomIntegers } from '../test/support/random-integers.ts';
import { SqliteJobStore } from '../workers/storage/sqlite-job-store.ts';

export interface ArmSettings {
  readonly arm: 'scheduler' | 'node-schedule';
  readonly jobs: number;
  readonly seed: number;
  readonly restSeconds: number;
  readonly workSeconds: number; // in which each job is due once
}

export interface ArmResult {
  readonly restCpu: number; // share of one core
  readonly workCpu: number;
  readonly latenessMs: readonly number[]; // of each job's run
}

/** Longer than any work here: a job is due once, then at rest. */
const PERIOD_MS = 86_400_000;
/** Until the first job is due after all are made known. */
const AHEAD_MS = 1_000;

const { arm, jobs, seed, restSeconds, workSeconds } = JSON.parse(readFileSync(0, 'utf8')) as ArmSettings;
const latenessMs: number[] = [];
const random = new RandomIntegers(seed);
const phasesMs = Array.from({ length: jobs }, () => random.below(workSeconds * 1_000));

function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

const note: JobHandler = {
  name: 'note',
  about: 'notes how late it is',
  run: async ({ scheduledMs }) => {
    latenessMs.push(nowMs() - scheduledMs);
    return undefined;
  },
};

async function cpuDuring(act: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  const before = process.cpuUsage();
  await act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / (performance.now() - startMs);
}

async function allRun(): Promise<void> {
  const limitMs = performance.now() + AHEAD_MS + workSeconds * 2_000 + 60_000;
  while (latenessMs.length < jobs && performance.now() < limitMs) await sleep(100);
}

async function runScheduler(): Promise<ArmResult> {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-bench-'));
  const store = await SqliteJobStore.open(folder);
  const scheduler = new Scheduler({ store, handlers: [note], time: new SystemTimekeeper(), onEvent: () => {} });
  try {
    const beginMs = Date.now();
    const fill = phasesMs.map((phaseMs, job) => {
      const startMs = beginMs + phaseMs; // past when the clock goes back: a start to come would stay where it is
      const nextMs = startMs + PERIOD_MS;
      const trigger = { type: 'interval', everyMs: PERIOD_MS, startMs } as const;
      const definition = { jobId: `job-${job}`, handler: 'note', arguments: null, trigger, standing: null };
      return store.insert({ ...definition, settings: DEFAULT_JOB_SETTINGS }, nextMs, beginMs);
    });
    await Promise.all(fill);
    await scheduler.start();
    await sleep(AHEAD_MS);
    const restCpu = await cpuDuring(() => sleep(restSeconds * 1_000));
    await scheduler.stop();
    await dueSoon(store, beginMs + PERIOD_MS);
    const again = new Scheduler({ store, handlers: [note], time: new SystemTimekeeper(), onEvent: () => {} });
    await again.start();
    const workCpu = await cpuDuring(allRun);
    await again.stop();
    return { restCpu, workCpu, latenessMs };
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Moves all times to the next seconds, in one transaction: as after a wall clock that was put back. */
async function dueSoon(store: SqliteJobStore, firstMs: number): Promise<void> {
  const seenMs = Date.now();
  const lease = await store.takeLease(await store.readLease(), 'bench', process.pid, seenMs);
  const backMs = firstMs - (Date.now() + AHEAD_MS);
  await store.clockWentBack(lease!.token, backMs, ({ nextMs }) => nextMs, seenMs);
  await store.releaseLease(lease!.token, [], seenMs);
}

async function runNodeSchedule(): Promise<ArmResult> {
  const schedule = (beginMs: number): void => {
    for (const phaseMs of phasesMs)
      nodeSchedule.scheduleJob(new Date(beginMs + phaseMs), (dueAt) => {
        latenessMs.push(nowMs() - dueAt.getTime());
      });
  };
  schedule(Date.now() + PERIOD_MS);
  await sleep(AHEAD_MS);
  const restCpu = await cpuDuring(() => sleep(restSeconds * 1_000));
  await nodeSchedule.gracefulShutdown();
  schedule(Date.now() + AHEAD_MS);
  const workCpu = await cpuDuring(allRun);
  return { restCpu, workCpu, latenessMs };
}

const result = arm === 'scheduler' ? await runScheduler() : await runNodeSchedule();
console.log(JSON.stringify(result));
