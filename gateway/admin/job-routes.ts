import {
  type Job,
  type JobDesk,
  type JobRefusal,
  JobRefusedError,
  type JobRun,
  type Trigger,
} from '../../core/ports/jobs.ts';
import { AdminError, type AdminReason, type AdminRoute, inputRoute } from './admin-route.ts';
import { CHANGED_JOB, HISTORY, NAMED_JOB, NEW_JOB, PREVIEW } from './job-input.ts';

/** Periodic work as operators see and change it while it runs. */
export function jobRoutes(desk: JobDesk): AdminRoute[] {
  const named = (path: string, act: (jobId: string) => Promise<Job>): AdminRoute =>
    inputRoute(path, NAMED_JOB, async ({ id }) => jobJson(await refusing(act(id))));
  return [
    { method: 'GET', path: '/jobs', answer: async () => (await desk.list()).map(jobJson) },
    { method: 'GET', path: '/jobs/handlers', answer: () => desk.handlers() },
    { method: 'GET', path: '/jobs/status', answer: () => desk.status() },
    inputRoute('/jobs', NEW_JOB, async ({ id, ...job }) => jobJson(await refusing(desk.add({ jobId: id, ...job })))),
    inputRoute('/jobs/modify', CHANGED_JOB, async ({ id, ...changes }) =>
      jobJson(await refusing(desk.modify(id, changes))),
    ),
    named('/jobs/show', (id) => desk.show(id)),
    named('/jobs/pause', (id) => desk.pause(id)),
    named('/jobs/resume', (id) => desk.resume(id)),
    named('/jobs/remove', (id) => desk.remove(id)),
    inputRoute('/jobs/run', NAMED_JOB, async ({ id }) => runJson(await refusing(desk.runNow(id)))),
    inputRoute('/jobs/history', HISTORY, async ({ id, limit }) =>
      (await refusing(desk.history(id, limit))).map(runJson),
    ),
    inputRoute('/jobs/preview', PREVIEW, async ({ id, count }) =>
      (await refusing(desk.preview(id, count))).map((timeMs) => ({ timeMs, time: timeText(timeMs) })),
    ),
  ];
}

const REASONS: Readonly<Record<JobRefusal, AdminReason>> = {
  INVALID_JOB: 'InvalidInput',
  UNKNOWN_JOB: 'NotFound',
  JOB_EXISTS: 'AlreadyDefined',
  STANDING_JOB: 'Conflict',
};

/** A refusal of the desk is the operator's mistake; anything else is our trouble. */
async function refusing<Result>(act: Promise<Result>): Promise<Result> {
  try {
    return await act;
  } catch (error) {
    if (error instanceof JobRefusedError) throw new AdminError(REASONS[error.code], error.message);
    throw error;
  }
}

function jobJson({ jobId, nextMs, isPaused, lastScheduledMs, ...job }: Job) {
  const { handler, arguments: args, trigger, settings, isStanding, createdMs, updatedMs } = job;
  // A standing job is never over: its handler is not in the processes that run.
  const state = isPaused ? 'paused' : nextMs !== null ? 'active' : isStanding ? 'idle' : 'finished';
  const times = { nextMs, next: timeText(nextMs), lastScheduledMs, lastScheduled: timeText(lastScheduledMs) };
  const definition = { handler, arguments: args, trigger, settings };
  return { id: jobId, state, when: triggerText(trigger), ...times, ...definition, isStanding, createdMs, updatedMs };
}

function runJson({ jobId, ...run }: JobRun) {
  const { startedMs, endedMs, scheduledMs } = run;
  const tookMs = startedMs === null || endedMs === null ? null : endedMs - startedMs;
  return { job: jobId, ...run, scheduled: timeText(scheduledMs), started: timeText(startedMs), tookMs };
}

function timeText(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString();
}

/** @returns when a job is due, in a few words */
function triggerText(trigger: Trigger): string {
  switch (trigger.type) {
    case 'interval':
      return `every ${spanText(trigger.everyMs)}`;
    case 'date':
      return `at ${timeText(trigger.atMs)}`;
    case 'cron':
      return `cron ${trigger.expression} ${trigger.timeZone}`;
    case 'calendar':
      return `every ${trigger.every === 1 ? '' : `${trigger.every} `}${trigger.unit}${trigger.every === 1 ? '' : 's'} at ${trigger.timeOfDay} ${trigger.timeZone}`;
    default:
      return trigger.triggers.map(triggerText).join(` ${trigger.type} `);
  }
}

function spanText(spanMs: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1_000],
  ] as const;
  const [unit, unitMs] = units.find(([, ms]) => spanMs % ms === 0) ?? ['ms', 1];
  return `${spanMs / unitMs}${unit}`;
}
