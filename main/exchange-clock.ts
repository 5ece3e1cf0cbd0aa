import type { Clock } from '../core/ports/clock.ts';

/**
 * Time for commands: the wall clock read once, then carried on by the monotonic timer, so that a wall clock set back
 * or forward while the exchange runs changes nothing. Across restarts it never falls behind what the journal has seen.
 */
export class ExchangeClock implements Clock {
  #anchorMs = Date.now();
  readonly #startMs = performance.now();

  /** Moves the clock up to the last journalled time, should the wall clock have gone back since. */
  notBefore(timestampMs: number): void {
    const behindMs = timestampMs - this.nowMs();
    if (behindMs > 0) this.#anchorMs += behindMs;
  }

  nowMs(): number {
    return this.#anchorMs + Math.floor(performance.now() - this.#startMs);
  }
}
