import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SystemTimekeeper } from '../../scheduler/timekeeper.ts';

const NOON_MS = Date.UTC(2026, 5, 15, 12);
const DAY_MS = 86_400_000;

/** The real alarm, node-schedule within, on clocks of vitest. */
let time: SystemTimekeeper;
let rings: number;
const ring = (): void => {
  rings += 1;
};
beforeEach(() => {
  vi.useFakeTimers({ now: NOON_MS });
  time = new SystemTimekeeper();
  rings = 0;
});
afterEach(() => {
  time.cancelWake();
  vi.useRealTimers();
});

test('an alarm rings once, at its time and not before, also weeks ahead', () => {
  time.wakeAt(NOON_MS + 40 * DAY_MS, ring);
  vi.advanceTimersByTime(40 * DAY_MS - 1);
  expect(rings).toBe(0);
  vi.advanceTimersByTime(2);
  expect(rings).toBe(1);
  vi.advanceTimersByTime(80 * DAY_MS);
  expect(rings).toBe(1);
});

test('a later alarm replaces the one before, and one that is cancelled never rings', () => {
  time.wakeAt(NOON_MS + 1_000, ring);
  time.wakeAt(NOON_MS + 2_000, ring);
  vi.advanceTimersByTime(1_500);
  expect(rings).toBe(0);
  vi.advanceTimersByTime(1_000);
  expect(rings).toBe(1);
  time.wakeAt(NOON_MS + 5_000, ring);
  time.cancelWake();
  vi.advanceTimersByTime(10_000);
  expect(rings).toBe(1);
});

test('an alarm for a time that is past rings at once, once', () => {
  time.wakeAt(NOON_MS - 3_600_000, ring);
  vi.advanceTimersByTime(10);
  expect(rings).toBe(1);
});

test('two timekeepers do not ring for one another', () => {
  const other = new SystemTimekeeper();
  let otherRings = 0;
  time.wakeAt(NOON_MS + 1_000, ring);
  other.wakeAt(NOON_MS + 2_000, () => {
    otherRings += 1;
  });
  time.cancelWake();
  vi.advanceTimersByTime(3_000);
  expect([rings, otherRings]).toEqual([0, 1]);
});
