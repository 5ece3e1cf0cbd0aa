import { expect, test } from 'vitest';
import type { CalendarTrigger, CalendarUnit, Trigger } from '../../../core/ports/jobs.ts';
import { fixTrigger } from '../../../scheduler/triggers/fixed-trigger.ts';
import { lastTime, MeetingSearch, nextTime } from '../../../scheduler/triggers/trigger-times.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { timesByClock } from '../support/slow-trigger-times.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const CASES = process.env.RINGBOOK_TEST_LONG === '1' ? 5_000 : 60;
const DAY_MS = 86_400_000;
const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'America/Sao_Paulo', 'Australia/Lord_Howe', 'Africa/Cairo'];
const UNITS: readonly CalendarUnit[] = ['day', 'week', 'month', 'year'];

function timesOf(trigger: Trigger, afterMs: number, untilMs: number): number[] {
  const times: number[] = [];
  for (let time = nextTime(trigger, afterMs); time !== null && time <= untilMs; time = nextTime(trigger, time))
    times.push(time);
  return times;
}

/** The days of a calendar trigger, by walking every day from its first one. */
function plainDays({ every, unit, startDate, missingDay }: CalendarTrigger, until: string): Set<string> {
  const start = new Date(`${startDate}T00:00:00Z`);
  const wanted = start.getUTCDate();
  const days = new Set<string>();
  let months = 0;
  let count = 0;
  for (let day = start; day.toISOString().slice(0, 10) <= until; day = new Date(day.getTime() + DAY_MS), count++) {
    if (count > 0 && day.getUTCDate() === 1) months++;
    const isLast = new Date(day.getTime() + DAY_MS).getUTCDate() === 1;
    const isDay = day.getUTCDate() === wanted || (missingDay !== 'skip' && isLast && day.getUTCDate() < wanted);
    const isDue =
      unit === 'day' || unit === 'week'
        ? count % (every * (unit === 'week' ? 7 : 1)) === 0
        : isDay && months % (every * (unit === 'year' ? 12 : 1)) === 0;
    if (isDue) days.add(day.toISOString().slice(0, 10));
  }
  return days;
}

test(`calendar times agree with a walk over every day, 2015 to 2040 (SEED=${seed})`, {
  timeout: 120_000 + CASES * 240,
}, () => {
  const random = new RandomIntegers(seed);
  for (let round = 0; round < CASES; round++) {
    const startMs = Date.UTC(2015, 0, 1) + random.below(20 * 365) * DAY_MS;
    const start = new Date(startMs);
    if (random.onceIn(3)) start.setUTCMonth(start.getUTCMonth() + 1, 0);
    const trigger = fixTrigger(
      {
        type: 'calendar',
        every: random.between(1, 4),
        unit: random.oneOf(UNITS),
        timeOfDay: random.oneOf(['00:00', '02:30', '02:00', '03:00', '23:59', '12:15']),
        startDate: start.toISOString().slice(0, 10),
        timeZone: random.oneOf(ZONES),
        ...(random.onceIn(2) ? { missingDay: 'skip' as const } : {}),
      },
      startMs,
    ) as Required<CalendarTrigger>;
    const first = nextTime(trigger, 0);
    const afterMs =
      random.onceIn(3) || first === null
        ? startMs - 2 * DAY_MS
        : (nextTime(trigger, startMs + random.below(5 * 365) * DAY_MS) ?? first) -
          1_000 * 60 * random.between(1, 3_000);
    const days = plainDays(trigger, new Date(afterMs + 6 * DAY_MS).toISOString().slice(0, 10));
    const expected = timesByClock(
      trigger.timeZone,
      (label) => label.slice(11) === trigger.timeOfDay && days.has(label.slice(0, 10)),
      afterMs,
      4 * 24 * 60,
    );
    const untilMs = Math.floor(afterMs / 60_000) * 60_000 + 4 * DAY_MS;
    const about = `${JSON.stringify(trigger)} after ${new Date(afterMs).toISOString()}, SEED=${seed} round ${round}`;
    expect(timesOf(trigger, afterMs, untilMs), about).toEqual(expected);
  }
});

test(`times of a combination are those of its members, or where all of them meet (SEED=${seed})`, () => {
  const random = new RandomIntegers(seed);
  const untilMs = 400_000;
  for (let round = 0; round < CASES; round++) {
    const members = Array.from({ length: random.between(1, 3) }, (): Trigger => {
      const startMs = random.below(20_000);
      return {
        type: 'interval',
        everyMs: random.between(1, 30) * 500,
        startMs,
        endMs: random.between(startMs, untilMs),
      };
    });
    const toleranceMs = random.oneOf([0, 1, 500, 1_000, 5_000]);
    const all = members.map((one) => timesOf(one, -1, untilMs));
    const either = [...new Set(all.flat())].sort((a, b) => a - b);
    const together = either.filter((time) =>
      all.every((times) => times.some((other) => other <= time && other >= time - toleranceMs)),
    );
    const about = `${JSON.stringify(members)} tolerance ${toleranceMs}, SEED=${seed} round ${round}`;
    expect(timesOf({ type: 'or', triggers: members }, -1, untilMs), about).toEqual(either);
    expect(timesOf({ type: 'and', triggers: members, toleranceMs }, -1, untilMs), about).toEqual(together);
  }
});

