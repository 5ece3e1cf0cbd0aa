/** What one run of an arm took, and what it did: the arms of a pair must have done the same. */
export interface Run {
  readonly seconds: number;
  readonly operations: number;
  readonly cpuSeconds?: number; // of the whole process meanwhile: less than `seconds` where others had the processor
}

export interface PairedResult {
  readonly medianRatio: number; // seconds of A / seconds of B, pair by pair
  readonly medianCpuRatio: number | null; // the same of processor time, where the runs tell it
  readonly noiseRatio: number; // the same for A against A: how far from 1 means nothing
  readonly aPerSecond: number; // median
  readonly bPerSecond: number; // median
  readonly pairs: readonly { readonly aPerSecond: number; readonly bPerSecond: number }[]; // as they were run
}

export interface PairSettings {
  readonly isWarm?: boolean; // both arms have run already: nothing is thrown away
  readonly noiseRuns?: number; // of A against A; after every pair unless said, fewer where A is slow
}

/**
 * Runs two arms in pairs, order alternating, after one run of each that is thrown away.
 * @param pairs odd, so that the median is a measured one
 */
export async function runPairs(
  pairs: number,
  a: () => Promise<Run>,
  b: () => Promise<Run>,
  { isWarm = false, noiseRuns = pairs }: PairSettings = {},
): Promise<PairedResult> {
  if (!isWarm) {
    await a();
    await b();
  }
  const ratios: number[] = [];
  const cpuRatios: number[] = [];
  const noise: number[] = [];
  const aRates: number[] = [];
  const bRates: number[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    const first = pair % 2 === 0 ? a : b;
    const second = pair % 2 === 0 ? b : a;
    const runs = [await first(), await second()];
    const [runA, runB] = pair % 2 === 0 ? [runs[0]!, runs[1]!] : [runs[1]!, runs[0]!];
    ratios.push(runA.seconds / runA.operations / (runB.seconds / runB.operations));
    if (runA.cpuSeconds !== undefined && runB.cpuSeconds !== undefined)
      cpuRatios.push(runA.cpuSeconds / runA.operations / (runB.cpuSeconds / runB.operations));
    aRates.push(runA.operations / runA.seconds);
    bRates.push(runB.operations / runB.seconds);
    if (pair >= noiseRuns) continue;
    const again = await a();
    noise.push(runA.seconds / runA.operations / (again.seconds / again.operations));
  }
  return {
    medianRatio: median(ratios),
    medianCpuRatio: cpuRatios.length === 0 ? null : median(cpuRatios),
    noiseRatio: median(noise.map((ratio) => Math.max(ratio, 1 / ratio))),
    aPerSecond: median(aRates),
    bPerSecond: median(bRates),
    pairs: aRates.map((aPerSecond, pair) => ({ aPerSecond, bPerSecond: bRates[pair]! })),
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[sorted.length >> 1]!;
}

export function perSecond(rate: number): string {
  if (rate >= 1e6) return `${(rate / 1e6).toFixed(2)} M/s`;
  if (rate >= 1e3) return `${(rate / 1e3).toFixed(1)} k/s`;
  return `${rate.toFixed(0)} /s`;
}
