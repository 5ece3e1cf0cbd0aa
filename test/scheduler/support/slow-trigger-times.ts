/**
 * Times of triggers the slow and obvious way, with nothing of the program's own: minute by minute, each minute asked of
 * Intl what a clock on the wall shows, and whether it showed that before.
 */

const MINUTE_MS = 60_000;
const FOLD_MINUTES = 3 * 60; // no clock is put back by more in the years of the tests

const FORMATS = new Map<string, Intl.DateTimeFormat>();

/** @returns what the zone's clocks show at an instant: 2026-03-29T01:59 */
export function wallClock(zone: string, instantMs: number): string {
  let format = FORMATS.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('sv-SE', {
      timeZone: zone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
    });
    FORMATS.set(zone, format);
  }
  return format.format(instantMs).replace(' ', 'T');
}

/** @returns the label one minute later on a clock that nobody moves */
function minuteAfter(label: string): string {
  return new Date(Date.parse(`${label}:00Z`) + MINUTE_MS).toISOString().slice(0, 16);
}

/** What each minute from `fromMs` (a whole one) shows for the first time; a minute after a gap stands for all of it. */
function* firstShown(zone: string, fromMs: number, minutes: number): Generator<{ atMs: number; labels: string[] }> {
  const seen = new Set<string>();
  for (let back = FOLD_MINUTES; back > 0; back--) seen.add(wallClock(zone, fromMs - back * MINUTE_MS));
  let before = wallClock(zone, fromMs - MINUTE_MS);
  for (let minute = 0; minute < minutes; minute++) {
    const atMs = fromMs + minute * MINUTE_MS;
    const label = wallClock(zone, atMs);
    const labels: string[] = [];
    if (label > before) for (let next = minuteAfter(before); next <= label; next = minuteAfter(next)) labels.push(next);
    before = label;
    yield { atMs, labels: labels.filter((one) => !seen.has(one)) };
    for (const one of [label, ...labels]) seen.add(one);
  }
}

export type Matches = (label: string) => boolean;

/** @returns the first times after an instant at which clocks show, or leave out, what matches for the first time */
export function timesByClock(zone: string, matches: Matches, afterMs: number, minutes: number): number[] {
  const fromMs = Math.floor(afterMs / MINUTE_MS) * MINUTE_MS + MINUTE_MS;
  const times: number[] = [];
  for (const { atMs, labels } of firstShown(zone, fromMs, minutes)) if (labels.some(matches)) times.push(atMs);
  return times;
}

/** @returns every minute after an instant at which clocks show what matches, again or not */
export function timesByTime(zone: string, matches: Matches, afterMs: number, minutes: number): number[] {
  const fromMs = Math.floor(afterMs / MINUTE_MS) * MINUTE_MS + MINUTE_MS;
  return Array.from({ length: minutes }, (_, minute) => fromMs + minute * MINUTE_MS).filter((atMs) =>
    matches(wallClock(zone, atMs)),
  );
}

/** One field of a cron expression of whole minutes, as the values that are allowed: null for any. */
export interface PlainCron {
  readonly minutes: readonly number[] | null;
  readonly hours: readonly number[] | null;
  readonly days: readonly number[] | null;
  readonly months: readonly number[] | null;
  readonly weekdays: readonly number[] | null; // 0 for Sunday
}

export function cronText({ minutes, hours, days, months, weekdays }: PlainCron): string {
  return [minutes, hours, days, months, weekdays].map((values) => values?.join(',') ?? '*').join(' ');
}

export function matchesCron(cron: PlainCron): Matches {
  const allows = (values: readonly number[] | null, value: number): boolean =>
    values === null || values.includes(value);
  return (label) => {
    const date = new Date(`${label}:00Z`);
    const isDay = allows(cron.days, date.getUTCDate());
    const isWeekday = allows(cron.weekdays, date.getUTCDay());
    const isDate = cron.days !== null && cron.weekdays !== null ? isDay || isWeekday : isDay && isWeekday;
    return (
      isDate &&
      allows(cron.months, date.getUTCMonth() + 1) &&
      allows(cron.hours, date.getUTCHours()) &&
      allows(cron.minutes, date.getUTCMinutes())
    );
  };
}
