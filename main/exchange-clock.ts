import { uptime } from 'node:os';
import type { Clock } from '../core/ports/clock.ts';

/** How often it is looked whether the host has slept. */
const LOOK_MS = 1_000;
/** Less may be the steps in which a system tells its uptime. */
const SHORTEST_SLEEP_MS = 2_000;

/**
 * Time for commands: the wall clock read once, then carried on by the monotonic timer, so that a wall clock set back
 * or forward while the exchange runs changes nothing. That timer stands still while the host sleeps and the system's
 * uptime does not: what it gains is added, within a second. Across restarts the time never falls behind what the journal
 * has seen.
 */
export class ExchangeClock implements Clock {
  #anchorMs = Date.now();
  readonly #startMs = performance.now();
  #uptimeAheadMs = uptimeAheadMs(this.#startMs);
  #lookedMs = this.#startMs;

  /** Moves the clock up to the last journalled time, should the wall clock have gone back since. */
  notBefore(timestampMs: number): void {
    const behindMs = timestampMs - this.nowMs();
    if (behindMs > 0) this.#anchorMs += behindMs;
  }

  nowMs(): number {
    const timerMs = performance.now();
    if (timerMs - this.#lookedMs >= LOOK_MS) this.#addSleep(timerMs);
    return this.#anchorMs + Math.floor(timerMs - this.#startMs);
  }

  #addSleep(timerMs: number): void {
    this.#lookedMs = timerMs;
    const sleptMs = Math.floor(uptimeAheadMs(timerMs) - this.#uptimeAheadMs);
    if (sleptMs < SHORTEST_SLEEP_MS) return;
    this.#uptimeAheadMs += sleptMs;
    this.#anchorMs += sleptMs;
  }
}

/** @returns a difference that changes only when the host has slept */
function uptimeAheadMs(timerMs: number): number {
  return uptime() * 1_000 - timerMs;
}
