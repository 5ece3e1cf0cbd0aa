import { Redis } from 'ioredis';
import { LedgerPausedError, LedgerUnavailableError } from '../../../core/ports/ledger.ts';
import type { LedgerScriptError } from '../ledger-errors.ts';
import type { LedgerScript } from './ledger-scripts.ts';
import { ledgerErrorOf, replyCode } from './redis-errors.ts';

export interface RedisConnectionSettings {
  readonly url: string;
  /** A server that says nothing for so long while calls wait is taken for dead. */
  readonly answerTimeoutMs: number;
  /**
   * Run on every new connection, and again and again while it fails, before anything else may use it.
   * @throws LedgerPausedError when this is not the Redis to go on with; anything else to try again
   */
  readonly verify: (connection: RedisConnection) => Promise<void>;
  /** Told whenever the ledger may be used, and whenever it may not any more and why. */
  readonly onChange: (trouble: LedgerUnavailableError | null) => void;
}

const CONNECT_TIMEOUT_MS = 5_000;
const LONGEST_RECONNECT_PAUSE_MS = 500;
const VERIFY_PAUSE_MS = 500;

/**
 * A connection that never sends anything twice or later than it was asked to: no queue while offline, nothing sent again
 * by itself. What is under way when it breaks is rejected at once with an outcome that nobody knows.
 */
export class RedisConnection {
  readonly #settings: RedisConnectionSettings;
  readonly #redis: Redis;
  /** Why nothing may be called now; null while all is well. */
  #trouble: LedgerUnavailableError | null;
  #unreachable: LedgerUnavailableError | null = null; // why the last try to connect came to nothing
  #isClosed = false;
  #epoch = 0; // rises with each connection: a verification that took longer than its connection counts for nothing
  #verifyTimer: NodeJS.Timeout | undefined;
  #waiters: PromiseWithResolvers<void>[] = [];
  readonly #firstVerdict = Promise.withResolvers<void>();

  constructor(settings: RedisConnectionSettings) {
    this.#settings = settings;
    this.#trouble = away(`no connection to ${withoutPassword(settings.url)} yet`);
    this.#redis = new Redis(settings.url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0, // without it what was under way would never be answered
      connectTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: settings.answerTimeoutMs,
      retryStrategy: (attempt) => Math.min(20 * 2 ** Math.min(attempt, 10), LONGEST_RECONNECT_PAUSE_MS),
    });
    this.#redis.on('ready', () => {
      this.#epoch += 1;
      this.#unreachable = null;
      void this.#verify(this.#epoch);
    });
    this.#redis.on('close', () => {
      this.#epoch += 1;
      clearTimeout(this.#verifyTimer);
      if (!(this.#trouble instanceof LedgerPausedError))
        this.#setTrouble(this.#unreachable ?? away('the connection to Redis is lost'));
      this.#firstVerdict.resolve();
    });
    this.#redis.on('error', (error: Error) => {
      this.#unreachable = away(
        `Redis can't be reached at ${withoutPassword(settings.url)} (${error.message}): start it, or name another one in RINGBOOK_REDIS_URL`,
      );
      if (this.#trouble !== null && !(this.#trouble instanceof LedgerPausedError)) this.#trouble = this.#unreachable;
    });
  }

  /**
   * Connects once.
   * @throws LedgerUnavailableError, LedgerPausedError: it goes on trying until it is closed
   */
  async open(): Promise<void> {
    this.#redis.connect().catch(() => undefined); // told by `error` and `close` as well
    await this.#firstVerdict.promise;
    if (this.#trouble !== null) throw this.#trouble;
  }

  get trouble(): LedgerUnavailableError | null {
    return this.#trouble;
  }

  /**
   * Runs a script, which Redis may have to be told first.
   * @throws LedgerUnavailableError, LedgerPausedError, LedgerScriptError
   */
  async run(script: LedgerScript, keys: readonly string[], args: readonly string[]): Promise<string[]> {
    if (this.#trouble !== null) throw this.#trouble;
    try {
      return await this.evaluate(script, keys, args);
    } catch (error) {
      if (!(error instanceof LedgerUnavailableError)) await this.#verify(this.#epoch); // is anything half done?
      throw error;
    }
  }

  /** The same while the ledger may not be used: for `verify` alone. */
  async evaluate(script: LedgerScript, keys: readonly string[], args: readonly string[]): Promise<string[]> {
    const { name, sha, source } = script;
    try {
      try {
        return (await this.#redis.call('EVALSHA', sha, keys.length, ...keys, ...args)) as string[];
      } catch (error) {
        if (replyCode(error) !== 'NOSCRIPT') throw error;
        return (await this.#redis.call('EVAL', source, keys.length, ...keys, ...args)) as string[];
      }
    } catch (error) {
      throw ledgerErrorOf(error, name);
    }
  }

  /** A command that is no script. @throws LedgerUnavailableError, LedgerScriptError */
  async command(name: string, ...args: string[]): Promise<unknown> {
    try {
      return await this.#redis.call(name, ...args);
    } catch (error) {
      throw ledgerErrorOf(error, name);
    }
  }

  /** Nothing may be called until a later verification finds all well. */
  pause(error: LedgerPausedError): LedgerPausedError {
    this.#setTrouble(error);
    this.#verifyLater(this.#epoch);
    return error;
  }

  /** @returns once the ledger may be used, or after that time; rejects when it was closed */
  async untilUsable(timeoutMs: number): Promise<void> {
    if (this.#isClosed) throw this.#trouble ?? closed();
    if (this.#trouble === null) return;
    const waiter = Promise.withResolvers<void>();
    this.#waiters.push(waiter);
    const timer = setTimeout(() => {
      this.#waiters = this.#waiters.filter((other) => other !== waiter);
      waiter.resolve();
    }, timeoutMs);
    try {
      await waiter.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#verifyTimer);
    this.#redis.disconnect();
    this.#trouble = closed();
    for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#trouble);
  }

  async #verify(epoch: number): Promise<void> {
    try {
      await this.#settings.verify(this);
      if (epoch === this.#epoch) this.#setTrouble(null);
    } catch (error) {
      if (epoch !== this.#epoch || this.#isClosed) return;
      const isKnown = error instanceof LedgerUnavailableError;
      this.#setTrouble(isKnown ? error : away(`Redis could not be checked: ${(error as LedgerScriptError).message}`));
      this.#verifyLater(epoch);
    } finally {
      if (epoch === this.#epoch) this.#firstVerdict.resolve();
    }
  }

  #verifyLater(epoch: number): void {
    clearTimeout(this.#verifyTimer);
    this.#verifyTimer = setTimeout(() => {
      if (epoch === this.#epoch) void this.#verify(epoch);
    }, VERIFY_PAUSE_MS).unref();
  }

  #setTrouble(trouble: LedgerUnavailableError | null): void {
    if (this.#isClosed) return;
    const isNews = trouble?.code !== this.#trouble?.code;
    this.#trouble = trouble;
    if (isNews) this.#settings.onChange(trouble);
    if (trouble === null) for (const waiter of this.#waiters.splice(0)) waiter.resolve();
  }
}

function away(message: string): LedgerUnavailableError {
  return new LedgerUnavailableError(message, { code: 'AWAY', isOutcomeKnown: true });
}

function closed(): LedgerUnavailableError {
  return new LedgerUnavailableError('the ledger was closed', { code: 'CLOSED', isOutcomeKnown: true, isForGood: true });
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//…@');
}
