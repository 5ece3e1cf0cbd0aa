import type { DuePlan, RunOutcome, SchedulerStep, SchedulerStepDone, WaitingRun } from '../../core/ports/job-store.ts';
import type { Job } from '../../core/ports/jobs.ts';
import { type JobRow, jobOf, type RunRow, runOf } from './job-rows.ts';
import { renewLease } from './scheduler-lease.ts';
import type { SqliteDatabase } from './sqlite-database.ts';

/** One step of the scheduler, inside a transaction. @throws LeaseLostError, DatabaseError */
export async function takeSchedulerStep(database: SqliteDatabase, step: SchedulerStep): Promise<SchedulerStepDone> {
  const { token, nowMs, outcomes, dueLimit, startLimit } = step;
  const { clockEpoch } = await renewLease(database, token, nowMs);
  if (outcomes.length > 0) await writeOutcomes(database, token, outcomes);
  const planned = await planDue(database, step, clockEpoch);
  const waiting = startLimit === 0 ? [] : await waitingRuns(database, step);
  const started: WaitingRun[] = [];
  const skipped: WaitingRun[] = [];
  for (const one of waiting) {
    const admission = step.admit(one);
    if (admission === 'start') started.push({ ...one, run: { ...one.run, state: 'running', startedMs: nowMs } });
    else if (admission === 'skip') skipped.push(one);
  }
  if (started.length > 0)
    await database.run(
      "UPDATE runs SET state = 'running', token = ?, started_ms = ?, ended_ms = NULL, error = NULL WHERE run_id IN (SELECT value FROM json_each(?))",
      [token, nowMs, idsOf(started)],
    );
  if (skipped.length > 0)
    await database.run(
      "UPDATE runs SET state = 'skipped', ended_ms = ? WHERE run_id IN (SELECT value FROM json_each(?))",
      [nowMs, idsOf(skipped)],
    );
  // Behind as many runs as were looked at there may be others that can start. Where all of those wait, a look would find the same.
  const hasDecided = started.length + skipped.length > 0;
  const hasMore =
    (dueLimit > 0 && planned.length === dueLimit) ||
    (waiting.length === startLimit && started.length < startLimit && hasDecided);
  return { planned, started, skipped, wakeMs: hasMore ? nowMs : await nextWake(database, nowMs) };
}

/**
 * Of runs that this scheduler started; what another one has called lost since stays lost. What is to be tried again is
 * not when its job was removed meanwhile.
 */
export async function writeOutcomes(
  database: SqliteDatabase,
  token: number,
  outcomes: readonly RunOutcome[],
): Promise<void> {
  await database.run(
    `UPDATE runs SET state = iif(o.value ->> 'state' = 'queued'
         AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.job_id = runs.job_id), 'cancelled', o.value ->> 'state'),
       attempt = o.value ->> 'attempt', due_ms = o.value ->> 'dueMs',
       ended_ms = o.value ->> 'endedMs', result = o.value ->> 'result', error = o.value ->> 'error'
     FROM json_each(?) AS o WHERE runs.run_id = o.value ->> 'runId' AND runs.state = 'running' AND runs.token = ?`,
    [JSON.stringify(outcomes), token],
  );
}

async function planDue(
  database: SqliteDatabase,
  { nowMs, dueLimit, plan }: SchedulerStep,
  clockEpoch: number,
): Promise<{ job: Job; plan: DuePlan }[]> {
  const rows = await database.all<JobRow & { queued: number }>(
    `SELECT jobs.*, (SELECT count(*) FROM runs WHERE runs.job_id = jobs.job_id AND state = 'queued') AS queued
     FROM jobs WHERE is_paused = 0 AND next_ms IS NOT NULL AND next_ms <= ? ORDER BY next_ms LIMIT ?`,
    [nowMs, dueLimit],
  );
  if (rows.length === 0) return [];
  const planned = rows.map((row) => {
    const job = jobOf(row);
    return { job, plan: plan(job, row.queued) };
  });
  await database.run(
    `UPDATE jobs SET next_ms = p.value ->> 'nextMs', last_scheduled_ms = p.value ->> 'lastScheduledMs'
     FROM json_each(?) AS p WHERE jobs.job_id = p.value ->> 'jobId'`,
    [
      JSON.stringify(
        planned.map(({ job, plan: { nextMs, lastScheduledMs } }) => ({ jobId: job.jobId, nextMs, lastScheduledMs })),
      ),
    ],
  );
  const runs = planned.flatMap(({ job: { jobId }, plan: { runs } }) => runs.map((run) => ({ jobId, ...run })));
  if (runs.length > 0)
    await database.run(
      `INSERT INTO runs (job_id, clock_epoch, scheduled_ms, cause, state, attempt, due_ms, ended_ms, missed_count, result)
       SELECT r.value ->> 'jobId', ?1, r.value ->> 'scheduledMs', 'schedule', r.value ->> 'state', 1, r.value ->> 'dueMs',
         iif(r.value ->> 'state' = 'queued', NULL, ?2), r.value ->> 'missedCount', 'null'
       FROM json_each(?3) AS r WHERE true ON CONFLICT DO NOTHING`,
      [clockEpoch, nowMs, JSON.stringify(runs)],
    );
  return planned;
}

/** Of jobs at work only the times that they may have to skip: the rest waits until one of their runs has ended. */
async function waitingRuns(
  database: SqliteDatabase,
  { nowMs, startLimit, busyJobIds, queueingJobIds }: SchedulerStep,
): Promise<WaitingRun[]> {
  const rows = await database.all<RunRow & { job: string }>(
    `SELECT runs.*, json_object('job_id', jobs.job_id, 'handler', handler, 'arguments', arguments, 'trigger', trigger,
       'settings', settings, 'shift_ms', shift_ms, 'next_ms', next_ms, 'last_scheduled_ms', last_scheduled_ms,
       'is_paused', is_paused, 'standing', standing, 'created_ms', created_ms, 'updated_ms', updated_ms) AS job
     FROM runs JOIN jobs ON jobs.job_id = runs.job_id
     WHERE runs.state = 'queued' AND runs.due_ms <= ?1 AND (jobs.is_paused = 0 OR runs.cause = 'operator')
       AND runs.job_id NOT IN (SELECT value FROM json_each(?2))
       AND (runs.cause = 'schedule' AND runs.attempt = 1 OR runs.job_id NOT IN (SELECT value FROM json_each(?3)))
     ORDER BY runs.due_ms, runs.run_id LIMIT ?4`,
    [nowMs, JSON.stringify(queueingJobIds), JSON.stringify(busyJobIds), startLimit],
  );
  return rows.map((row) => ({ run: runOf(row), job: jobOf(JSON.parse(row.job) as JobRow) }));
}

/** Runs whose time has come wait for something else than time. */
async function nextWake(database: SqliteDatabase, nowMs: number): Promise<number | null> {
  const [row] = await database.all<{ job_ms: number | null; run_ms: number | null }>(
    `SELECT (SELECT min(next_ms) FROM jobs WHERE is_paused = 0 AND next_ms IS NOT NULL) AS job_ms,
       (SELECT min(due_ms) FROM runs WHERE state = 'queued' AND due_ms > ?) AS run_ms`,
    [nowMs],
  );
  const { job_ms: jobMs, run_ms: runMs } = row!;
  return jobMs === null || runMs === null ? (jobMs ?? runMs) : Math.min(jobMs, runMs);
}

function idsOf(waiting: readonly WaitingRun[]): string {
  return JSON.stringify(waiting.map(({ run }) => run.runId));
}
