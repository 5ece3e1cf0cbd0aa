import type { Picture } from './bench.ts';
import { barChart } from './chart.ts';
import { describeMachine } from './machine.ts';
import type { PairedResult } from './pairs.ts';

/** Of rates farther apart the lower one can't be read off bars that stand on zero. */
const MOST_LINEAR_RATIO = 10;

/** What a paired run is called, as in pairedTable(). */
export interface PairedNames {
  readonly picture: string; // of the file
  readonly title: string;
  readonly figure: string;
  readonly limit: string;
  readonly unit: string; // what is counted each second
}

/** @returns both rates of every pair side by side: how far apart the arms are, and how far each moves by itself */
export function pairedPicture(names: PairedNames, result: PairedResult, seed: number): Picture {
  const { picture, title, figure, limit, unit } = names;
  const rates = result.pairs.flatMap(({ aPerSecond, bPerSecond }) => [aPerSecond, bPerSecond]);
  const isLog = Math.max(...rates) > MOST_LINEAR_RATIO * Math.min(...rates);
  return {
    name: picture,
    about: `${title}: each pair of runs`,
    svg: barChart({
      title: `${title}: ratio ${result.medianRatio.toFixed(3)} (A/A noise ×${result.noiseRatio.toFixed(2)})`,
      subtitle: describeMachine(seed),
      groups: result.pairs.map((_, pair) => `pair ${pair + 1}`),
      y: isLog ? { label: `${unit}, logarithmic`, scale: 'log' } : { label: unit },
      series: [
        { name: figure, values: result.pairs.map(({ bPerSecond }) => bPerSecond) },
        { name: limit, values: result.pairs.map(({ aPerSecond }) => aPerSecond) },
      ],
    }),
  };
}
