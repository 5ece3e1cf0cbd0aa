import type { Candle } from '../../core/klines/filled-candles.ts';
import type { KlineSize } from '../../core/klines/kline-calendar.ts';
import { formatDecimal } from '../../core/money/decimal.ts';
import { baseUnits, type Instrument } from '../../core/money/instrument.ts';
import { formatPrice } from '../../gateway/rest/formatting.ts';
import { at, escaped, FONT, line, PALE, text } from '../svg/elements.ts';
import { timeTicks } from './time-axis.ts';

export interface CandleChart {
  readonly instrument: Instrument;
  readonly size: KlineSize;
  readonly candles: readonly Candle[]; // oldest first, at least one
}

const WIDTH = 1_200;
const HEIGHT = 675;
const LEFT = 28;
const RIGHT = WIDTH - 112;
const PRICE = { top: 84, bottom: 470 } as const;
const VOLUME = { top: 500, bottom: 610 } as const;
const MOST_TIMES = 12;
const PRICE_LINES = 9;
const LABEL_ROOM = 19; // between the middles of a price and of the last price's box
const WIDEST = 28; // bodies and bars, where there are few
/** Told apart by people who don't see red and green alike; a falling candle is filled, a rising one hollow, too. */
const RISING = '#1b8a5a';
const FALLING = '#c8452d';
const GRID = '#ececec';
const LAST = '#0b62a4';

/** @returns an SVG document: prices above, quantities below, times in UTC */
export function candleChart(chart: CandleChart): string {
  const { candles } = chart;
  const step = (RIGHT - LEFT) / candles.length;
  const middleOf = (index: number): number => LEFT + (index + 0.5) * step;
  const indexOf = new Map(candles.map(({ openMs }, index) => [openMs, index]));
  const times = timeTicks(
    candles.map(({ openMs }) => openMs),
    MOST_TIMES,
  ).map((tick) => ({ ...tick, x: middleOf(indexOf.get(tick.openMs)!) }));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="${FONT}" role="img">`,
    `<title>${escaped(titleOf(chart))}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(LEFT, 36, titleOf(chart), { size: 22, isBold: true }),
    text(LEFT, 60, subtitleOf(chart), { size: 13, fill: PALE }),
    ...times.flatMap(({ x, label, isBold }) => [
      line(x, PRICE.top, x, VOLUME.bottom, GRID),
      text(x, VOLUME.bottom + 20, label, { anchor: 'middle', size: 12, ...(isBold ? { isBold } : { fill: PALE }) }),
    ]),
    text(RIGHT, HEIGHT - 16, 'time, UTC', { anchor: 'end', size: 12, fill: PALE }),
    ...pricePane(chart, step, middleOf),
    ...volumePane(chart, step, middleOf),
    '</svg>\n',
  ].join('\n');
}

function pricePane({ instrument, candles }: CandleChart, step: number, middleOf: (index: number) => number): string[] {
  const lowest = Math.min(...candles.map(({ lowTicks }) => lowTicks));
  const highest = Math.max(...candles.map(({ highTicks }) => highTicks));
  const margin = Math.max(1, (highest - lowest) * 0.04);
  const [min, max] = [lowest - margin, highest + margin];
  const yOf = (ticks: number): number => PRICE.bottom - ((ticks - min) / (max - min)) * (PRICE.bottom - PRICE.top);
  const body = Math.max(1, Math.min(WIDEST, step * 0.68));
  const drawn = candles.map(({ openTicks, closeTicks, highTicks, lowTicks, lots }, index) => {
    const x = middleOf(index);
    const isRising = closeTicks >= openTicks;
    const [top, bottom] = [yOf(Math.max(openTicks, closeTicks)), yOf(Math.min(openTicks, closeTicks))];
    const colour = lots === 0n ? '#b9b9b9' : isRising ? RISING : FALLING;
    const height = Math.max(1.4, bottom - top);
    const fill = isRising && body >= 4 && height > 2 ? '#ffffff' : colour;
    return [
      line(x, yOf(highTicks), x, yOf(lowTicks), colour, ' stroke-width="1.1"'),
      `<rect x="${at(x - body / 2)}" y="${at(top)}" width="${at(body)}" height="${at(height)}" fill="${fill}" stroke="${colour}" stroke-width="1.1"/>`,
    ].join('');
  });
  const last = candles.at(-1)!.closeTicks;
  const lastY = yOf(last);
  const labels = roundTicks(min, max).map((ticks) => [
    line(LEFT, yOf(ticks), RIGHT, yOf(ticks), GRID),
    Math.abs(yOf(ticks) - lastY) < LABEL_ROOM ? '' : axisText(yOf(ticks), priceText(instrument, ticks)),
  ]);
  return [
    ...labels.flat(),
    ...drawn,
    line(LEFT, lastY, RIGHT, lastY, LAST, ' stroke-dasharray="3 4"'),
    `<rect x="${RIGHT + 4}" y="${at(lastY - 11)}" width="${WIDTH - RIGHT - 12}" height="22" rx="3" fill="${LAST}"/>`,
    text(RIGHT + 11, lastY + 4.5, priceText(instrument, last), { fill: '#ffffff', isBold: true, size: 12.5 }),
    line(LEFT, PRICE.bottom, RIGHT, PRICE.bottom, '#bdbdbd'),
    text(RIGHT + 11, PRICE.top - 12, instrument.quote.code, { size: 12, fill: PALE }),
  ];
}

