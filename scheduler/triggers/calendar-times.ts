import type { CalendarTrigger } from '../../core/ports/jobs.ts';
import { daysOfMonth } from './cron-times.ts';
import { type LocalMs, TimeZone } from './time-zone.ts';

const DAY_MS = 86_400_000;
/** 29 February alone, every so many years at most, comes within eight times so many. */
const MOST_STEPS = 8 * 12;

/** A calendar trigger as it is kept: nothing is left to be chosen. */
export type FixedCalendarTrigger = Required<Omit<CalendarTrigger, 'endMs'>>;

/** @returns the first time after an instant, null for none within reason */
export function nextCalendarTime(trigger: FixedCalendarTrigger, afterMs: number): number | null {
  const zone = TimeZone.of(trigger.timeZone);
  const timeOfDayMs = parseTimeOfDay(trigger.timeOfDay)!;
  const firstStep = Math.max(0, stepsBefore(trigger, zone.localOf(afterMs)));
  for (let step = firstStep; step <= firstStep + MOST_STEPS; step++) {
    const dayMs = dayOf(trigger, step);
    if (dayMs === null) continue;
    const instantMs = zone.instantOf(dayMs + timeOfDayMs);
    if (instantMs > afterMs) return instantMs;
  }
  return null;
}

/** @returns a number of steps that lies before a local time, by two at least: clocks that are moved make a day's difference */
function stepsBefore({ unit, every, startDate }: FixedCalendarTrigger, localMs: LocalMs): number {
  const startMs = Date.parse(`${startDate}T00:00:00Z`);
  if (unit === 'day' || unit === 'week') {
    const stepMs = every * (unit === 'week' ? 7 : 1) * DAY_MS;
    return Math.floor((localMs - startMs) / stepMs) - 2;
  }
  const monthsPerStep = every * (unit === 'year' ? 12 : 1);
  return Math.floor((monthNumber(new Date(localMs)) - monthNumber(new Date(startMs))) / monthsPerStep) - 2;
}

/** @returns midnight of the day that so many steps lead to; null when its month has no such day and that is left out */
function dayOf({ unit, every, startDate, missingDay }: FixedCalendarTrigger, step: number): LocalMs | null {
  const start = new Date(`${startDate}T00:00:00Z`);
  if (unit === 'day' || unit === 'week') return start.getTime() + step * every * (unit === 'week' ? 7 : 1) * DAY_MS;
  const months = monthNumber(start) + step * every * (unit === 'year' ? 12 : 1);
  const year = Math.floor(months / 12);
  const days = daysOfMonth(year, months % 12);
  if (start.getUTCDate() > days && missingDay === 'skip') return null;
  return Date.UTC(year, months % 12, Math.min(start.getUTCDate(), days));
}

function monthNumber(date: Date): number {
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

/** @returns milliseconds since midnight; null for what is no HH:MM or HH:MM:SS */
export function parseTimeOfDay(text: string): number | null {
  const [, hours, minutes, seconds = '0'] = /^([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?$/.exec(text) ?? [];
  return hours === undefined ? null : ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1_000;
}
