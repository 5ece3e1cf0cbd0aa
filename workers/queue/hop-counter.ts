import { Redis } from 'ioredis';

/**
 * Counts forwards and retries of each job over a short time, outside of the job: a loop that loses the count that the job
 * carries can't lose this one. What the broker delivers again is not counted.
 */
export interface HopCounter {
  /** Call before the job is sent on. @returns how often that was in the last minute, with this time; 0 when unknown */
  count(jobId: string): Promise<number>;
  /** It was not sent on after all. */
  uncount(jobId: string): Promise<void>;
  /** An operator begins it anew. */
  forget(jobId: string): Promise<void>;
  close(): void;
}

/** A loop is quicker than this, and a count ends so long after the last hop. */
const WINDOW_SECONDS = 60;
const ANSWER_TIMEOUT_MS = 1_000;
const LONGEST_RECONNECT_PAUSE_MS = 1_000;
const KEY_PREFIX = 'ringbook:hops:';

/**
 * The counter that all workers share. While Redis is away nothing is counted and jobs go on by the count that they carry:
 * a job must not wait for the net below the net.
 */
export class RedisHopCounter implements HopCounter {
  readonly #redis: Redis;
  readonly #onTrouble: (error: Error) => void;

  /** @param onTrouble told of each call that failed */
  constructor(url: string, onTrouble: (error: Error) => void = () => {}) {
    this.#onTrouble = onTrouble;
    this.#redis = new Redis(url, {
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      commandTimeout: ANSWER_TIMEOUT_MS,
      retryStrategy: (attempt) => Math.min(20 * 2 ** Math.min(attempt, 10), LONGEST_RECONNECT_PAUSE_MS),
    });
    this.#redis.on('error', () => {}); // each call tells of it
  }

  async count(jobId: string): Promise<number> {
    const key = KEY_PREFIX + jobId;
    try {
      const answers = await this.#redis.multi().incr(key).expire(key, WINDOW_SECONDS).exec();
      return Number(answers?.[0]?.[1] ?? 0);
    } catch (error) {
      this.#onTrouble(error as Error);
      return 0;
    }
  }

  async uncount(jobId: string): Promise<void> {
    const key = KEY_PREFIX + jobId;
    await this.#redis.multi().decr(key).expire(key, WINDOW_SECONDS).exec().catch(this.#onTrouble);
  }

  async forget(jobId: string): Promise<void> {
    await this.#redis.del(KEY_PREFIX + jobId).catch(this.#onTrouble);
  }

  close(): void {
    this.#redis.disconnect();
  }
}

/** Jobs that a counter of one process remembers; the oldest are forgotten first. */
const MAX_LOCAL_JOBS = 100_000;

/** The counter of an exchange without Redis: its one process sees every hop. */
export class LocalHopCounter implements HopCounter {
  readonly #hops = new Map<string, { count: number; endsMs: number }>(); // the oldest hop first

  count(jobId: string): Promise<number> {
    const now = performance.now();
    const before = this.#hops.get(jobId);
    const count = before === undefined || before.endsMs <= now ? 1 : before.count + 1;
    this.#hops.delete(jobId);
    this.#hops.set(jobId, { count, endsMs: now + WINDOW_SECONDS * 1_000 });
    if (this.#hops.size > MAX_LOCAL_JOBS) this.#hops.delete(this.#hops.keys().next().value!);
    return Promise.resolve(count);
  }

  uncount(jobId: string): Promise<void> {
    const hops = this.#hops.get(jobId);
    if (hops !== undefined) hops.count -= 1;
    return Promise.resolve();
  }

  forget(jobId: string): Promise<void> {
    this.#hops.delete(jobId);
    return Promise.resolve();
  }

  close(): void {
    this.#hops.clear();
  }
}