function volumePane({ instrument, candles }: CandleChart, step: number, middleOf: (index: number) => number): string[] {
  const volumes = candles.map(({ lots }) => Number(lots)); // a picture needs no more digits
  const scale = roundAbove(Math.max(...volumes, 1));
  const yOf = (lots: number): number => VOLUME.bottom - (lots / scale) * (VOLUME.bottom - VOLUME.top);
  const width = Math.max(0.8, Math.min(WIDEST, step * 0.68));
  const bars = candles.flatMap(({ openTicks, closeTicks }, index) => {
    const lots = volumes[index]!;
    if (lots === 0) return [];
    const [y, x] = [yOf(lots), middleOf(index) - width / 2];
    const colour = closeTicks >= openTicks ? RISING : FALLING;
    return `<rect x="${at(x)}" y="${at(y)}" width="${at(width)}" height="${at(VOLUME.bottom - y)}" fill="${colour}" fill-opacity="0.55"/>`;
  });
  return [
    line(LEFT, VOLUME.top, RIGHT, VOLUME.top, GRID),
    axisText(VOLUME.top, quantityText(instrument, scale)),
    axisText(VOLUME.bottom - 4, '0'),
    text(LEFT, VOLUME.top - 8, `volume, ${instrument.base.code}`, { size: 12, fill: PALE }),
    ...bars,
    line(LEFT, VOLUME.bottom, RIGHT, VOLUME.bottom, '#bdbdbd'),
  ];
}

function axisText(y: number, content: string): string {
  return text(RIGHT + 11, y + 4.5, content, { size: 12.5 });
}

function titleOf({ instrument, size }: CandleChart): string {
  return `${instrument.base.code}/${instrument.quote.code}, ${size} candles`;
}

function subtitleOf({ instrument, candles }: CandleChart): string {
  const [first, last] = [candles[0]!, candles.at(-1)!];
  const high = Math.max(...candles.map(({ highTicks }) => highTicks));
  const low = Math.min(...candles.map(({ lowTicks }) => lowTicks));
  const percent = ((last.closeTicks - first.openTicks) / first.openTicks) * 100;
  const price = (name: string, ticks: number): string => `${name} ${priceText(instrument, ticks)}`;
  const lots = candles.reduce((sum, candle) => sum + candle.lots, 0n);
  return [
    `${momentText(first.openMs)} to ${momentText(last.openMs)} UTC, ${candles.length} candles`,
    `${price('open', first.openTicks)}  ${price('high', high)}  ${price('low', low)}  ${price('close', last.closeTicks)}`,
    `${percent >= 0 ? '+' : '−'}${Math.abs(percent).toFixed(2)} %`,
    `volume ${grouped(formatDecimal(lots * baseUnits(instrument, 1), instrument.base.decimals))} ${instrument.base.code}`,
  ].join('   ·   ');
}

function momentText(openMs: number): string {
  return new Date(openMs).toISOString().slice(0, 16).replace('T', ' ');
}

function quantityText(instrument: Instrument, lots: number): string {
  const text = formatDecimal(BigInt(Math.round(lots)) * baseUnits(instrument, 1), instrument.base.decimals);
  return grouped(text);
}

function priceText(instrument: Instrument, ticks: number): string {
  return grouped(formatPrice(instrument, ticks));
}

/** @returns decimal text with its thousands set apart */
function grouped(decimal: string): string {
  const [whole, fraction] = decimal.split('.');
  const thousands = whole!.replace(/\B(?=(\d{3})+$)/g, ',');
  return fraction === undefined ? thousands : `${thousands}.${fraction}`;
}

/** @returns whole ticks at round prices, a few between the bounds */
function roundTicks(min: number, max: number): number[] {
  const step = Math.max(1, roundAbove((max - min) / PRICE_LINES));
  const ticks: number[] = [];
  for (let price = Math.ceil(Math.max(1, min) / step) * step; price <= max; price += step) ticks.push(price);
  return ticks;
}

/** @returns 1, 2 or 5 times a power of ten, not below the value */
function roundAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((factor) => factor * power >= value * 0.999)! * power;
}
