import { expect, test } from 'vitest';
import { DEFAULT_JOB_SETTINGS, type Job, type Trigger } from '../../core/ports/jobs.ts';
import { MOST_MADE_UP, planDue } from '../../scheduler/due-plan.ts';
import { nextTimeOf } from '../../scheduler/job-times.ts';
import { RandomIntegers } from '../support/random-integers.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const CASES = process.env.RINGBOOK_TEST_LONG === '1' ? 20_000 : 1_000;

function jobOf(trigger: Trigger, settings: Partial<Job['settings']>, shiftMs = 0): Job {
  const job = { trigger, shiftMs };
  const definition = {
    jobId: 'job',
    handler: 'note',
    arguments: null,
    settings: { ...DEFAULT_JOB_SETTINGS, ...settings },
  };
  const rest = { lastScheduledMs: null, isPaused: false, isStanding: false, createdMs: 0, updatedMs: 0 };
  return { ...job, ...definition, ...rest, nextMs: nextTimeOf(job, 0) };
}

test(`what is done about times that have come is what a walk over all of them says (SEED=${seed})`, () => {
  const random = new RandomIntegers(seed);
  for (let round = 0; round < CASES; round++) {
    const trigger: Trigger = random.onceIn(2)
      ? { type: 'interval', everyMs: random.between(1, 5_000), startMs: random.between(1, 9_000) }
      : { type: 'cron', expression: random.oneOf(['*/7 * * * * *', '* * * * *', '5,6 0 * * * *']), timeZone: 'UTC' };
    const misfireGraceMs = random.onceIn(2) ? null : random.below(60_000);
    const coalesce = random.oneOf(['latest', 'earliest', 'all'] as const);
    const job = jobOf(trigger, { misfireGraceMs, coalesce });
    const nowMs = job.nextMs! + random.below(random.oneOf([1, 1_000, 300_000]));
    const about = `${JSON.stringify(trigger)} ${coalesce} ${misfireGraceMs} at ${nowMs}, SEED=${seed} round ${round}`;

    const times: number[] = [];
    for (let time = job.nextMs; time !== null && time <= nowMs; time = nextTimeOf(job, time)) times.push(time);
    const inTime = times.filter((time) => misfireGraceMs === null || time >= nowMs - misfireGraceMs);
    const expected =
      coalesce === 'latest'
        ? inTime.slice(-1)
        : coalesce === 'earliest'
          ? inTime.slice(0, 1)
          : inTime.slice(-MOST_MADE_UP);

    const plan = planDue(job, nowMs, 0, () => 0);
    const runs = plan.runs.filter(({ state }) => state === 'queued').map(({ scheduledMs }) => scheduledMs);
    expect(runs, about).toEqual(expected);
    expect(plan.lastScheduledMs, about).toBe(times.at(-1));
    expect(plan.nextMs, about).toBe(nextTimeOf(job, nowMs));
    const missed = plan.runs.reduce((sum, { missedCount }) => sum + missedCount, 0);
    if (trigger.type === 'interval') expect(missed, about).toBe(times.length - expected.length);
  }
});

test('years of a job that runs every millisecond take no longer than a moment', () => {
  const job = jobOf({ type: 'interval', everyMs: 1, startMs: 1 }, { coalesce: 'all' });
  const nowMs = 20 * 366 * 86_400_000;
  const { runs, nextMs } = planDue(job, nowMs, 0, () => 0);
  expect([runs.length, runs[0]!.scheduledMs, runs.at(-1)!.scheduledMs, nextMs]).toEqual([
    MOST_MADE_UP,
    nowMs - MOST_MADE_UP + 1,
    nowMs,
    nowMs + 1,
  ]);
  expect(runs[0]!.missedCount).toBe(nowMs - MOST_MADE_UP);
});

test('what waits already is counted: beyond a thousand runs of a job the rest is skipped', () => {
  const job = jobOf({ type: 'interval', everyMs: 10, startMs: 10 }, { coalesce: 'all', onOverlap: 'queue' });
  const { runs } = planDue(job, 100, 995, () => 0);
  expect(runs.map(({ state }) => state)).toEqual([...Array(5).fill('queued'), ...Array(5).fill('skipped')]);
});
