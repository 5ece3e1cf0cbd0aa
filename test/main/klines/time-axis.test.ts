import { expect, test } from 'vitest';
import { intervalStartMs, KLINE_SIZES, shiftedStartMs } from '../../../core/klines/kline-calendar.ts';
import { timeTicks } from '../../../main/klines/time-axis.ts';
import { RandomIntegers } from '../../support/random-integers.ts';

const MOST = 12;
const PLOT_PIXELS = 1_060;
const LABEL_PIXELS = 45; // "22 Nov", bold
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

test.each(KLINE_SIZES)(`labels of %s candles are few, and none lies on another (SEED=${seed})`, (size) => {
  const random = new RandomIntegers(seed);
  for (let round = 0; round < 300; round++) {
    const count = random.oneOf([random.between(1, 10), random.between(1, 200), random.between(1, 1_440)]);
    const startMs = intervalStartMs(size, random.between(Date.UTC(2015, 0), Date.UTC(2040, 0)));
    const openMs = Array.from({ length: count }, (_, index) => shiftedStartMs(size, startMs, index));
    const ticks = timeTicks(openMs, MOST);
    const about = `${count} from ${new Date(startMs).toISOString()} (SEED=${seed})`;
    expect(ticks.length, about).toBeGreaterThanOrEqual(1);
    expect(ticks.length, about).toBeLessThanOrEqual(MOST);
    const places = ticks.map((tick) => openMs.indexOf(tick.openMs));
    expect(places, about).not.toContain(-1);
    const gaps = places.slice(1).map((place, index) => ((place - places[index]!) * PLOT_PIXELS) / count);
    expect(Math.min(...gaps, PLOT_PIXELS), about).toBeGreaterThan(LABEL_PIXELS);
    if (count >= 24) expect(ticks.length, about).toBeGreaterThanOrEqual(2);
  }
});

test.each([
  ['1m', '2026-11-21T19:17Z', 1, ['19:17']],
  ['1h', '2026-11-21T22:00Z', 5, ['22:00', '23:00', '22 Nov', '01:00', '02:00']],
  ['1w', '2025-09-01T00:00Z', 60, ['Oct', '2026', 'Apr', 'Jul', 'Oct']],
  ['1M', '2026-11-01T00:00Z', 4, ['Nov', 'Dec', '2027', 'Feb']],
] as const)('%s candles from %s on, %i of them: %j', (size, start, count, labels) => {
  const openMs = Array.from({ length: count }, (_, index) => shiftedStartMs(size, Date.parse(start), index));
  expect(timeTicks(openMs, MOST).map(({ label }) => label)).toEqual(labels);
});
