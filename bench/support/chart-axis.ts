/** One axis of a picture: what it measures, in which unit, on which scale. */
export interface Axis {
  readonly label: string; // with its unit: 'latency, µs'
  readonly scale?: 'linear' | 'log'; // linear unless told otherwise
  readonly min?: number; // the axis covers at least from here, …
  readonly max?: number; // … to here; further where the data goes further
}

export interface Tick {
  readonly value: number;
  readonly text: string;
}

export interface Scale {
  readonly min: number;
  readonly max: number;
  readonly ticks: readonly Tick[];
  /** @returns 0 at min … 1 at max */
  share(value: number): number;
}

/** A value that no picture can show: it would be drawn nowhere, and the reader would not know. */
export class ChartDataError extends Error {
  override readonly name = 'ChartDataError';
}

const LINEAR_TICKS = 6;
/** Of a linear axis, against its values: ticks that are closer could not be told apart in writing, nor as doubles. */
const LEAST_SPAN = 1e-6;

/**
 * Makes an axis that begins and ends at ticks.
 * @param values everything that is to be seen on it
 * @throws ChartDataError when a value is not finite, or not above zero on a log axis, or there is none
 */
export function scaleOf({ label, scale = 'linear', min, max }: Axis, values: readonly number[]): Scale {
  if (values.length === 0) throw new ChartDataError(`axis "${label}": there is nothing to draw`);
  const known = [...values, ...(min === undefined ? [] : [min]), ...(max === undefined ? [] : [max])];
  let [lowest, highest] = [Infinity, -Infinity];
  for (const value of known) {
    if (!Number.isFinite(value)) throw new ChartDataError(`axis "${label}": ${value} can't be drawn`);
    if (scale === 'log' && value <= 0)
      throw new ChartDataError(`axis "${label}": ${value} can't be drawn on a log scale`);
    lowest = Math.min(lowest, value);
    highest = Math.max(highest, value);
  }
  return scale === 'log' ? logScale(lowest, highest) : linearScale(lowest, highest);
}

/** @returns a number as it stands beside a tick or a bar: three digits, and the thousands as k, M, G */
export function formatTick(value: number): string {
  const size = Math.abs(value);
  for (const [unit, letter] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const)
    if (size >= unit * 0.9995) return `${trimmed(value / unit)}${letter}`;
  return trimmed(value);
}

function trimmed(value: number): string {
  if (value === 0) return '0';
  return String(Number(value.toPrecision(3)));
}

function linearScale(lowest: number, highest: number): Scale {
  const size = Math.max(Math.abs(lowest), Math.abs(highest));
  const span = Math.max(highest - lowest, size * LEAST_SPAN) || 1;
  const rough = span / (LINEAR_TICKS - 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999)! * power;
  const first = Math.floor(lowest / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(highest / step - 1e-9));
  const ticks: Tick[] = [];
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  for (let index = first; index <= last; index++) {
    const value = Number((index * step).toFixed(Math.min(digits, 20)));
    ticks.push({ value, text: tickText(value, step) });
  }
  const [min, max] = [first * step, last * step];
  return { min, max, ticks, share: (value) => (value - min) / (max - min) };
}

/** As many digits as tell a tick from its neighbour: 4.995M and 5M, were they three, would both read 5M. */
function tickText(value: number, step: number): string {
  const [unit, letter] = (
    [
      [1e9, 'G'],
      [1e6, 'M'],
      [1e3, 'k'],
    ] as const
  ).find(([size]) => Math.abs(value) >= size * 0.9995) ?? [1, ''];
  const digits = Math.max(0, Math.ceil(-Math.log10(step / unit) - 1e-9));
  return `${Number((value / unit).toFixed(Math.min(digits, 20)))}${letter}`;
}

function logScale(lowest: number, highest: number): Scale {
  const decades = Math.log10(highest / lowest);
  const factors = decades <= 3 ? [1, 2, 5] : [1];
  const candidates: number[] = [];
  for (let power = Math.floor(Math.log10(lowest)); power <= Math.ceil(Math.log10(highest)) + 1; power++)
    for (const factor of factors) candidates.push(Number(`${factor}e${power}`));
  const first = candidates.findLastIndex((candidate) => candidate <= lowest * (1 + 1e-9));
  const last = Math.max(
    first + 1,
    candidates.findIndex((candidate) => candidate >= highest * (1 - 1e-9)),
  );
  const ticks = candidates.slice(first, last + 1).map((value) => ({ value, text: formatTick(value) }));
  const [min, max] = [ticks[0]!.value, ticks.at(-1)!.value];
  return { min, max, ticks, share: (value) => Math.log(value / min) / Math.log(max / min) };
}
