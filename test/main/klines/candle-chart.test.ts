import { expect, test } from 'vitest';
import type { Candle } from '../../../core/klines/filled-candles.ts';
import { candleChart } from '../../../main/klines/candle-chart.ts';
import { instrumentOf } from '../../support/default-catalogue.ts';
import { RandomIntegers } from '../../support/random-integers.ts';

const MINUTE_MS = 60_000;
const START_MS = Date.UTC(2026, 10, 21, 12);
const TICKS_PER_UNIT = 100; // of btcusd
const instrument = instrumentOf('btcusd');
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

type Attributes = Readonly<Record<string, string>>;

/** @returns the attributes of all elements of a kind, and their text as `content` */
function elements(svg: string, name: 'line' | 'rect' | 'text'): Attributes[] {
  return [...svg.matchAll(new RegExp(`<${name} ([^>]*?)/?>(?:([^<]*)</${name}>)?`, 'g'))].map(
    ([, attributes, content = '']) => ({
      ...Object.fromEntries(
        [...attributes!.matchAll(/([a-z0-9-]+)="([^"]*)"/g)].map(([, key, value]) => [key!, value!]),
      ),
      content,
    }),
  );
}

const draw = (candles: readonly Candle[]): string => candleChart({ instrument, size: '1m', candles });
const bodiesOf = (svg: string) => elements(svg, 'rect').filter((rect) => rect.stroke !== undefined);
const wicksOf = (svg: string) => elements(svg, 'line').filter((line) => line['stroke-width'] !== undefined);
const barsOf = (svg: string) => elements(svg, 'rect').filter((rect) => rect['fill-opacity'] !== undefined);

/** Prices at the right edge with the height that each stands at, from the top: those of the axis and the last one's. */
function pricesOf(svg: string): { ticks: number; y: number; isLast: boolean }[] {
  return elements(svg, 'text')
    .filter(({ x, y, content }) => x === '1099' && Number(y) < 490 && /^[\d,]+\.\d+$/.test(content!))
    .map(({ y, content, 'font-weight': weight }) => ({
      ticks: Math.round(Number(content!.replaceAll(',', '')) * TICKS_PER_UNIT),
      y: Number(y) - 4.5,
      isLast: weight !== undefined,
    }))
    .sort((one, other) => one.y - other.y);
}

function candle(
  index: number,
  prices: readonly [open: number, high: number, low: number, close: number],
  lots = 1n,
): Candle {
  const [openTicks, highTicks, lowTicks, closeTicks] = prices;
  return { openMs: START_MS + index * MINUTE_MS, openTicks, highTicks, lowTicks, closeTicks, lots };
}

function randomCandles(random: RandomIntegers): Candle[] {
  const lowest = random.oneOf([1, 500, 6_000_000, 2 ** 40]);
  const range = random.oneOf([0, 1, 30, 400, 1_000_000]);
  const mostLots = random.oneOf([0, 1, 10 ** 6, Number.MAX_SAFE_INTEGER]);
  const price = (): number => lowest + random.below(range + 1);
  return Array.from({ length: random.oneOf([1, 2, random.between(3, 200), 1_440]) }, (_, index) => {
    const [open, close, one, other] = [price(), price(), price(), price()];
    const prices = [open, Math.max(open, close, one), Math.min(open, close, other), close] as const;
    return candle(index, prices, BigInt(random.below(mostLots + 1)));
  });
}

