import type { DuePlan, PlannedRun } from '../core/ports/job-store.ts';
import type { Job } from '../core/ports/jobs.ts';
import { lastTimeOf, nextTimeOf } from './job-times.ts';

/** Times that `coalesce: all` makes up for at once, and that a count of missed ones goes up to. */
export const MOST_MADE_UP = 1_000;
/** Runs of one job that may wait; what comes beyond is skipped. */
export const MOST_QUEUED = 1_000;

/**
 * What is to be done about a job whose time has come, perhaps long ago: one run for its newest time, or as its settings
 * say. Takes as many steps as `MOST_MADE_UP` allows, however long the scheduler was away.
 * @param random 0 … 1, for the jitter
 */
export function planDue(job: Job, nowMs: number, queuedRuns: number, random: () => number): DuePlan {
  const firstMs = job.nextMs!;
  const { misfireGraceMs, coalesce, jitterMs } = job.settings;
  const secondMs = nextTimeOf(job, firstMs);
  const isLate = secondMs !== null && secondMs <= nowMs;
  const newestMs = isLate ? lastTimeOf(job, firstMs - 1, nowMs) : firstMs;
  const nextMs = isLate ? nextTimeOf(job, nowMs) : secondMs;
  const oldestMs = misfireGraceMs === null ? firstMs : Math.max(firstMs, nowMs - misfireGraceMs);
  const plan = (runs: readonly PlannedRun[]): DuePlan => ({ runs, nextMs, lastScheduledMs: newestMs });
  const missed = isLate ? countTimes(job, firstMs, newestMs) - 1 : 0; // beside one of them
  if (newestMs < oldestMs)
    return plan([{ scheduledMs: newestMs, dueMs: newestMs, state: 'missed', missedCount: missed + 1 }]);
  const times = timesToRun(job, coalesce, oldestMs, newestMs);
  return plan(
    times.map((scheduledMs, index) => ({
      scheduledMs,
      dueMs: scheduledMs + Math.floor(random() * jitterMs),
      state: queuedRuns + index < MOST_QUEUED ? 'queued' : 'skipped',
      missedCount: index === 0 ? missed + 1 - times.length : 0,
    })),
  );
}

function timesToRun(job: Job, coalesce: Job['settings']['coalesce'], oldestMs: number, newestMs: number): number[] {
  if (coalesce === 'latest' || oldestMs === newestMs) return [newestMs];
  if (coalesce === 'earliest') return [nextTimeOf(job, oldestMs - 1)!];
  const all = timesWithin(job, oldestMs, newestMs);
  if (all.length <= MOST_MADE_UP) return all;
  let low = oldestMs; // from here on there are too many
  let high = newestMs;
  for (let times = [newestMs]; ; ) {
    if (times.length === MOST_MADE_UP || high - low <= 1) return times;
    const middle = Math.floor((low + high) / 2);
    const more = timesWithin(job, middle, newestMs);
    if (more.length > MOST_MADE_UP) {
      low = middle;
    } else {
      high = middle;
      times = more;
    }
  }
}

/** @returns the oldest times of a span, one more than are made up for at most */
function timesWithin(job: Job, fromMs: number, untilMs: number): number[] {
  const times: number[] = [];
  for (let time = nextTimeOf(job, fromMs - 1); time !== null && time <= untilMs; time = nextTimeOf(job, time)) {
    times.push(time);
    if (times.length > MOST_MADE_UP) break;
  }
  return times;
}

/** @returns how many times a span holds, both ends among them; of other triggers than intervals 1,001 stands for more */
function countTimes(job: Job, fromMs: number, untilMs: number): number {
  if (job.trigger.type === 'interval') return Math.floor((untilMs - fromMs) / job.trigger.everyMs) + 1;
  return timesWithin(job, fromMs, untilMs).length;
}
