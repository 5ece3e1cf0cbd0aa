import { JobRefusedError, type Trigger } from '../../core/ports/jobs.ts';
import { parseTimeOfDay } from './calendar-times.ts';
import { parseCronExpression } from './cron-expression.ts';
import { TimeZone } from './time-zone.ts';
import { DEFAULT_TOLERANCE_MS, LAST_MS } from './trigger-times.ts';

const MOST_MEMBERS = 16;
const MOST_DEPTH = 4;
const MOST_EVERY = 10_000;

/**
 * A trigger with everything that it left to its adding said, so that its times never depend on when they are asked for.
 * @param nowMs when it is added
 * @throws JobRefusedError that names what is wrong
 */
export function fixTrigger(trigger: Trigger, nowMs: number, depth = 0): Trigger {
  switch (trigger.type) {
    case 'date':
      requireTime('atMs', trigger.atMs);
      return trigger;
    case 'interval': {
      const { everyMs, startMs = nowMs + everyMs, endMs } = trigger;
      if (!(Number.isSafeInteger(everyMs) && everyMs >= 1)) refuse(`everyMs: ${everyMs} is no whole number from 1`);
      requireSpan(startMs, endMs);
      return { ...trigger, startMs };
    }
    case 'cron': {
      const { expression, timeZone = 'UTC', startMs, endMs } = trigger;
      parseCronExpression(expression);
      TimeZone.of(timeZone);
      requireSpan(startMs, endMs);
      return { ...trigger, timeZone };
    }
    case 'calendar': {
      const { every, timeOfDay, timeZone = 'UTC', endMs, missingDay = 'last' } = trigger;
      if (!(Number.isSafeInteger(every) && every >= 1 && every <= MOST_EVERY))
        refuse(`every: ${every} is no whole number within 1 … ${MOST_EVERY}`);
      if (parseTimeOfDay(timeOfDay) === null) refuse(`timeOfDay: "${timeOfDay}" is no HH:MM or HH:MM:SS`);
      const today = new Date(TimeZone.of(timeZone).localOf(nowMs)).toISOString().slice(0, 10);
      const { startDate = today } = trigger;
      if (!isDate(startDate)) refuse(`startDate: "${startDate}" is no day such as 2026-01-31`);
      requireSpan(undefined, endMs);
      return { ...trigger, timeZone, startDate, missingDay };
    }
    case 'or':
    case 'and': {
      const { triggers, toleranceMs = DEFAULT_TOLERANCE_MS } = trigger;
      if (triggers.length < 1 || triggers.length > MOST_MEMBERS) refuse(`triggers: 1 to ${MOST_MEMBERS} of them`);
      if (depth >= MOST_DEPTH) refuse(`triggers: ${MOST_DEPTH} levels at most`);
      if (!(Number.isSafeInteger(toleranceMs) && toleranceMs >= 0)) refuse(`toleranceMs: ${toleranceMs} is no span`);
      return { ...trigger, triggers: triggers.map((one) => fixTrigger(one, nowMs, depth + 1)), toleranceMs };
    }
  }
}

function requireSpan(startMs: number | undefined, endMs: number | undefined): void {
  if (startMs !== undefined) requireTime('startMs', startMs);
  if (endMs !== undefined) requireTime('endMs', endMs);
  if (startMs !== undefined && endMs !== undefined && endMs < startMs) refuse('endMs: lies before startMs');
}

function requireTime(field: string, timeMs: number): void {
  if (!(Number.isSafeInteger(timeMs) && timeMs >= 0 && timeMs <= LAST_MS))
    refuse(`${field}: ${timeMs} is no time in milliseconds since 1970`);
}

function isDate(text: string): boolean {
  const timeMs = Date.parse(`${text}T00:00:00Z`);
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && timeMs >= 0 && new Date(timeMs).toISOString().startsWith(text);
}

function refuse(problem: string): never {
  throw new JobRefusedError('INVALID_JOB', `trigger: ${problem}`);
}
