import { JobRefusedError } from '../../core/ports/jobs.ts';

/**
 * What a cron expression says, as the values that each field allows. Fields: [second] minute hour day-of-month month
 * day-of-week. A field is a list of `*`, `?` (the same), `a`, `a-b`, each with `/step`; months and days of the week go by
 * name too (jan, mon); Sunday is 0 or 7. Days of the month may be `L`, the last; days of the week `5L`, the month's last
 * Friday, or `1#2`, its second Monday. When both are restricted a day that fits either fits, as in crontab(5).
 */
export interface CronFields {
  readonly seconds: readonly number[]; // all sorted, without repeats
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly months: readonly number[]; // 1 … 12
  readonly followsTime: boolean; // every hour of the day: see CronTrigger
  /** @param daysInMonth of that month @param weekday of that day, 0 for Sunday */
  allowsDay(day: number, daysInMonth: number, weekday: number): boolean;
}

const NICKNAMES: Readonly<Record<string, string>> = {
  '@yearly': '0 0 0 1 1 *',
  '@annually': '0 0 0 1 1 *',
  '@monthly': '0 0 0 1 * *',
  '@weekly': '0 0 0 * * 0',
  '@daily': '0 0 0 * * *',
  '@midnight': '0 0 0 * * *',
  '@hourly': '0 0 * * * *',
};
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

interface Field {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly names?: readonly string[]; // of from, from + 1, …
}
const SECOND: Field = { name: 'second', from: 0, to: 59 };
const MINUTE: Field = { name: 'minute', from: 0, to: 59 };
const HOUR: Field = { name: 'hour', from: 0, to: 23 };
const DAY: Field = { name: 'day of month', from: 1, to: 31 };
const MONTH: Field = { name: 'month', from: 1, to: 12, names: MONTHS };
const WEEKDAY: Field = { name: 'day of week', from: 0, to: 7, names: WEEKDAYS };

/** @throws JobRefusedError that names the field */
export function parseCronExpression(expression: string): CronFields {
  const words = (NICKNAMES[expression.trim().toLowerCase()] ?? expression).trim().split(/\s+/);
  if (words.length === 5) words.unshift('0');
  if (words.length !== 6)
    refuse(`"${expression}" has ${words.length} fields: five, or six with seconds first, or one of @hourly … @yearly`);
  const [seconds, minutes, hours, days, months, weekdays] = words as [string, string, string, string, string, string];
  const parsedHours = parseList(HOUR, hours);
  return {
    seconds: parseList(SECOND, seconds),
    minutes: parseList(MINUTE, minutes),
    hours: parsedHours,
    months: parseList(MONTH, months),
    followsTime: parsedHours.length === 24,
    allowsDay: parseDays(days, weekdays),
  };
}

function parseDays(days: string, weekdays: string): CronFields['allowsDay'] {
  const isLast = days.split(',').some((item) => item.toLowerCase() === 'l');
  const plainDays = new Set(
    parseItems(
      DAY,
      days.split(',').filter((item) => item.toLowerCase() !== 'l'),
    ),
  );
  const special = weekdays.split(',').filter((item) => /[#l]/i.test(item) && !MONTHS_OR_DAYS.test(item));
  const rules = special.map(parseWeekdayRule);
  const plainWeekdays = new Set(
    parseItems(
      WEEKDAY,
      weekdays.split(',').filter((item) => !special.includes(item)),
    ).map((day) => day % 7),
  );
  const allowsDate = (day: number, daysInMonth: number): boolean =>
    plainDays.has(day) || (isLast && day === daysInMonth);
  const allowsWeekday: CronFields['allowsDay'] = (day, daysInMonth, weekday) =>
    plainWeekdays.has(weekday) || rules.some((rule) => rule(day, daysInMonth, weekday));
  if (isAny(days)) return allowsWeekday;
  if (isAny(weekdays)) return allowsDate;
  return (day, daysInMonth, weekday) => allowsDate(day, daysInMonth) || allowsWeekday(day, daysInMonth, weekday);
}

/** Names that hold an l, such as jul, are no `L`. */
const MONTHS_OR_DAYS = new RegExp(`^(${[...MONTHS, ...WEEKDAYS].join('|')})(-|/|$)`, 'i');

function parseWeekdayRule(item: string): CronFields['allowsDay'] {
  const [, wanted = '', hash, nth] =
    /^([a-z0-9]+?)(?:(#)([1-5])|l)$/i.exec(item) ?? refuse(`day of week: "${item}" is none`);
  const wantedWeekday = parseValue(WEEKDAY, wanted) % 7;
  if (hash === undefined) return (day, daysInMonth, weekday) => weekday === wantedWeekday && day > daysInMonth - 7;
  return (day, _daysInMonth, weekday) => weekday === wantedWeekday && Math.ceil(day / 7) === Number(nth);
}

function isAny(field: string): boolean {
  return field === '*' || field === '?';
}

function parseList(field: Field, text: string): number[] {
  return parseItems(field, text.split(','));
}

function parseItems(field: Field, items: readonly string[]): number[] {
  const values = new Set<number>();
  for (const item of items) {
    const [range = '', step = '1', ...rest] = item.split('/');
    if (rest.length > 0 || !/^[1-9][0-9]{0,3}$/.test(step))
      refuse(`${field.name}: "${item}" has no step from 1 behind its /`);
    const { from, to } = parseRange(field, range, item.includes('/'));
    for (let value = from; value <= to; value += Number(step)) values.add(value);
  }
  return [...values].sort((a, b) => a - b);
}

/** @param hasStep `5/10` means 5-59/10 */
function parseRange(field: Field, text: string, hasStep: boolean): { from: number; to: number } {
  if (isAny(text)) return field;
  const [first = '', last, ...rest] = text.split('-');
  if (rest.length > 0) refuse(`${field.name}: "${text}" is no range`);
  const from = parseValue(field, first);
  if (last === undefined) return { from, to: hasStep ? field.to : from };
  const to = parseValue(field, last);
  if (to < from) refuse(`${field.name}: "${text}" goes backwards; write two ranges with a comma`);
  return { from, to };
}

function parseValue(field: Field, text: string): number {
  const named = field.names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return named + field.from;
  const value = /^[0-9]{1,2}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= field.from && value <= field.to))
    refuse(`${field.name}: "${text}" is not within ${field.from} … ${field.to}`);
  return value;
}

function refuse(problem: string): never {
  throw new JobRefusedError('INVALID_JOB', `cron expression: ${problem}`);
}
