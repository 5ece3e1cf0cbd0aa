/**
 * What the core's neighbours offer each other: interfaces only. `main.ts` fills them with real adapters, so that
 * gateway, workers and scheduler meet here and nowhere else. Amounts are bigint in the asset's smallest unit.
 */

/** Wall time for commands: anchored once, then monotonic. */
export interface Clock {
  /** @returns milliseconds since 1970, whole, never less than any value returned before */
  nowMs(): number;
}
