import type { Timekeeper } from './timekeeper.ts';

/** Less is slewing, or the time between two readings. */
export const CLOCK_TOLERANCE_MS = 500;

/**
 * Notices that the wall clock was moved, or that the host slept, by what lies between it and the monotonic clock. Asked at
 * every beat, so that clocks which drift apart slowly are never taken for one that was moved.
 */
export class ClockWatch {
  readonly #time: Timekeeper;
  #offsetMs: number;

  constructor(time: Timekeeper) {
    this.#time = time;
    this.#offsetMs = time.wallMs() - time.monotonicMs();
  }

  /** @returns how far the wall clock was moved since the last call; 0 for not at all */
  movedMs(): number {
    const offsetMs = this.#time.wallMs() - this.#time.monotonicMs();
    const movedMs = offsetMs - this.#offsetMs;
    this.#offsetMs = offsetMs;
    return Math.abs(movedMs) < CLOCK_TOLERANCE_MS ? 0 : Math.round(movedMs);
  }
}
