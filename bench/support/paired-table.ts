import type { Table } from './bench.ts';
import { type PairedResult, perSecond } from './pairs.ts';

/** @returns a line for each paired run: B's rate beside A's, which is its limit */
export function pairedTable(...lines: readonly { name: string; limit: string; result: PairedResult }[]): Table {
  return {
    columns: ['figure', 'measured', 'limit', 'limit measured', 'ratio', 'A/A noise'],
    rows: lines.map(({ name, limit, result }) => [
      name,
      perSecond(result.bPerSecond),
      limit,
      perSecond(result.aPerSecond),
      result.medianRatio.toFixed(3),
      `×${result.noiseRatio.toFixed(2)}`,
    ]),
  };
}
