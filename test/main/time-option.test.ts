import { afterEach, beforeEach, expect, test } from 'vitest';
import { timeOption } from '../../main/time-option.ts';

const zone = process.env.TZ;
beforeEach(() => {
  process.env.TZ = 'America/New_York';
});
afterEach(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

test.each([
  ['2026-11-21', Date.UTC(2026, 10, 21)],
  ['2026-11-21T16:00', Date.UTC(2026, 10, 21, 16)],
  ['2026-11-21T16:00:05.5', Date.UTC(2026, 10, 21, 16, 0, 5, 500)],
  ['2026-11-21T16:00:05Z', Date.UTC(2026, 10, 21, 16, 0, 5)],
  ['2026-11-21T16:00+02:00', Date.UTC(2026, 10, 21, 14)],
  ['1795276800000', 1_795_276_800_000],
  ['0', 0],
])('%s is a moment in UTC, whatever zone the host is in', (text, expected) => {
  expect(timeOption(text)).toBe(expected);
});

test.each(['tomorrow', 'Dec 31 2026', '2026-02-30', '2026-13-01', '2026-11-21T25:00', '1969-12-31', '-5', '1e3', ''])(
  '"%s" is refused, and it is said what is taken',
  (text) => {
    expect(() => timeOption(text)).toThrow('in UTC');
  },
);
