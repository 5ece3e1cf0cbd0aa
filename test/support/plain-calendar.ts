import type { KlineSize } from '../../core/klines/kline-calendar.ts';

/**
 * Candle intervals worked out slowly, day by day from 1 January 1970, a Thursday, with the rule for leap years and
 * nothing of the system's own calendar.
 */

const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const THURSDAY = 3; // Monday is 0
const DAY_MINUTES = 24 * 60;

export interface PlainDay {
  readonly year: number;
  readonly month: number; // 1 … 12
  readonly day: number; // 1 … 31
  readonly weekday: number; // Monday is 0
  readonly startMs: number;
  readonly weekStartMs: number;
  readonly monthStartMs: number;
}

/** @returns every day of these years, in order */
export function plainDays(firstYear: number, lastYear: number): PlainDay[] {
  const days: PlainDay[] = [];
  let startMs = 0;
  let weekday = THURSDAY;
  let weekStartMs = -THURSDAY * DAY_MINUTES * 60_000;
  for (let year = 1970; year <= lastYear; year++) {
    const isLeapYear = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
    for (const [index, usualDays] of MONTH_DAYS.entries()) {
      const monthDays = index === 1 && isLeapYear ? 29 : usualDays;
      const monthStartMs = startMs;
      for (let day = 1; day <= monthDays; day++) {
        if (weekday === 0) weekStartMs = startMs;
        if (year >= firstYear) days.push({ year, month: index + 1, day, weekday, startMs, weekStartMs, monthStartMs });
        startMs += DAY_MINUTES * 60_000;
        weekday = (weekday + 1) % 7;
      }
    }
  }
  return days;
}

const MINUTES: Readonly<Partial<Record<KlineSize, number>>> = {
  '1m': 1,
  '5m': 5,
  '15m': 15,
  '30m': 30,
  '1h': 60,
  '4h': 240,
  '6h': 360,
  '1d': 1_440,
};

/** @param msOfDay 0 … 86,399,999 @returns the beginning of the interval that this moment of the day lies in */
export function plainStartMs(size: KlineSize, day: PlainDay, msOfDay: number): number {
  if (size === '1w') return day.weekStartMs;
  if (size === '1M') return day.monthStartMs;
  let startMinute = 0;
  while ((startMinute + MINUTES[size]!) * 60_000 <= msOfDay) startMinute += MINUTES[size]!;
  return day.startMs + startMinute * 60_000;
}
