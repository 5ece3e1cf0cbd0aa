import { afterEach, beforeEach, expect, test } from 'vitest';
import { LeaseLostError, type PlannedRun, type SchedulerStep } from '../../../core/ports/job-store.ts';
import { DEFAULT_JOB_SETTINGS, type Job } from '../../../core/ports/jobs.ts';
import { SqliteJobStore } from '../../../workers/storage/sqlite-job-store.ts';
import { temporaryFolder } from '../temporary-folder.ts';

let folder: string;
let store: SqliteJobStore;
beforeEach(async () => {
  folder = temporaryFolder();
  store = await SqliteJobStore.open(folder);
});
afterEach(() => store.close());

function insert(jobId: string, nextMs: number | null): Promise<boolean> {
  const trigger = { type: 'interval', everyMs: 10, startMs: 10 } as const;
  const definition = {
    jobId,
    handler: 'note',
    arguments: null,
    trigger,
    settings: DEFAULT_JOB_SETTINGS,
    standing: null,
  };
  return store.insert(definition, nextMs, 0);
}

async function lead(): Promise<number> {
  return (await store.takeLease(await store.readLease(), 'me', 1, 0))!.token;
}

const queued = (scheduledMs: number): PlannedRun => ({
  scheduledMs,
  dueMs: scheduledMs,
  state: 'queued',
  missedCount: 0,
});

function step(token: number, nowMs: number, changes: Partial<SchedulerStep> = {}): SchedulerStep {
  return {
    token,
    nowMs,
    outcomes: [],
    busyJobIds: [],
    queueingJobIds: [],
    dueLimit: 10,
    startLimit: 10,
    plan: (job: Job) => ({ runs: [queued(job.nextMs!)], nextMs: job.nextMs! + 10, lastScheduledMs: job.nextMs! }),
    admit: () => 'start',
    ...changes,
  };
}

test('a time of a job has one run, whoever asks for it again', async () => {
  await insert('job', 10);
  const token = await lead();
  const sameAgain = () => ({ runs: [queued(10)], nextMs: 10, lastScheduledMs: 10 });
  for (let round = 0; round < 3; round++) await store.step(step(token, 20, { plan: sameAgain }));
  expect(await store.history('job', 10)).toHaveLength(1);
  await store.clockWentBack(token, 5, ({ nextMs }) => nextMs, 20); // the same time of another epoch is another one
  await store.step(step(token, 20, { plan: sameAgain }));
  expect(await store.history('job', 10)).toHaveLength(2);
});

test('a step with a token that is over does nothing at all', async () => {
  await insert('job', 10);
  const old = await lead();
  const token = await lead();
  await expect(store.step(step(old, 20))).rejects.toThrow(LeaseLostError);
  await expect(store.clockWentBack(old, 5, () => 1, 20)).rejects.toThrow(LeaseLostError);
  await expect(store.releaseLease(old, [], 20)).rejects.toThrow(LeaseLostError);
  expect([await store.history('job', 10), (await store.find('job'))!.nextMs, (await store.readLease()).token]).toEqual([
    [],
    10,
    token,
  ]);
});

test('a lease is taken by one of two who saw the same', async () => {
  const seen = await store.readLease();
  const other = await SqliteJobStore.open(folder);
  const taken = await Promise.all([store.takeLease(seen, 'a', 1, 0), other.takeLease(seen, 'b', 2, 0)]);
  expect(taken.filter((one) => one !== null)).toEqual([{ token: 1, lost: [] }]);
  await other.close();
});

test('an outcome counts only for a run that is still its own', async () => {
  await insert('job', 10);
  const token = await lead();
  const { started } = await store.step(step(token, 10));
  const { run } = started[0]!;
  const outcome = {
    runId: run.runId,
    jobId: 'job',
    state: 'succeeded',
    attempt: 1,
    dueMs: 10,
    endedMs: 11,
    result: '7',
    error: null,
  } as const;
  const next = await lead(); // by now its run is lost
  await store.step(step(next, 12, { outcomes: [outcome], dueLimit: 0, startLimit: 0 }));
  expect((await store.history('job', 1))[0]).toMatchObject({ state: 'lost', result: null });
});

test('a plan that fails undoes its whole step', async () => {
  await insert('first', 10);
  await insert('second', 10);
  const token = await lead();
  const plan = (job: Job) => {
    if (job.jobId === 'second') throw new Error('no plan');
    return { runs: [queued(10)], nextMs: 20, lastScheduledMs: 10 };
  };
  await expect(store.step(step(token, 15, { plan }))).rejects.toThrow('no plan');
  expect([await store.history(undefined, 10), (await store.find('first'))!.nextMs]).toEqual([[], 10]);
});

test('the history stays bounded, and many successes do not push out what failed', async () => {
  await insert('job', 10);
  const token = await lead();
  let outcomes: SchedulerStep['outcomes'] = [];
  for (let count = 0; count < 400; count++) {
    const { started } = await store.step(step(token, 10 + count * 10, { outcomes }));
    outcomes = started.map(({ run }) => ({
      runId: run.runId,
      jobId: 'job',
      state: count === 3 ? 'failed' : 'succeeded',
      attempt: 1,
      dueMs: 0,
      endedMs: 1,
      result: 'null',
      error: count === 3 ? 'Error: once' : null,
    }));
  }
  const runs = await store.history('job', 1_000);
  expect(runs.length).toBeLessThanOrEqual(200);
  expect(runs.filter(({ state }) => state === 'failed')).toHaveLength(1);
  expect(runs.filter(({ state }) => state === 'succeeded').length).toBeGreaterThanOrEqual(100);
});

test('changes through another connection are noticed, own ones told at once', async () => {
  const other = await SqliteJobStore.open(folder);
  let told = 0;
  store.onChange = () => {
    told += 1;
  };
  await store.changedElsewhere();
  expect(await store.changedElsewhere()).toBe(false);
  await insert('own', 10);
  expect([told, await store.changedElsewhere()]).toEqual([1, false]);
  await other.enqueue('own', 5);
  expect([told, await store.changedElsewhere(), await store.changedElsewhere()]).toEqual([1, true, false]);
  await other.close();
});
