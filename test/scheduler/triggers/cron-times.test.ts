import { expect, test } from 'vitest';
import { fixTrigger } from '../../../scheduler/triggers/fixed-trigger.ts';
import { lastTime, nextTime } from '../../../scheduler/triggers/trigger-times.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import {
  cronText,
  matchesCron,
  type PlainCron,
  timesByClock,
  timesByTime,
  wallClock,
} from '../support/slow-trigger-times.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const CASES = process.env.RINGBOOK_TEST_LONG === '1' ? 20_000 : 250;
const FROM_MS = Date.UTC(2015, 0, 1);
const TO_MS = Date.UTC(2040, 11, 31);
const WINDOW_MINUTES = 2 * 24 * 60;

/** Gaps and folds of an hour, of half an hour, of two; at midnight, around Ramadan; zones that gave them up. */
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Africa/Casablanca',
  'America/Sao_Paulo',
  'Asia/Beirut',
  'Africa/Cairo',
  'America/Santiago',
  'Antarctica/Troll',
  'Asia/Kolkata',
  'Pacific/Apia',
];

const cron = (expression: string, timeZone = 'UTC') => ({ type: 'cron', expression, timeZone }) as const;
const next = (expression: string, timeZone: string, after: string): string => {
  const timeMs = nextTime(cron(expression, timeZone), Date.parse(after));
  return timeMs === null ? 'never' : new Date(timeMs).toISOString().replace('.000Z', 'Z');
};

function timesOf(trigger: ReturnType<typeof cron>, afterMs: number, untilMs: number): number[] {
  const times: number[] = [];
  for (let time = nextTime(trigger, afterMs); time !== null && time <= untilMs; time = nextTime(trigger, time))
    times.push(time);
  return times;
}

/** Every move of a zone's clocks, found by asking for each hour of the years. */
function movesOf(zone: string): number[] {
  const offset = (atMs: number): number => Date.parse(`${wallClock(zone, atMs)}:00Z`) - atMs;
  const moves: number[] = [];
  for (let day = FROM_MS; day < TO_MS; day += 86_400_000) if (offset(day) !== offset(day + 86_400_000)) moves.push(day);
  return moves;
}

function randomValues(random: RandomIntegers, from: number, to: number): number[] | null {
  if (random.onceIn(2)) return null;
  const values = Array.from({ length: random.between(1, 4) }, () => random.between(from, to));
  return [...new Set(values)].sort((a, b) => a - b);
}

function randomCron(random: RandomIntegers): PlainCron {
  return {
    minutes: random.onceIn(8) ? null : [...new Set([0, 30, random.between(0, 59)])].sort((a, b) => a - b),
    hours: random.onceIn(3) ? [0, 1, 2, 3].slice(random.between(0, 3)) : randomValues(random, 0, 23),
    days: random.onceIn(3) ? randomValues(random, 1, 31) : null,
    months: random.onceIn(4) ? randomValues(random, 1, 12) : null,
    weekdays: random.onceIn(3) ? randomValues(random, 0, 6) : null,
  };
}

test(`cron times agree with a slow computation, 2015 to 2040, in zones with daylight saving (SEED=${seed})`, {
  timeout: 120_000 + CASES * 120,
}, () => {
  const random = new RandomIntegers(seed);
  const moves = new Map(ZONES.map((zone) => [zone, movesOf(zone)]));
  expect(moves.get('Europe/Berlin')).toHaveLength(52);
  for (let round = 0; round < CASES; round++) {
    const zone = random.oneOf(ZONES);
    const near = moves.get(zone)!;
    const afterMs =
      near.length > 0 && !random.onceIn(4)
        ? random.oneOf(near) - random.below(86_400_000)
        : FROM_MS + random.below(TO_MS - FROM_MS);
    const plain = randomCron(random);
    const slow = plain.hours === null ? timesByTime : timesByClock;
    const expected = slow(zone, matchesCron(plain), afterMs, WINDOW_MINUTES);
    const untilMs = Math.floor(afterMs / 60_000) * 60_000 + WINDOW_MINUTES * 60_000;
    const trigger = cron(cronText(plain), zone);
    const about = `"${trigger.expression}" ${zone} after ${new Date(afterMs).toISOString()}, SEED=${seed} round ${round}`;
    expect(timesOf(trigger, afterMs, untilMs), about).toEqual(expected);
    if (expected.length > 0) expect(lastTime(trigger, afterMs, untilMs), about).toBe(expected.at(-1));
  }
});

