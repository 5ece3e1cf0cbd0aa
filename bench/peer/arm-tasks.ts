import type { EngineLimits } from '../../core/engine/engine.ts';

/** What the thread of an arm is made from: a workload without what only people read. */
export interface ArmThreadData {
  readonly limits: EngineLimits;
  readonly records: SharedArrayBuffer;
  readonly setupCount: number;
  readonly count: number;
}

/** Applies the commands up to `end`. Paced, or one by one, each is timed, and so is the same loop without an engine. */
export type ArmTask = { readonly end: number } & (
  | { readonly way: 'full speed' | 'one by one' }
  | { readonly way: 'paced'; readonly intervalMs: number }
);

export interface ArmAnswer {
  readonly seconds: number;
  readonly cpuSeconds: number; // of the whole process
  readonly tape: string; // of all trades since the arm was made
  readonly stateHash: string;
  readonly timesMs: Float64Array; // of each command: from its intended time, or alone; empty at full speed
  readonly timerMs: Float64Array; // of the loop without an engine
}
