import { fail } from '../../core/assert.ts';
import type { CombinedTrigger, IntervalTrigger, Trigger } from '../../core/ports/jobs.ts';
import { type FixedCalendarTrigger, nextCalendarTime } from './calendar-times.ts';
import { type CronFields, parseCronExpression } from './cron-expression.ts';
import { nextCronTime } from './cron-times.ts';
import { TimeZone } from './time-zone.ts';

export const DEFAULT_TOLERANCE_MS = 1_000;
/** The last day of the year 9999: later ones have no four digits. Nothing is due after it. */
export const LAST_MS = Date.UTC(9999, 11, 31);
/** A meeting is looked for no further ahead than a cron expression's day. */
const LONGEST_SEARCH_MS = 41 * 366 * 86_400_000;
const MOST_QUESTIONS = 10_000;
const MOST_EXPRESSIONS_KEPT = 10_000;

/** Bounds the search for a time at which all of `and` meet, on all levels together: each question to a member takes one. */
export class MeetingSearch {
  #questions = MOST_QUESTIONS;

  get isOver(): boolean {
    return this.#questions <= 0;
  }

  ask(members: readonly Trigger[], afterMs: number): (number | null)[] {
    this.#questions -= members.length;
    return members.map((one) => nextTime(one, afterMs, this));
  }
}

/**
 * A job's times as a pure function: no clock, no state. The trigger must have been fixed (fixed-trigger.ts).
 * @param search is over afterwards if there may be a time that was not found
 * @returns the first time after an instant, null for none
 */
export function nextTime(trigger: Trigger, afterMs: number, search = new MeetingSearch()): number | null {
  const timeMs = firstAfter(trigger, afterMs, search);
  const endMs = 'endMs' in trigger ? Math.min(trigger.endMs ?? LAST_MS, LAST_MS) : LAST_MS;
  return timeMs === null || timeMs > endMs ? null : timeMs;
}

/**
 * @param afterMs at which the trigger has a time still to come, at or before `untilMs`
 * @returns the newest time at or before an instant, in as many questions as the span has bits
 */
export function lastTime(trigger: Trigger, afterMs: number, untilMs: number): number {
  let low = afterMs; // a time at or before `untilMs` lies behind it
  let high = untilMs; // none does
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    const timeMs = nextTime(trigger, middle);
    if (timeMs !== null && timeMs <= untilMs) low = middle;
    else high = middle;
  }
  return nextTime(trigger, low) ?? fail(`no time after ${low} of ${JSON.stringify(trigger)}`);
}

function firstAfter(trigger: Trigger, afterMs: number, search: MeetingSearch): number | null {
  switch (trigger.type) {
    case 'date':
      return trigger.atMs > afterMs ? trigger.atMs : null;
    case 'interval':
      return nextOfInterval(trigger, afterMs);
    case 'cron': {
      const { expression, timeZone = 'UTC', startMs } = trigger;
      const fromMs = Math.max(afterMs, (startMs ?? afterMs + 1) - 1);
      return nextCronTime(cronFields(expression), TimeZone.of(timeZone), fromMs);
    }
    case 'calendar':
      return nextCalendarTime(trigger as FixedCalendarTrigger, afterMs);
    case 'or':
      return earliest(trigger.triggers.map((one) => nextTime(one, afterMs, search)));
    case 'and':
      return nextMeeting(trigger, afterMs, search);
  }
}

function nextOfInterval(
  { everyMs, startMs = fail('an interval without its start') }: IntervalTrigger,
  afterMs: number,
): number {
  if (afterMs < startMs) return startMs;
  return startMs + (Math.floor((afterMs - startMs) / everyMs) + 1) * everyMs;
}

/** A time of one at which each other one has been due within the tolerance: whoever has not tells the next candidate. */
function nextMeeting(
  { triggers, toleranceMs = DEFAULT_TOLERANCE_MS }: CombinedTrigger,
  afterMs: number,
  search: MeetingSearch,
): number | null {
  let meetingMs = earliest(search.ask(triggers, afterMs));
  if (meetingMs === null) return null;
  for (const lastMs = meetingMs + LONGEST_SEARCH_MS; meetingMs <= lastMs && !search.isOver; ) {
    const times = search.ask(triggers, meetingMs - toleranceMs - 1);
    if (times.includes(null)) return null;
    const latestMs = Math.max(...(times as number[]));
    if (latestMs <= meetingMs) return meetingMs;
    meetingMs = latestMs;
  }
  return null;
}

function earliest(times: readonly (number | null)[]): number | null {
  return times.reduce((first, time) => (first === null || (time !== null && time < first) ? time : first), null);
}

const EXPRESSIONS = new Map<string, CronFields>();

function cronFields(expression: string): CronFields {
  let fields = EXPRESSIONS.get(expression);
  if (fields === undefined) {
    if (EXPRESSIONS.size >= MOST_EXPRESSIONS_KEPT) EXPRESSIONS.clear();
    fields = parseCronExpression(expression);
    EXPRESSIONS.set(expression, fields);
  }
  return fields;
}
