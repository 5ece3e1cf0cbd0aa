/** Of times in ms, the latency percentiles that are told everywhere, in ns. */
export type LatencyNs = readonly [p50: number, p99: number, p999: number, max: number];

/** @param timesMs sorted here, in place */
export function latencyNs(timesMs: Float64Array): LatencyNs {
  timesMs.sort();
  const at = (share: number): number =>
    timesMs[Math.min(timesMs.length - 1, Math.floor(timesMs.length * share))]! * 1e6;
  return [at(0.5), at(0.99), at(0.999), at(1)];
}