test.each([
  // Berlin's clocks go from 02:00 to 03:00 on 29 March 2026, and from 03:00 back to 02:00 on 25 October.
  ['30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', '2026-03-29T01:00:00Z', 'left out: when clocks are moved'],
  ['0,30 2 * * *', 'Europe/Berlin', '2026-03-29T01:00:00Z', '2026-03-30T00:00:00Z', 'however many are left out: once'],
  ['30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', '2026-10-25T00:30:00Z', 'doubled: the first time'],
  ['30 2 * * *', 'Europe/Berlin', '2026-10-25T00:30:00Z', '2026-10-26T01:30:00Z', 'doubled: not again'],
  ['30 * * * *', 'Europe/Berlin', '2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z', 'every hour: both times'],
  ['30 * * * *', 'Europe/Berlin', '2026-03-29T00:30:00Z', '2026-03-29T01:30:00Z', 'every hour: an hour later'],
  ['0 0 * * *', 'America/Sao_Paulo', '2018-11-03T12:00:00Z', '2018-11-04T03:00:00Z', 'a midnight that is left out'],
  ['15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T12:00:00Z', '2026-10-03T15:30:00Z', 'half an hour left out'],
  ['0 0 29 2 *', 'UTC', '2026-01-01T00:00:00Z', '2028-02-29T00:00:00Z', 'leap years'],
  ['0 0 29 2 *', 'UTC', '2096-02-29T00:00:00Z', '2104-02-29T00:00:00Z', '2100 is none'],
  ['0 0 L * *', 'UTC', '2028-02-01T00:00:00Z', '2028-02-29T00:00:00Z', 'the last day of a month'],
  ['0 0 * * 5L', 'UTC', '2026-11-01T00:00:00Z', '2026-11-27T00:00:00Z', 'the last Friday of a month'],
  ['0 0 * * mon#2', 'UTC', '2026-11-01T00:00:00Z', '2026-11-09T00:00:00Z', 'the second Monday of a month'],
  ['0 0 13 * fri', 'UTC', '2026-11-07T00:00:00Z', '2026-11-13T00:00:00Z', 'the 13th or a Friday'],
  ['0 0 1 jul-sep/2 *', 'UTC', '2026-08-01T00:00:00Z', '2026-09-01T00:00:00Z', 'names and steps'],
  ['*/7 * * * * *', 'UTC', '2026-11-01T00:00:56Z', '2026-11-01T00:01:00Z', 'seconds'],
  ['5/20 * * * *', 'UTC', '2026-11-01T00:26:00Z', '2026-11-01T00:45:00Z', 'a step from a value'],
  ['@weekly', 'UTC', '2026-11-21T00:00:00Z', '2026-11-22T00:00:00Z', 'a nickname: Sundays'],
  ['0 0 * * 7', 'UTC', '2026-11-21T00:00:00Z', '2026-11-22T00:00:00Z', 'Sunday is 7 too'],
  ['0 0 30 2 *', 'UTC', '2026-01-01T00:00:00Z', 'never', 'a day that never comes'],
])('%s in %s after %s is due at %s: %s', (expression, zone, after, expected) => {
  expect(next(expression, zone, after)).toBe(expected);
});

test.each([
  ['* * * *', 'has 4 fields'],
  ['60 * * * *', 'minute: "60" is not within 0 … 59'],
  ['* 24 * * *', 'hour: "24"'],
  ['* * 0 * *', 'day of month: "0"'],
  ['* * * 13 *', 'month: "13"'],
  ['* * * * 8', 'day of week: "8"'],
  ['5-1 * * * *', 'goes backwards'],
  ['*/0 * * * *', 'no step from 1'],
  ['1/2/3 * * * *', 'no step'],
  ['1--2 * * * *', 'minute'],
  [', * * * *', 'minute'],
  ['* * * * mon#6', 'day of week: "mon#6"'],
  ['1e1 * * * *', 'minute: "1e1"'],
])('"%s" is refused: %s', (expression, problem) => {
  expect(() => fixTrigger(cron(expression), 0)).toThrow(expect.objectContaining({ code: 'INVALID_JOB' }));
  expect(() => fixTrigger(cron(expression), 0)).toThrow(problem);
});

test('a zone that there is none of is refused by name', () => {
  expect(() => fixTrigger(cron('* * * * *', 'Mars/Olympus'), 0)).toThrow('"Mars/Olympus" is no IANA zone');
});

test('nothing is due before the start or after the end of a trigger', () => {
  const trigger = { ...cron('0 * * * *'), startMs: Date.UTC(2026, 0, 1, 12), endMs: Date.UTC(2026, 0, 1, 14) };
  expect(nextTime(trigger, 0)).toBe(trigger.startMs);
  expect(nextTime(trigger, trigger.endMs - 1)).toBe(trigger.endMs);
  expect(nextTime(trigger, trigger.endMs)).toBeNull();
});
