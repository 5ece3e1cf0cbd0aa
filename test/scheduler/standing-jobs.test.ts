import { expect, test } from 'vitest';
import { ensureStandingJobs, STANDING_JOBS, type StandingJob } from '../../scheduler/standing-jobs.ts';
import { StoredJobDesk } from '../../scheduler/stored-job-desk.ts';
import { SqliteJobStore } from '../../workers/storage/sqlite-job-store.ts';
import { temporaryFolder } from '../workers/temporary-folder.ts';

const NOW_MS = Date.UTC(2026, 5, 15, 12);
const JOB: StandingJob = { jobId: 'tick', handler: 'note', trigger: { type: 'interval', everyMs: 1_000 } };
const HANDLERS = new Set(['note']);

test('the jobs of the exchange have their periods', () => {
  const periods = STANDING_JOBS.filter(({ trigger }) => trigger.type === 'interval').map(({ handler, trigger }) => [
    handler,
    'everyMs' in trigger ? trigger.everyMs : 0,
  ]);
  expect(periods).toEqual([
    ['klines.refresh-1m', 1_000],
    ['klines.refresh-market-info', 2_000],
    ['klines.refresh-other-sizes', 2_000],
    ['klines.check-1m-history', 5_000],
    ['klines.check-base-history', 120_000],
    ['transfers.finish-stuck', 60_000],
  ]);
});

test('what an operator changed of a standing job stays, until the program means something else by it', async () => {
  const store = await SqliteJobStore.open(temporaryFolder());
  const desk = new StoredJobDesk({ store, wallMs: () => NOW_MS });
  try {
    await ensureStandingJobs(store, [JOB], HANDLERS, NOW_MS);
    await desk.modify('tick', { trigger: { type: 'interval', everyMs: 9_000 }, settings: { retries: 3 } });
    await desk.pause('tick');
    await ensureStandingJobs(store, [JOB], HANDLERS, NOW_MS); // the next start
    expect(await desk.show('tick')).toMatchObject({
      trigger: { everyMs: 9_000 },
      settings: { retries: 3 },
      isPaused: true,
    });
    await ensureStandingJobs(store, [{ ...JOB, trigger: { type: 'interval', everyMs: 500 } }], HANDLERS, NOW_MS);
    expect(await desk.show('tick')).toMatchObject({
      trigger: { everyMs: 500 },
      settings: { retries: 0 },
      isPaused: true,
      isStanding: true,
    });
    await expect(desk.remove('tick')).rejects.toMatchObject({ code: 'STANDING_JOB' });
  } finally {
    await store.close();
  }
});

test("an operator's own job of that name is left alone", async () => {
  const store = await SqliteJobStore.open(temporaryFolder());
  const desk = new StoredJobDesk({ store, wallMs: () => NOW_MS });
  try {
    await desk.add({ jobId: 'tick', handler: 'mine', arguments: 5, trigger: { type: 'interval', everyMs: 7 } });
    await ensureStandingJobs(store, [JOB], HANDLERS, NOW_MS);
    expect(await desk.show('tick')).toMatchObject({ handler: 'mine', arguments: 5, isStanding: false });
  } finally {
    await store.close();
  }
});

test("a job whose handler is not here is not due until it is, and an operator's pause outlasts that", async () => {
  const store = await SqliteJobStore.open(temporaryFolder());
  const desk = new StoredJobDesk({ store, wallMs: () => NOW_MS });
  const other: StandingJob = { ...JOB, jobId: 'tock' };
  const jobs = [JOB, other];
  const elsewhere = new Set(['else']);
  try {
    await ensureStandingJobs(store, jobs, elsewhere, NOW_MS);
    expect(await desk.list()).toEqual([]);
    await ensureStandingJobs(store, jobs, HANDLERS, NOW_MS);
    await desk.modify('tick', { settings: { retries: 3 } });
    await desk.pause('tock');
    await ensureStandingJobs(store, jobs, elsewhere, NOW_MS);
    expect((await desk.list()).map(({ nextMs }) => nextMs)).toEqual([null, null]);
    await ensureStandingJobs(store, jobs, HANDLERS, NOW_MS + 10_500);
    expect(await desk.list()).toMatchObject([
      { jobId: 'tick', nextMs: NOW_MS + 11_000, isPaused: false, settings: { retries: 3 } },
      { jobId: 'tock', nextMs: NOW_MS + 11_000, isPaused: true },
    ]);
  } finally {
    await store.close();
  }
});
