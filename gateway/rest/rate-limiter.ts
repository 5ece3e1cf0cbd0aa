/**
 * Gemini's request limits: so many per minute and caller, and a burst of five on top; then 429 until the rate falls.
 * A bucket per caller holds what may still be sent at once and fills up evenly over the minute.
 */
export interface RateLimit {
  readonly perMinute: number;
  readonly burst: number;
}

export const PUBLIC_LIMIT: RateLimit = { perMinute: 120, burst: 5 };
export const PRIVATE_LIMIT: RateLimit = { perMinute: 600, burst: 5 };

interface Bucket {
  tokens: number;
  updatedMs: number;
}

/** Beyond this many callers the ones that have been quiet for a minute, whose buckets are full again, are forgotten. */
const MAX_CALLERS = 100_000;
const MINUTE_MS = 60_000;

export class RateLimiter {
  readonly #limit: RateLimit;
  readonly #nowMs: () => number;
  readonly #buckets = new Map<string, Bucket>(); // least recently seen first

  /** @param nowMs a clock that never goes back */
  constructor(limit: RateLimit, nowMs: () => number) {
    this.#limit = limit;
    this.#nowMs = nowMs;
  }

  /**
   * Counts one request.
   * @param caller an address or an API key
   * @returns 0 when it may pass, else milliseconds until the next one may
   */
  take(caller: string): number {
    const nowMs = this.#nowMs();
    const capacity = this.#limit.perMinute + this.#limit.burst;
    const bucket = this.#buckets.get(caller) ?? { tokens: capacity, updatedMs: nowMs };
    const refill = ((nowMs - bucket.updatedMs) * this.#limit.perMinute) / MINUTE_MS;
    bucket.tokens = Math.min(capacity, bucket.tokens + refill);
    bucket.updatedMs = nowMs;
    this.#buckets.delete(caller);
    this.#buckets.set(caller, bucket);
    if (this.#buckets.size > MAX_CALLERS) this.#forgetQuietCallers(nowMs);
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return 0;
    }
    return Math.ceil(((1 - bucket.tokens) * MINUTE_MS) / this.#limit.perMinute);
  }

  #forgetQuietCallers(nowMs: number): void {
    for (const [caller, bucket] of this.#buckets) {
      if (nowMs - bucket.updatedMs < MINUTE_MS && this.#buckets.size <= MAX_CALLERS) return;
      this.#buckets.delete(caller);
    }
  }
}
