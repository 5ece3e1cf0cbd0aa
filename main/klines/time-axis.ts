import { DAY_MS, MINUTE_MS } from '../../core/klines/kline-calendar.ts';

/** Where a chart says what time it is, in UTC. */
export interface TimeTick {
  readonly openMs: number; // of the candle that it stands under
  readonly label: string;
  readonly isBold: boolean; // a new day among hours, a new year among days and months
}

const MINUTES = [1, 5, 15, 30, 60, 120, 240, 360, 720];
const DAYS = [1, 2, 7, 14];
const MONTHS = [1, 3, 6, 12, 24, 60, 120, 240];
const MONTH_NAMES = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Ticks stand no closer than this share of the space that each would have, were there as many as may be. */
const CLOSEST = 0.6;

/** @param openMs of all candles, in order @returns ticks at the candles that begin a round time, at most so many */
export function timeTicks(openMs: readonly number[], most: number): TimeTick[] {
  const isFitting = (ticks: readonly number[]): boolean => {
    if (ticks.length < 2 || ticks.length > most) return false;
    const places = ticks.map((moment) => openMs.indexOf(moment));
    const nearest = Math.min(...places.slice(1).map((place, index) => place - places[index]!));
    return nearest >= (CLOSEST * openMs.length) / most;
  };
  for (const minutes of MINUTES) {
    const ticks = openMs.filter((moment) => moment % (minutes * MINUTE_MS) === 0);
    if (!areDays(openMs) && isFitting(ticks)) return ticks.map(clockTick);
  }
  for (const days of DAYS) {
    const ticks = openMs.filter((moment) => moment % DAY_MS === 0 && isRoundDay(dayOfMonth(moment), days));
    if (!areMonths(openMs) && isFitting(ticks)) return ticks.map(dayTick);
  }
  for (const months of MONTHS) {
    const ticks = firstsOf(openMs, (moment) => Math.floor(monthOf(moment) / months));
    if (isFitting(ticks)) return ticks.map(monthTick);
  }
  const tickOf = areMonths(openMs) ? monthTick : areDays(openMs) ? dayTick : clockTick;
  return openMs.slice(0, 1).map(tickOf);
}

function areDays(openMs: readonly number[]): boolean {
  return openMs.every((moment) => moment % DAY_MS === 0);
}

function areMonths(openMs: readonly number[]): boolean {
  return areDays(openMs) && openMs.every((moment) => dayOfMonth(moment) === 1);
}

/** @returns whether it is the 1st, or a whole number of steps after it and not close before the next 1st */
function isRoundDay(day: number, days: number): boolean {
  return (day - 1) % days === 0 && day + days <= 32;
}

/** @returns the first candle of each period; of the first one only where it begins a month, else that may lie before it */
function firstsOf(openMs: readonly number[], periodOf: (moment: number) => number): number[] {
  return openMs.filter((moment, index) =>
    index === 0
      ? areMonths([moment]) && periodOf(moment) !== periodOf(moment - DAY_MS)
      : periodOf(moment) !== periodOf(openMs[index - 1]!),
  );
}

function clockTick(openMs: number): TimeTick {
  const isDay = openMs % DAY_MS === 0;
  return { openMs, label: isDay ? dayText(openMs) : new Date(openMs).toISOString().slice(11, 16), isBold: isDay };
}

function dayTick(openMs: number): TimeTick {
  return { openMs, label: dayText(openMs), isBold: dayOfMonth(openMs) === 1 };
}

function monthTick(openMs: number): TimeTick {
  const date = new Date(openMs);
  const isYear = date.getUTCMonth() === 0;
  return { openMs, label: isYear ? String(date.getUTCFullYear()) : MONTH_NAMES[date.getUTCMonth()]!, isBold: isYear };
}

function dayText(openMs: number): string {
  return `${dayOfMonth(openMs)} ${MONTH_NAMES[new Date(openMs).getUTCMonth()]}`;
}

function dayOfMonth(openMs: number): number {
  return new Date(openMs).getUTCDate();
}

function monthOf(openMs: number): number {
  const date = new Date(openMs);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}
