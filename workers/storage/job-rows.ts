import type { Job, JobRun } from '../../core/ports/jobs.ts';

export interface JobRow {
  readonly job_id: string;
  readonly handler: string;
  readonly arguments: string;
  readonly trigger: string;
  readonly settings: string;
  readonly shift_ms: number;
  readonly next_ms: number | null;
  readonly last_scheduled_ms: number | null;
  readonly is_paused: number;
  readonly standing: string | null;
  readonly created_ms: number;
  readonly updated_ms: number;
}

export interface RunRow {
  readonly run_id: number;
  readonly job_id: string;
  readonly scheduled_ms: number;
  readonly cause: string;
  readonly state: string;
  readonly attempt: number;
  readonly due_ms: number;
  readonly started_ms: number | null;
  readonly ended_ms: number | null;
  readonly missed_count: number;
  readonly result: string;
  readonly error: string | null;
}

export function jobOf(row: JobRow): Job {
  return {
    jobId: row.job_id,
    handler: row.handler,
    arguments: JSON.parse(row.arguments),
    trigger: JSON.parse(row.trigger),
    settings: JSON.parse(row.settings),
    nextMs: row.next_ms,
    lastScheduledMs: row.last_scheduled_ms,
    isPaused: row.is_paused === 1,
    isStanding: row.standing !== null,
    shiftMs: row.shift_ms,
    createdMs: row.created_ms,
    updatedMs: row.updated_ms,
  };
}

export function runOf(row: RunRow): JobRun {
  return {
    runId: row.run_id,
    jobId: row.job_id,
    scheduledMs: row.scheduled_ms,
    cause: row.cause as JobRun['cause'],
    state: row.state as JobRun['state'],
    attempt: row.attempt,
    dueMs: row.due_ms,
    startedMs: row.started_ms,
    endedMs: row.ended_ms,
    missedCount: row.missed_count,
    result: JSON.parse(row.result),
    error: row.error,
  };
}
