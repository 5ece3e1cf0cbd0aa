import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import {
  DAY_MS,
  intervalEndMs,
  intervalStartMs,
  KLINE_SIZES,
  type KlineSize,
  PART_SIZE,
  shiftedStartMs,
} from '../../../core/klines/kline-calendar.ts';
import { plainDays, plainStartMs } from '../../support/plain-calendar.ts';

/** Ends of days, hours, minutes, and what lies just beside them. */
const MOMENTS_OF_DAY = [
  ...[0, 1, 59_999, 60_000, 299_999, 300_000, 899_999, 1_800_000, 3_599_999, 3_600_000],
  ...[4 * 3_600_000 - 1, 4 * 3_600_000, 6 * 3_600_000 - 1, 6 * 3_600_000, 12 * 3_600_000, DAY_MS - 60_000, DAY_MS - 1],
];

describe.each(KLINE_SIZES)('%s', (size) => {
  test('every day of 2015 to 2040 begins and ends its intervals where a slow computation does', () => {
    const days = plainDays(2015, 2041);
    const startsLater: number[] = [];
    for (const day of days) {
      if (day.year === 2041) break;
      for (const msOfDay of MOMENTS_OF_DAY) {
        const startMs = intervalStartMs(size, day.startMs + msOfDay);
        if (startMs !== plainStartMs(size, day, msOfDay))
          expect.fail(`${size}: ${day.year}-${day.month}-${day.day} + ${msOfDay} ms begins at ${startMs}`);
        if (startsLater.at(-1) !== startMs) startsLater.push(startMs);
      }
    }
    expect(startsLater).toEqual([...new Set(startsLater)].sort((one, other) => one - other));
  });

  test('an interval ends where the next one begins, and steps back and forth meet', () => {
    for (const { startMs: dayMs, year } of plainDays(2015, 2040)) {
      const startMs = intervalStartMs(size, dayMs);
      const endMs = intervalEndMs(size, dayMs);
      if (intervalStartMs(size, endMs) !== endMs || intervalStartMs(size, endMs - 1) !== startMs)
        expect.fail(`${size}: ${startMs} … ${endMs} in ${year}`);
      if (
        shiftedStartMs(size, endMs, -1) !== startMs ||
        shiftedStartMs(size, shiftedStartMs(size, startMs, 7), -7) !== startMs
      )
        expect.fail(`${size}: steps from ${startMs} in ${year}`);
    }
  });

  test('is a whole number of its parts', () => {
    if (size === '1m') return expect(intervalEndMs(size, 0)).toBe(60_000);
    const part = PART_SIZE[size];
    expect(KLINE_SIZES.indexOf(part)).toBeLessThan(KLINE_SIZES.indexOf(size));
    for (const { startMs: dayMs } of plainDays(2015, 2040)) {
      const startMs = intervalStartMs(size, dayMs);
      if (intervalStartMs(part, startMs) !== startMs) expect.fail(`${size}: no ${part} begins at ${startMs}`);
    }
  });
});

test.each<[size: KlineSize, moment: string, start: string, end: string]>([
  ['1w', '2024-12-31T23:59:59.999Z', '2024-12-30', '2025-01-06'], // a week over the end of a year
  ['1w', '2017-01-01T00:00:00.000Z', '2016-12-26', '2017-01-02'], // a Sunday
  ['1w', '2018-01-01T00:00:00.000Z', '2018-01-01', '2018-01-08'], // a Monday
  ['1M', '2024-02-29T12:00:00.000Z', '2024-02-01', '2024-03-01'],
  ['1M', '2023-02-28T23:59:59.999Z', '2023-02-01', '2023-03-01'],
  ['1M', '2038-01-19T03:14:08.000Z', '2038-01-01', '2038-02-01'], // beyond 32-bit seconds
  ['1M', '2040-12-31T23:59:59.999Z', '2040-12-01', '2041-01-01'],
  ['1d', '2028-02-29T23:59:59.999Z', '2028-02-29', '2028-03-01'],
])('the %s of %s is %s to %s', (size, moment, start, end) => {
  expect(new Date(intervalStartMs(size, Date.parse(moment))).toISOString()).toBe(`${start}T00:00:00.000Z`);
  expect(new Date(intervalEndMs(size, Date.parse(moment))).toISOString()).toBe(`${end}T00:00:00.000Z`);
});

const SCRIPT = fileURLToPath(new URL('./intervals-in-zone.ts', import.meta.url));

test.each([
  ['America/New_York', 2],
  ['Australia/Lord_Howe', 2], // changes its clock by half an hour
  ['Europe/Berlin', 2],
])('a host in %s has the intervals of a host in UTC', { timeout: 60_000 }, async (zone, offsetCount) => {
  const run = async (TZ: string): Promise<{ offsets: number[]; intervals: number[][][] }> => {
    const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT], {
      env: { ...process.env, TZ },
      maxBuffer: 2 ** 26,
    });
    return JSON.parse(stdout);
  };
  const [there, utc] = await Promise.all([run(zone), run('UTC')]);
  expect(utc.offsets).toEqual([0]);
  expect(there.offsets.length).toBe(offsetCount); // the child really runs in that zone
  expect(there.offsets).not.toEqual([0]);
  expect(there.intervals).toEqual(utc.intervals);
});
