import fc from 'fast-check';
import { expect, test } from 'vitest';
import { barChart, lineChart, scatterChart, type XyChart } from '../../../bench/support/chart.ts';
import { ChartDataError, formatTick, scaleOf } from '../../../bench/support/chart-axis.ts';
import { HEIGHT, PLOT, WIDTH } from '../../../bench/support/svg-frame.ts';

const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);

const CHART: XyChart = {
  title: 'Cost per command <core> & "ring"',
  subtitle: 'two processors, seed 1',
  x: { label: 'resting orders', scale: 'log' },
  y: { label: 'cost, ns' },
  series: [
    {
      name: 'engine',
      points: [
        [1_000, 48],
        [100_000, 61],
        [10_000_000, 350],
      ],
    },
    {
      name: 'peer',
      points: [
        [1_000, 3_900],
        [100_000, 4_100],
      ],
    },
  ],
};

/** Elements in order, checked to be closed in order; texts may hold no bare sign. Enough of XML for what we write. */
function elements(document: string): { name: string; attributes: Record<string, string> }[] {
  const found: { name: string; attributes: Record<string, string> }[] = [];
  const open: string[] = [];
  let position = 0;
  for (const tag of document.matchAll(/<(\/?)([a-z]+)((?: [a-zA-Z0-9-]+="[^"<]*")*)(\/?)>/g)) {
    expect(document.slice(position, tag.index)).not.toMatch(/[<>]|&(?!#\d+;)/);
    position = tag.index + tag[0].length;
    const [, slash, name, attributes, closed] = tag as unknown as [string, string, string, string, string];
    if (slash === '/') expect(open.pop()).toBe(name);
    else {
      found.push({
        name,
        attributes: Object.fromEntries(
          [...attributes.matchAll(/ ([^=]+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
        ),
      });
      if (closed === '') open.push(name);
    }
  }
  expect(document.slice(position).trim()).toBe('');
  expect(open).toEqual([]);
  return found;
}

function inside(x: number, y: number): boolean {
  return x >= PLOT.left - 0.1 && x <= PLOT.right + 0.1 && y >= PLOT.top - 0.1 && y <= PLOT.bottom + 0.1;
}

test('a line chart is whole XML with title, units, legend, and every point inside its axes', () => {
  const document = lineChart(CHART);
  const circles = elements(document).filter(({ name }) => name === 'circle');
  expect(circles).toHaveLength(5);
  for (const { attributes } of circles) expect(inside(Number(attributes.cx), Number(attributes.cy))).toBe(true);
  for (const content of [
    'Cost per command &#60;core&#62; &#38; &#34;ring&#34;',
    'resting orders',
    'cost, ns',
    '>engine<',
    '>peer<',
  ])
    expect(document).toContain(content);
  expect(elements(document)[0]!.attributes.viewBox).toBe(`0 0 ${WIDTH} ${HEIGHT}`);
});

test('points stand where their values say: ends of the axes, and the middle of a log axis', () => {
  const document = scatterChart({
    ...CHART,
    series: [
      {
        name: 'only',
        points: [
          [1, 0],
          [100, 50],
          [10_000, 100],
        ],
      },
    ],
  });
  const circles = elements(document).filter(({ name }) => name === 'circle');
  expect(circles.map(({ attributes }) => [Number(attributes.cx), Number(attributes.cy)])).toEqual([
    [PLOT.left, PLOT.bottom],
    [(PLOT.left + PLOT.right) / 2, (PLOT.top + PLOT.bottom) / 2],
    [PLOT.right, PLOT.top],
  ]);
  expect(document).not.toContain('>only<'); // a single series needs no legend
});

test.each([
  ['NaN', Number.NaN],
  ['infinity', Number.POSITIVE_INFINITY],
  ['zero on a log axis', 0],
])('%s is refused, wherever it stands', (_name, value) => {
  const withX = { ...CHART, series: [{ name: 'bad', points: [[value, 1]] as [number, number][] }] };
  expect(() => lineChart(withX)).toThrow(ChartDataError);
  const logY = { label: 'time, ms', scale: 'log' } as const;
  expect(() => scatterChart({ ...CHART, y: logY, series: [{ name: 'bad', points: [[1, value]] }] })).toThrow(
    /time, ms/,
  );
  expect(() => barChart({ title: 't', groups: ['a'], y: logY, series: [{ name: 'bad', values: [value] }] })).toThrow(
    ChartDataError,
  );
});

test('nothing to draw is refused, and so is a bar too few', () => {
  expect(() => lineChart({ ...CHART, series: [] })).toThrow(ChartDataError);
  expect(() =>
    barChart({ title: 't', groups: ['a', 'b'], y: { label: 'y' }, series: [{ name: 's', values: [1] }] }),
  ).toThrow('series "s" has 1 values for 2 groups');
});

test('bars stand on zero, as high as their values, with the value above and the reference across', () => {
  const document = barChart({
    title: 'Rates',
    groups: ['W1', 'W2'],
    y: { label: 'commands per second' },
    series: [
      { name: 'ours', values: [4_000_000, 2_000_000] },
      { name: 'peer', values: [100_000, 0] },
    ],
    references: [{ value: 3_000_000, label: 'wanted' }],
  });
  const bars = elements(document).filter(
    ({ name, attributes }) => name === 'rect' && Number(attributes.x) > PLOT.left && attributes.rx === undefined,
  );
  expect(bars).toHaveLength(4);
  const heights = bars.map(({ attributes }) => Number(attributes.height));
  expect(heights[0]! / heights[2]!).toBeCloseTo(2, 1);
  expect(heights[3]).toBe(0);
  for (const { attributes } of bars)
    expect(Number(attributes.y) + Number(attributes.height)).toBeCloseTo(PLOT.bottom, 0);
  for (const content of ['>4M<', '>100k<', '>wanted<', 'stroke-dasharray']) expect(document).toContain(content);
});

test(`any finite data lies inside its axis, between ticks that differ and rise (SEED=${SEED})`, () => {
  const positive = fc.double({ min: 1e-9, max: 1e12, noNaN: true });
  fc.assert(
    fc.property(
      fc.array(positive, { minLength: 1, maxLength: 20 }),
      fc.constantFrom('linear', 'log'),
      (values, scale) => {
        const axis = scaleOf({ label: 'y', scale }, values);
        for (const value of values) {
          expect(axis.share(value)).toBeGreaterThanOrEqual(-1e-6);
          expect(axis.share(value)).toBeLessThanOrEqual(1 + 1e-6);
        }
        const ticks = axis.ticks.map(({ value }) => value);
        expect(ticks).toEqual([...new Set(ticks)].sort((one, other) => one - other));
        expect(ticks.length).toBeGreaterThanOrEqual(2);
        expect(ticks.length).toBeLessThanOrEqual(40);
      },
    ),
    { seed: SEED },
  );
});

test('values that hardly differ, or do not, still get an axis of a few ticks', () => {
  for (const values of [[7], [0], [1e12, 1e12 + 1e-4], [-3, -3 - 1e-15], [1e300, 1e300]]) {
    const { ticks, share } = scaleOf({ label: 'y' }, values);
    expect(ticks.length).toBeGreaterThanOrEqual(2);
    expect(ticks.length).toBeLessThanOrEqual(10);
    for (const value of values) expect(share(value)).toBeGreaterThanOrEqual(-1e-6);
  }
});

test('ticks read as people write them', () => {
  expect([0, 950, 1_000, 12_345, 999_999, 2.5e6, 0.0025, 3e9].map(formatTick)).toEqual([
    '0',
    '950',
    '1k',
    '12.3k',
    '1M',
    '2.5M',
    '0.0025',
    '3G',
  ]);
  expect(scaleOf({ label: 'y' }, [4_990_000, 5_010_000]).ticks.map(({ text }) => text)).toEqual([
    '4.99M',
    '4.995M',
    '5M',
    '5.005M',
    '5.01M',
  ]);
});
