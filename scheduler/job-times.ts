import type { Job, Trigger } from '../core/ports/jobs.ts';
import { lastTime, type MeetingSearch, nextTime } from './triggers/trigger-times.ts';

/** A job's first time after an instant. Intervals keep their rhythm when the wall clock is put back: they are shifted. */
export function nextTimeOf(
  { trigger, shiftMs }: Pick<Job, 'trigger' | 'shiftMs'>,
  afterMs: number,
  search?: MeetingSearch,
): number | null {
  const timeMs = nextTime(shifted(trigger, shiftMs), afterMs - shiftMs, search);
  return timeMs === null ? null : timeMs + shiftMs;
}

/** @returns a job's newest time at or before an instant; there is one after `afterMs` */
export function lastTimeOf(
  { trigger, shiftMs }: Pick<Job, 'trigger' | 'shiftMs'>,
  afterMs: number,
  untilMs: number,
): number {
  return lastTime(shifted(trigger, shiftMs), afterMs - shiftMs, untilMs - shiftMs) + shiftMs;
}

/** Its end is meant by the wall clock, however that was moved meanwhile. */
function shifted(trigger: Trigger, shiftMs: number): Trigger {
  if (shiftMs === 0 || trigger.type !== 'interval' || trigger.endMs === undefined) return trigger;
  return { ...trigger, endMs: trigger.endMs - shiftMs };
}

/**
 * The next time of a job that follows the wall clock, after that was put back. A single time that would come again does
 * not: a daily job runs once a day. But a job of which several times come again runs at them: it would be silent for
 * more than two of its periods otherwise.
 * @param backMs how far the clock was put back
 */
export function nextTimeAfterBack(job: Job, nowMs: number, backMs: number): number | null {
  const againMs = nextTimeOf(job, nowMs);
  if (againMs === null || job.nextMs === null) return job.nextMs;
  const secondMs = nextTimeOf(job, againMs);
  return secondMs !== null && secondMs <= nowMs + backMs && secondMs < job.nextMs ? againMs : job.nextMs;
}
