import type { CronFields } from './cron-expression.ts';
import type { LocalMs, TimeZone } from './time-zone.ts';

const DAY_MS = 86_400_000;
/** A 29 February that is a given day of the week comes within 40 years, across 2100 too. */
const MOST_MONTHS = 41 * 12;

/** @returns the first time after an instant that the expression allows; null for none within 41 years */
export function nextCronTime(fields: CronFields, zone: TimeZone, afterMs: number): number | null {
  return fields.followsTime ? nextByTime(fields, zone, afterMs) : nextByClock(fields, zone, afterMs);
}

/** Local times in their order. Their instants never go back: one that is left out has the instant of the move. */
function nextByClock(fields: CronFields, zone: TimeZone, afterMs: number): number | null {
  // What clocks show from here on, also where they were just put back to before a time that is past.
  let localMs: LocalMs | null = zone.localOf(afterMs);
  for (;;) {
    localMs = nextLocal(fields, localMs);
    if (localMs === null) return null;
    const instantMs = zone.instantOf(localMs);
    if (instantMs > afterMs) return instantMs;
  }
}

/** Instants in their order, by what clocks show at each: span by span of equal offset. */
function nextByTime(fields: CronFields, zone: TimeZone, afterMs: number): number | null {
  for (let fromMs = afterMs; ; ) {
    const { endMs, offsetMs } = zone.spanAt(fromMs + 1);
    const localMs = nextLocal(fields, fromMs + offsetMs);
    if (localMs === null) return null;
    if (localMs - offsetMs < endMs) return localMs - offsetMs;
    fromMs = endMs - 1;
  }
}

/** @returns the first local time after another one that all fields allow */
function nextLocal(fields: CronFields, afterMs: LocalMs): LocalMs | null {
  const { seconds, minutes, hours } = fields;
  const firstDayMs = Math.floor(afterMs / DAY_MS) * DAY_MS;
  const secondOfDay = Math.floor((afterMs - firstDayMs) / 1_000);
  if (allowsDayOf(fields, firstDayMs)) {
    const later = nextTimeOfDay(fields, secondOfDay);
    if (later !== null) return firstDayMs + later * 1_000;
  }
  const dayMs = nextDay(fields, firstDayMs);
  return dayMs === null ? null : dayMs + (hours[0]! * 3_600 + minutes[0]! * 60 + seconds[0]!) * 1_000;
}

function allowsDayOf({ months, allowsDay }: CronFields, dayMs: LocalMs): boolean {
  const date = new Date(dayMs);
  const month = date.getUTCMonth();
  return (
    months.includes(month + 1) &&
    allowsDay(date.getUTCDate(), daysOfMonth(date.getUTCFullYear(), month), date.getUTCDay())
  );
}

/** @returns seconds since midnight of the first time of a day after another, null for none */
function nextTimeOfDay({ seconds, minutes, hours }: CronFields, after: number): number | null {
  const afterHour = Math.floor(after / 3_600);
  const afterMinute = Math.floor(after / 60) % 60;
  for (const hour of hours) {
    if (hour < afterHour) continue;
    for (const minute of minutes) {
      if (hour === afterHour && minute < afterMinute) continue;
      for (const second of seconds) {
        const time = hour * 3_600 + minute * 60 + second;
        if (time > after) return time;
      }
    }
  }
  return null;
}

/** @returns the first day after another that month, day of month and day of week allow */
function nextDay({ months, allowsDay }: CronFields, afterDayMs: LocalMs): LocalMs | null {
  const after = new Date(afterDayMs);
  const firstMonth = after.getUTCFullYear() * 12 + after.getUTCMonth();
  for (let count = 0; count <= MOST_MONTHS; count++) {
    const year = Math.floor((firstMonth + count) / 12);
    const month = (firstMonth + count) % 12;
    if (!months.includes(month + 1)) continue;
    const days = daysOfMonth(year, month);
    const firstWeekday = new Date(Date.UTC(year, month, 1)).getUTCDay();
    for (let day = count === 0 ? after.getUTCDate() + 1 : 1; day <= days; day++)
      if (allowsDay(day, days, (firstWeekday + day - 1) % 7)) return Date.UTC(year, month, day);
  }
  return null;
}

/** @param month 0 … 11 */
export function daysOfMonth(year: number, month: number): number {
  return new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
}