test('a combination that never meets ends its search', () => {
  const cron = (expression: string) => ({ type: 'cron', expression, timeZone: 'UTC' }) as const;
  expect(nextTime({ type: 'and', triggers: [cron('0 0 * * *'), cron('30 12 * * *')] }, 0)).toBeNull();
  const friday13 = { type: 'and', triggers: [cron('0 0 13 * *'), cron('0 0 * * fri')] } as const;
  expect(new Date(nextTime(friday13, Date.UTC(2026, 10, 21))!).toISOString()).toBe('2027-08-13T00:00:00.000Z');
});

test('however combinations are nested, a search asks a bounded number of questions, and says that it was given up', () => {
  const interval = (everyMs: number, startMs: number) => ({ type: 'interval', everyMs, startMs }) as const;
  const and = (...triggers: Trigger[]): Trigger => ({ type: 'and', triggers, toleranceMs: 0 });
  let questions = 0;
  const counted = {
    type: 'interval',
    everyMs: 997,
    get startMs() {
      questions += 1;
      return 3;
    },
  } as const;
  const never = and(interval(1_000, 1), interval(1_000, 2));
  const nested = and(
    interval(1_009, 0),
    and(interval(1_013, 1), { type: 'or', triggers: [never, and(counted, never)] }),
  );
  const search = new MeetingSearch();
  expect(nextTime(nested, 0, search)).toBeNull();
  expect(search.isOver).toBe(true);
  expect(questions).toBeLessThan(20_000);
  const enough = new MeetingSearch();
  expect(nextTime(and(interval(7_000, 0), and(interval(11_000, 0), interval(13_000, 0))), 0, enough)).toBe(1_001_000);
  expect(enough.isOver).toBe(false);
});

test('an interval keeps to its grid, however late it is asked', () => {
  const trigger = { type: 'interval', everyMs: 7, startMs: 100 } as const;
  expect([0, 99, 100, 106, 107, 1_000_000].map((after) => nextTime(trigger, after))).toEqual([
    100, 100, 107, 107, 114, 1_000_001,
  ]);
  expect(lastTime(trigger, 100, 1_000_000)).toBe(999_994);
  expect(fixTrigger({ type: 'interval', everyMs: 500 }, 1_000)).toMatchObject({ startMs: 1_500 });
});

test('a date is due once', () => {
  const trigger = { type: 'date', atMs: 5 } as const;
  expect([nextTime(trigger, 4), nextTime(trigger, 5)]).toEqual([5, null]);
});

test.each<Trigger>([
  { type: 'interval', everyMs: Number.MAX_SAFE_INTEGER, startMs: 1_000 },
  {
    type: 'calendar',
    every: 10_000,
    unit: 'year',
    timeOfDay: '12:00',
    startDate: '1970-01-02',
    timeZone: 'Europe/Berlin',
  },
  { type: 'calendar', every: 10_000, unit: 'month', timeOfDay: '12:00', startDate: '9500-01-02' },
  { type: 'cron', expression: '0 0 * * *', startMs: Date.UTC(9999, 11, 31) },
])('nothing is due after the year 9999, whose days have no name: %j', (trigger) => {
  const fixed = fixTrigger(trigger, 0);
  const first = nextTime(fixed, 0)!;
  expect(new Date(first).toISOString()).toMatch(/^\d{4}-/);
  expect(nextTime(fixed, first)).toBeNull();
});

const calendar = { type: 'calendar', every: 1, unit: 'day', timeOfDay: '12:00' } as const;
test.each<[Trigger, string]>([
  [{ type: 'interval', everyMs: 0 }, 'everyMs: 0'],
  [{ type: 'interval', everyMs: 1.5 }, 'everyMs: 1.5'],
  [{ type: 'interval', everyMs: 5, startMs: 10, endMs: 9 }, 'endMs'],
  [{ type: 'date', atMs: -1 }, 'atMs: -1'],
  [{ type: 'date', atMs: Number.NaN }, 'atMs: NaN'],
  [{ ...calendar, every: 0 }, 'every: 0'],
  [{ ...calendar, timeOfDay: '24:00' }, 'timeOfDay: "24:00"'],
  [{ ...calendar, timeOfDay: '9:00' }, 'timeOfDay: "9:00"'],
  [{ ...calendar, startDate: '2026-02-30' }, 'startDate: "2026-02-30"'],
  [{ ...calendar, timeZone: 'Nowhere' }, '"Nowhere"'],
  [{ type: 'or', triggers: [] }, '1 to 16'],
  [{ type: 'and', triggers: [{ type: 'date', atMs: -1 }] }, 'atMs'],
])('%j is refused: %s', (trigger, problem) => {
  expect(() => fixTrigger(trigger, 0)).toThrow(problem);
});
