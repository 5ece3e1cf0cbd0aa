import { type Axis, ChartDataError, formatTick, type Scale, scaleOf } from './chart-axis.ts';
import {
  at,
  bottomLabel,
  colour,
  horizontalGrid,
  legend,
  line,
  PLOT,
  svg,
  type Titles,
  text,
  verticalGrid,
  xOf,
  yOf,
} from './svg-frame.ts';

/** Pictures of figures as SVG text: lines, points, bars. Sizes and colours stand in svg-frame.ts, ticks in chart-axis.ts. */

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[]; // a line goes through them in this order
}

/** A level to compare with, drawn across the picture. */
export interface Reference {
  readonly value: number;
  readonly label: string;
}

export interface XyChart extends Titles {
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  readonly references?: readonly Reference[];
}

export interface BarChart extends Titles {
  readonly groups: readonly string[]; // along the bottom
  readonly groupLabel?: string; // what they are
  readonly y: Axis; // bars of a linear axis stand on zero, of a log axis on the lowest tick
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[]; // a value for each group
  readonly references?: readonly Reference[];
}

/** More points than that are drawn without a mark each. */
const MARKED_POINTS = 40;

/**
 * @returns a document of its own: save it as .svg
 * @throws ChartDataError when a value can't be drawn: NaN, infinite, or not above zero on a log axis
 */
export function lineChart(chart: XyChart): string {
  return xyChart(chart, (points, index) => {
    const path = `<polyline points="${points.map(([x, y]) => `${at(x)},${at(y)}`).join(' ')}" fill="none" stroke="${colour(index)}" stroke-width="2.2" stroke-linejoin="round"/>`;
    return points.length > MARKED_POINTS ? [path] : [path, ...dots(points, index, 3.4)];
  });
}

/** The same with points alone: every one is a measurement and nothing is between them. */
export function scatterChart(chart: XyChart): string {
  return xyChart(chart, (points, index) => dots(points, index, 2.6));
}

/** Bars side by side in each group, each with its value above. Throws as lineChart does. */
export function barChart(chart: BarChart): string {
  const { groups, series, groupLabel = '', references = [] } = chart;
  for (const { name, values } of series)
    if (values.length !== groups.length)
      throw new ChartDataError(`series "${name}" has ${values.length} values for ${groups.length} groups`);
  const isLog = chart.y.scale === 'log';
  const scale = scaleOf(isLog ? chart.y : { min: 0, ...chart.y }, [
    ...series.flatMap(({ values }) => values),
    ...references.map(({ value }) => value),
  ]);
  const baseY = yOf(scale, isLog ? scale.min : 0);
  const groupWidth = (PLOT.right - PLOT.left) / groups.length;
  const barWidth = Math.min(90, (groupWidth * 0.78) / series.length);
  const content = groups.flatMap((group, groupIndex) => {
    const middle = PLOT.left + (groupIndex + 0.5) * groupWidth;
    const bars = series.flatMap(({ values }, index) => {
      const value = values[groupIndex]!;
      const left = middle + (index - series.length / 2) * barWidth;
      const top = yOf(scale, value);
      return [
        `<rect x="${at(left + 1.5)}" y="${at(Math.min(top, baseY))}" width="${at(barWidth - 3)}" height="${at(Math.abs(baseY - top))}" fill="${colour(index)}"/>`,
        text(left + barWidth / 2, Math.min(top, baseY) - 6, formatTick(value), { anchor: 'middle', size: 12 }),
      ];
    });
    return [...bars, text(middle, PLOT.bottom + 19, group, { anchor: 'middle' })];
  });
  return svg(chart, [
    ...horizontalGrid(scale, chart.y.label),
    ...content,
    ...referenceLines(scale, references),
    bottomLabel(groupLabel),
    ...legend(series.map(({ name }) => name)),
  ]);
}

type Place = readonly [x: number, y: number];

function xyChart(chart: XyChart, draw: (points: readonly Place[], index: number) => string[]): string {
  const { series, references = [] } = chart;
  const xScale = scaleOf(
    chart.x,
    series.flatMap(({ points }) => points.map(([x]) => x)),
  );
  const yScale = scaleOf(chart.y, [
    ...series.flatMap(({ points }) => points.map(([, y]) => y)),
    ...references.map(({ value }) => value),
  ]);
  return svg(chart, [
    ...verticalGrid(xScale, chart.x.label),
    ...horizontalGrid(yScale, chart.y.label),
    ...series.flatMap(({ points }, index) =>
      draw(
        points.map(([x, y]) => [xOf(xScale, x), yOf(yScale, y)]),
        index,
      ),
    ),
    ...referenceLines(yScale, references),
    ...legend(series.map(({ name }) => name)),
  ]);
}

function dots(points: readonly Place[], index: number, radius: number): string[] {
  return points.map(([x, y]) => `<circle cx="${at(x)}" cy="${at(y)}" r="${radius}" fill="${colour(index)}"/>`);
}

function referenceLines(scale: Scale, references: readonly Reference[]): string[] {
  return references.flatMap(({ value, label }) => {
    const y = yOf(scale, value);
    return [
      line(PLOT.left, y, PLOT.right, y, '#444444', ' stroke-dasharray="6 4"'),
      text(PLOT.right - 4, y - 6, label, { anchor: 'end', size: 12 }),
    ];
  });
}
