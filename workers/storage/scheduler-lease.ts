import { LeaseLostError, type LeaseState, type LostRun } from '../../core/ports/job-store.ts';
import type { SqliteDatabase } from './sqlite-database.ts';

interface LeaseRow {
  readonly token: number;
  readonly beat: number;
  readonly holder: string | null;
  readonly pid: number;
  readonly seen_ms: number;
  readonly clock_epoch: number;
}

export async function readLease(database: SqliteDatabase): Promise<LeaseState> {
  const [row] = await database.all<LeaseRow>('SELECT * FROM lease');
  const { token, beat, holder, pid, seen_ms: seenMs, clock_epoch: clockEpoch } = row!;
  return { token, beat, holder, pid, seenMs, clockEpoch };
}

/** First of all in every transaction of a scheduler: shows that it is alive, and that nobody has taken over. @throws LeaseLostError */
export async function renewLease(
  database: SqliteDatabase,
  token: number,
  nowMs: number,
): Promise<{ clockEpoch: number }> {
  const [row] = await database.all<{ clock_epoch: number }>(
    'UPDATE lease SET beat = beat + 1, seen_ms = ? WHERE token = ? AND holder IS NOT NULL RETURNING clock_epoch',
    [nowMs, token],
  );
  if (row === undefined) throw new LeaseLostError(`the lease ${token} is over: another scheduler has taken over`);
  return { clockEpoch: row.clock_epoch };
}

/** See JobStore.takeLease. */
export async function takeLease(
  database: SqliteDatabase,
  seen: LeaseState,
  holder: string,
  pid: number,
  nowMs: number,
): Promise<{ token: number; lost: LostRun[] } | null> {
  const [row] = await database.all<{ token: number }>(
    `UPDATE lease SET token = token + 1, beat = beat + 1, holder = ?, pid = ?, seen_ms = max(seen_ms, ?)
     WHERE token = ? AND beat = ? RETURNING token`,
    [holder, pid, nowMs, seen.token, seen.beat],
  );
  return row === undefined ? null : { token: row.token, lost: await loseRunning(database, nowMs) };
}

/** Nobody knows how far runs of a scheduler that is gone have come. */
async function loseRunning(database: SqliteDatabase, nowMs: number): Promise<LostRun[]> {
  const rows = await database.all<{ run_id: number; job_id: string; scheduled_ms: number; state: string }>(
    `UPDATE runs SET
       attempt = runs.attempt + iif(again.run_id IS NULL, 0, 1),
       state = iif(again.run_id IS NULL, 'lost', 'queued'),
       due_ms = iif(again.run_id IS NULL, runs.due_ms, ?1),
       ended_ms = ?1,
       error = 'its scheduler ended or lost its lease while it was running'
     FROM (SELECT r.run_id AS own_id, j.job_id, iif(r.attempt <= j.settings ->> 'retries', r.run_id, NULL) AS run_id
           FROM runs r LEFT JOIN jobs j ON j.job_id = r.job_id WHERE r.state = 'running') AS again
     WHERE runs.run_id = again.own_id RETURNING run_id, job_id, scheduled_ms, state`,
    [nowMs],
  );
  return rows.map(({ run_id, job_id, scheduled_ms, state }) => ({
    runId: run_id,
    jobId: job_id,
    scheduledMs: scheduled_ms,
    willRetry: state === 'queued',
  }));
}
