import { at, escaped, FONT, line, PALE, text } from '../../main/svg/elements.ts';
import type { Scale } from './chart-axis.ts';

export { at, line, text };

/** What every picture shares: size, colours, frame, titles, axes, legend. Shapes are put between frame and end. */

export const WIDTH = 860;
export const HEIGHT = 460;
export const PLOT = { left: 84, right: WIDTH - 28, top: 92, bottom: HEIGHT - 64 } as const;

/** Told apart by people who don't see red and green alike, and readable on white. */
const COLOURS = ['#0b62a4', '#d95f02', '#1b8a5a', '#8e44ad', '#b58900', '#c2185b', '#00838f', '#555555'];
const GRID = '#e3e3e3';

export interface Titles {
  readonly title: string;
  readonly subtitle?: string; // machine, mix, seed: what a figure means nothing without
}

export function colour(index: number): string {
  return COLOURS[index % COLOURS.length]!;
}

export function xOf(scale: Scale, value: number): number {
  return PLOT.left + scale.share(value) * (PLOT.right - PLOT.left);
}

export function yOf(scale: Scale, value: number): number {
  return PLOT.bottom - scale.share(value) * (PLOT.bottom - PLOT.top);
}

export function horizontalGrid(scale: Scale, label: string): string[] {
  return [
    ...scale.ticks.flatMap(({ value, text: tick }) => [
      line(PLOT.left, yOf(scale, value), PLOT.right, yOf(scale, value), GRID),
      text(PLOT.left - 9, yOf(scale, value) + 4.5, tick, { anchor: 'end', fill: PALE }),
    ]),
    line(PLOT.left, PLOT.bottom, PLOT.right, PLOT.bottom, PALE),
    text(24, (PLOT.top + PLOT.bottom) / 2, label, { anchor: 'middle', isUpright: true }),
  ];
}

export function verticalGrid(scale: Scale, label: string): string[] {
  return [
    ...scale.ticks.flatMap(({ value, text: tick }) => [
      line(xOf(scale, value), PLOT.top, xOf(scale, value), PLOT.bottom, GRID),
      text(xOf(scale, value), PLOT.bottom + 19, tick, { anchor: 'middle', fill: PALE }),
    ]),
    bottomLabel(label),
  ];
}

export function bottomLabel(label: string): string {
  return text((PLOT.left + PLOT.right) / 2, HEIGHT - 18, label, { anchor: 'middle' });
}

/** One line above the plot; a picture with a single series needs none. */
export function legend(names: readonly string[]): string[] {
  if (names.length < 2) return [];
  let x: number = PLOT.left;
  return names.flatMap((name, index) => {
    const entry = [
      `<rect x="${at(x)}" y="68" width="14" height="10" rx="2" fill="${colour(index)}"/>`,
      text(x + 20, 78, name),
    ];
    x += 44 + widthOf(name);
    return entry;
  });
}

export function svg({ title, subtitle = '' }: Titles, content: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="${FONT}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(24, 30, title, { size: 18, isBold: true }),
    text(24, 51, subtitle, { size: 12, fill: PALE }),
    ...content,
    '</svg>\n',
  ].join('\n');
}

/** Close enough to set legend entries side by side without asking a font. */
function widthOf(name: string): number {
  return name.length * 7;
}
