import type { JobStore } from '../core/ports/job-store.ts';
import type { JobSettings, JsonValue, Trigger } from '../core/ports/jobs.ts';
import { checkedSettings } from './job-settings.ts';
import { nextTimeOf } from './job-times.ts';
import { fixTrigger } from './triggers/fixed-trigger.ts';
import { nextTime } from './triggers/trigger-times.ts';

/** A job that every exchange has. Operators may pause it and change it; it comes back when it is gone. */
export interface StandingJob {
  readonly jobId: string;
  readonly handler: string;
  readonly arguments?: JsonValue;
  readonly trigger: Trigger;
  readonly settings?: Partial<JobSettings>;
}

const every = (everyMs: number): Trigger => ({ type: 'interval', everyMs });

/**
 * The work that an exchange does by itself, with its periods. Each is idempotent: one that comes twice, late or never
 * changes nothing, so that missed times are never made up for one by one.
 */
export const STANDING_JOBS: readonly StandingJob[] = [
  { jobId: 'refresh-1m-candles', handler: 'klines.refresh-1m', trigger: every(1_000) },
  { jobId: 'refresh-market-info', handler: 'klines.refresh-market-info', trigger: every(2_000) },
  { jobId: 'refresh-other-candles', handler: 'klines.refresh-other-sizes', trigger: every(2_000) },
  { jobId: 'check-1m-history', handler: 'klines.check-1m-history', trigger: every(5_000) },
  { jobId: 'check-base-history', handler: 'klines.check-base-history', trigger: every(120_000) },
  { jobId: 'finish-stuck-transfers', handler: 'transfers.finish-stuck', trigger: every(60_000) },
  {
    jobId: 'audit',
    handler: 'audit.run',
    trigger: { type: 'cron', expression: '17 * * * *' },
    settings: { timeoutMs: 3_600_000 },
  },
  {
    jobId: 'verify-journal',
    handler: 'journal.verify',
    trigger: { type: 'calendar', every: 1, unit: 'day', timeOfDay: '03:43', startDate: '2026-01-01' },
    settings: { timeoutMs: 6 * 3_600_000 },
  },
];

/**
 * Puts standing jobs into the store: those that are missing; and those whose own definition has changed with the program,
 * which undoes what operators changed of them, but for a pause. A job that an operator gave such a name stays his. One
 * whose handler is not here, as in a folder whose exchange is split over processes from now on, is not due until it is.
 * @param handlers names of what this process can do
 * @throws DatabaseError
 */
export async function ensureStandingJobs(
  store: JobStore,
  jobs: readonly StandingJob[],
  handlers: ReadonlySet<string>,
  nowMs: number,
): Promise<void> {
  for (const { jobId, handler, arguments: args = null, ...job } of jobs) {
    const trigger = fixTrigger(job.trigger, nowMs);
    const settings = checkedSettings(job.settings ?? {});
    const nextMs = handlers.has(handler) ? nextTime(trigger, nowMs) : null;
    const standing = JSON.stringify({ handler, arguments: args, trigger: job.trigger, settings });
    const definition = { handler, arguments: args, trigger, settings };
    const known = await store.standingOf(jobId);
    if (known === null) continue;
    if (known === undefined) {
      if (nextMs !== null) await store.insert({ jobId, ...definition, standing }, nextMs, nowMs);
    } else if (known !== standing) {
      await store.update(jobId, ({ isPaused }) => ({ ...definition, nextMs, isPaused, shiftMs: 0, standing }), nowMs);
    } else {
      const present = await store.find(jobId);
      const isHere = present !== undefined && handlers.has(present.handler);
      if (present === undefined || isHere === (present.nextMs !== null)) continue;
      await store.update(jobId, (kept) => ({ ...kept, nextMs: isHere ? nextTimeOf(kept, nowMs) : null }), nowMs);
    }
  }
}
