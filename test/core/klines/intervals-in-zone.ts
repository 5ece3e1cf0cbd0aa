import { intervalEndMs, intervalStartMs, KLINE_SIZES } from '../../../core/klines/kline-calendar.ts';

/** Run in a process of its own, with TZ set: prints the zone's offsets, and every interval around its clock changes. */
const moments: number[] = [];
for (let year = 2015; year <= 2040; year++)
  for (let hour = 0; hour < 366 * 24; hour += 7) moments.push(Date.UTC(year, 0, 1) + hour * 3_600_000 + 1_234_567);
const offsets = [...new Set(moments.map((moment) => new Date(moment).getTimezoneOffset()))].sort();
const intervals = moments.map((moment) =>
  KLINE_SIZES.map((size) => [intervalStartMs(size, moment), intervalEndMs(size, moment)]),
);
console.log(JSON.stringify({ offsets, intervals }));
