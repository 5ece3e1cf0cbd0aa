const FIRST_DELAY_MS = 10;
const LONGEST_DELAY_MS = 1_000;

/** Bounded back-off of one act that found the disk full: it is tried again, later and later, until there is space. */
export class SpaceWait {
  #delayMs = 0; // 0 while there is space
  #retryAtMs = 0;

  get isWaiting(): boolean {
    return this.#delayMs > 0;
  }

  /** @returns when the act may be tried again; Infinity when nothing waits */
  get retryAtMs(): number {
    return this.isWaiting ? this.#retryAtMs : Infinity;
  }

  /** @param nowMs of a monotonic clock */
  mayTry(nowMs: number): boolean {
    return !this.isWaiting || nowMs >= this.#retryAtMs;
  }

  /** Takes note of how the act went. */
  note(isDiskFull: boolean, nowMs: number): void {
    this.#delayMs = isDiskFull ? Math.min(Math.max(this.#delayMs * 2, FIRST_DELAY_MS), LONGEST_DELAY_MS) : 0;
    this.#retryAtMs = nowMs + this.#delayMs;
  }
}