test(`whatever is drawn lies in the picture, and the axis tells the prices that it is drawn at (SEED=${seed})`, () => {
  const random = new RandomIntegers(seed);
  for (let round = 0; round < 60; round++) {
    const candles = randomCandles(random);
    const svg = draw(candles);
    const about = `round ${round}, ${candles.length} candles (SEED=${seed})`;
    expect(svg, about).not.toMatch(/NaN|Infinity|undefined/);
    for (const rect of elements(svg, 'rect').slice(1)) {
      expect(Number(rect.x), about).toBeGreaterThanOrEqual(0);
      expect(Number(rect.x) + Number(rect.width), about).toBeLessThanOrEqual(1_200);
      expect(Number(rect.y), about).toBeGreaterThanOrEqual(0);
      expect(Number(rect.y) + Number(rect.height), about).toBeLessThanOrEqual(675);
    }
    const [bodies, wicks, prices] = [bodiesOf(svg), wicksOf(svg), pricesOf(svg)];
    expect([bodies.length, wicks.length], about).toEqual([candles.length, candles.length]);
    expect(barsOf(svg), about).toHaveLength(candles.filter(({ lots }) => lots > 0n).length);
    for (const [index, { y }] of prices.slice(1).entries())
      expect(y - prices[index]!.y, `prices lie on one another, ${about}`).toBeGreaterThan(14);
    const axis = prices.filter(({ isLast }) => !isLast).map(({ ticks }) => ticks);
    // Of two that are left one between them may be hidden by the last price.
    const step = Math.min(...axis.slice(1).map((ticks, index) => axis[index]! - ticks));
    if (axis.length > 2) {
      expect(String(step), about).toMatch(/^([125]|10)0*$/);
      for (const ticks of axis) expect(ticks % step, about).toBe(0);
    }
    const [top, bottom] = [prices[0]!, prices.at(-1)!];
    const yOf = (ticks: number): number =>
      top.y + ((top.ticks - ticks) / (top.ticks - bottom.ticks)) * (bottom.y - top.y);
    const places = wicks.map(({ x1 }) => Number(x1));
    for (const [index, { highTicks, lowTicks, openTicks, closeTicks }] of candles.entries()) {
      expect(Math.abs(Number(wicks[index]!.y1) - yOf(highTicks)), `high of ${index}, ${about}`).toBeLessThan(1);
      expect(Math.abs(Number(wicks[index]!.y2) - yOf(lowTicks)), `low of ${index}, ${about}`).toBeLessThan(1);
      expect(Math.abs(Number(bodies[index]!.y) - yOf(Math.max(openTicks, closeTicks))), about).toBeLessThan(1);
      if (index > 0) expect(places[index]!, about).toBeGreaterThan(places[index - 1]!);
    }
  }
});

test('rising candles are hollow, falling ones filled, those without trades grey; bars are as high as their volume', () => {
  const svg = draw([
    candle(0, [1_000, 1_400, 900, 1_300], 400n),
    candle(1, [1_300, 1_300, 1_000, 1_100], 200n),
    candle(2, [1_100, 1_100, 1_100, 1_100], 0n),
  ]);
  expect(bodiesOf(svg).map(({ fill, stroke }) => [fill, stroke])).toEqual([
    ['#ffffff', '#1b8a5a'],
    ['#c8452d', '#c8452d'],
    ['#b9b9b9', '#b9b9b9'],
  ]);
  const [first, second] = barsOf(svg);
  expect(Number(first!.height)).toBeCloseTo(2 * Number(second!.height), 0);
  expect([first!.fill, second!.fill]).toEqual(['#1b8a5a', '#c8452d']);
});

test('the title and the line below it say what is shown', () => {
  const svg = draw([
    candle(0, [123_456_00, 123_500_00, 123_400_00, 123_450_00], 150_000_000n),
    candle(1, [123_450_00, 123_450_00, 98_764_80, 98_764_80]),
  ]);
  const shown = elements(svg, 'text').map(({ content }) => content!);
  expect(shown[0]).toBe('BTC/USD, 1m candles');
  expect(shown[1]).toContain('2026-11-21 12:00 to 2026-11-21 12:01 UTC, 2 candles');
  expect(shown[1]).toContain('open 123,456.00  high 123,500.00  low 98,764.80  close 98,764.80');
  expect(shown[1]).toContain('−20.00 %');
  expect(shown).toEqual(expect.arrayContaining(['time, UTC', 'volume, BTC', 'USD', '98,764.80']));
});
