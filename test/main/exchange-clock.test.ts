import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import { afterEach, expect, test, vi } from 'vitest';
import { ExchangeClock } from '../../main/exchange-clock.ts';

afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
});

const HOUR_MS = 3_600_000;

/** A wall clock, a monotonic timer and sleep of the host, which the test turns by hand. */
function mockTime(wallMs: number): { wallMs: number; monotonicMs: number; sleptMs: number } {
  const time = { wallMs, monotonicMs: 500, sleptMs: 0 };
  vi.spyOn(Date, 'now').mockImplementation(() => time.wallMs);
  vi.spyOn(performance, 'now').mockImplementation(() => time.monotonicMs);
  // In steps of 10 ms, as Linux tells it.
  vi.spyOn(os, 'uptime').mockImplementation(() => Math.floor((time.monotonicMs + time.sleptMs) / 10) / 100);
  syncBuiltinESMExports();
  return time;
}

test.each([HOUR_MS, -HOUR_MS])('a wall clock moved by %i ms while the exchange runs changes nothing', (stepMs) => {
  const time = mockTime(1_760_000_000_000);
  const clock = new ExchangeClock();
  time.wallMs += stepMs;
  time.monotonicMs += 1_234.9;
  expect(clock.nowMs()).toBe(1_760_000_001_234);
});

test('a start after the wall clock was set back goes on from the last journalled time', () => {
  const time = mockTime(1_760_000_000_000);
  const clock = new ExchangeClock();
  clock.notBefore(1_760_000_000_000 + HOUR_MS);
  expect(clock.nowMs()).toBe(1_760_000_000_000 + HOUR_MS);
  time.monotonicMs += 10;
  expect(clock.nowMs()).toBe(1_760_000_000_010 + HOUR_MS);
  clock.notBefore(1_760_000_000_000);
  expect(clock.nowMs()).toBe(1_760_000_000_010 + HOUR_MS);
});

test('a host that slept is as late as it slept, noticed within a second, and stays so', () => {
  const time = mockTime(1_760_000_000_000);
  const clock = new ExchangeClock();
  for (let slept = 1; slept <= 3; slept++) {
    time.sleptMs += HOUR_MS;
    time.monotonicMs += 1_000;
    const lateMs = 1_760_000_000_000 + slept * (HOUR_MS + 1_000) - clock.nowMs();
    expect(Math.abs(lateMs), `${slept}`).toBeLessThanOrEqual(10);
  }
  time.wallMs = 0;
  const beforeMs = clock.nowMs();
  time.monotonicMs += 60_000;
  expect(clock.nowMs(), 'an uptime that goes on with the timer adds nothing').toBe(beforeMs + 60_000);
});

test('times after 2038 are whole milliseconds too', () => {
  mockTime(Date.UTC(2038, 0, 19, 3, 14, 8) + 1);
  expect(new ExchangeClock().nowMs()).toBe(2 ** 31 * 1_000 + 1);
});
