import { randomUUID } from 'node:crypto';
import { LedgerPausedError, LedgerUnavailableError, StaleWriterError } from '../../../core/ports/ledger.ts';
import { LEDGER_KEYS } from './ledger-keys.ts';
import { sequenceOf } from './ledger-replies.ts';
import { LEDGER_SCRIPTS, type LedgerScript } from './ledger-scripts.ts';
import { checkRedis, halfDone } from './redis-check.ts';
import { RedisConnection } from './redis-connection.ts';

export interface LedgerCallSettings {
  readonly url: string;
  /** Names the one ledger that belongs to the data folder. */
  readonly epoch: string;
  /** First command id of the start that this is a part of: refused once a later start has opened the ledger. */
  readonly writer: number;
  /** Highest change sequence that the archive holds: Redis must know it. */
  readonly knownSequence: number;
  /** @param trouble why the ledger can't be used from now on; null when it can again */
  readonly onChange?: (trouble: LedgerUnavailableError | null) => void;
  readonly onWarning?: (warning: string) => void;
  /** Called after answers that tell of changes: there is something to archive. */
  readonly onWrite?: () => void;
  /** A Redis that says nothing for so long while calls wait is taken for dead; 10 s when left out. */
  readonly answerTimeoutMs?: number;
}

/** What a start of an exchange knows, and Redis must fit to. */
export interface LedgerStart {
  /** Highest floor that earlier starts of this data folder may have raised: a higher one is that of a copy. */
  readonly raisedBefore: number;
  /** Commands of the journal are based on this change. */
  readonly lastLedgerSequence: number;
  /** The journal yields no more: a ledger that has settled more belongs to a longer one. */
  readonly lastEventSequence: number;
  /** Told before the floor is first asked to be raised: from then on it may be. */
  readonly onRaising: () => Promise<void>;
}

/** How long a call whose connection broke waits for the next one to learn its outcome. */
export const ASK_TIMEOUT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 10_000;
const { ledger, entries } = LEDGER_KEYS;

/**
 * Calls of scripts by one writer of one ledger: each says which ledger it means, what of it is known, and whose it is,
 * and an answer that this is not the one to go on with pauses all.
 */
export class LedgerCalls {
  readonly connection: RedisConnection;
  readonly #settings: LedgerCallSettings;
  readonly #warned = new Set<string>();
  readonly #starter = randomUUID();
  #writer: number;
  #knownSequence: number;
  #start: LedgerStart | null = null;
  #hasAsked = false; // the floor may be this start's from now on
  #hasBegun = false;

  constructor(settings: LedgerCallSettings) {
    this.#settings = settings;
    this.#writer = settings.writer;
    this.#knownSequence = settings.knownSequence;
    this.connection = new RedisConnection({
      url: settings.url,
      answerTimeoutMs: settings.answerTimeoutMs ?? ANSWER_TIMEOUT_MS,
      verify: () => this.#verify(),
      onChange: settings.onChange ?? (() => {}),
    });
  }

  /** Why nothing can be called now, or null. */
  get trouble(): LedgerUnavailableError | null {
    return this.connection.trouble;
  }

  /** Highest change sequence that anything here is based on. */
  get knownSequence(): number {
    return this.#knownSequence;
  }

  /**
   * Connects as a start of an exchange. Whenever the Redis that fits to it is there, its floor is raised before anything
   * else may be called.
   * @returns why it can't be used yet, or null; it goes on trying until it is closed
   */
  async begin(start: LedgerStart): Promise<LedgerUnavailableError | null> {
    this.#start = start;
    this.#knownSequence = Math.max(this.#knownSequence, start.lastLedgerSequence);
    await this.connection.open().catch((error: unknown) => {
      if (!(error instanceof LedgerUnavailableError)) throw error;
    });
    return this.trouble;
  }

  /** @throws StaleWriterError, LedgerUnavailableError */
  async raiseFloor(commandId: number): Promise<void> {
    this.#writer = commandId;
    const answer = await this.runAgainIfLost(
      LEDGER_SCRIPTS.raiseFloor,
      [ledger, entries],
      this.#raising(commandId - 1),
    );
    this.learn(answer[1]);
  }

  /** Runs a script whose keys begin with the ledger and whose arguments begin with what `openLedger` asks for. */
  async run(script: LedgerScript, keys: readonly string[], args: readonly string[]): Promise<string[]> {
    const answer = await this.connection.run(script, keys, this.#asked(args));
    const refusal = this.#refusalOf(answer);
    if (refusal !== null) throw this.connection.pause(refusal);
    return answer;
  }

  /** For what may be called again by its id: a lost answer is asked for once there is a connection. */
  async runAgainIfLost(script: LedgerScript, keys: readonly string[], args: readonly string[]): Promise<string[]> {
    const endMs = performance.now() + ASK_TIMEOUT_MS;
    for (;;) {
      try {
        return await this.run(script, keys, args);
      } catch (error) {
        if (!(error instanceof LedgerUnavailableError) || error.isOutcomeKnown || performance.now() > endMs)
          throw error;
        await this.connection.untilUsable(endMs - performance.now());
        if (this.trouble !== null) throw error; // still nobody knows
      }
    }
  }

  /** @returns the sequence that the ledger stands at */
  async ledgerSequence(): Promise<number> {
    const answer = await this.run(LEDGER_SCRIPTS.readSequence, [ledger], []);
    return this.learn(answer[1]);
  }

  /** @returns the sequence, which Redis must know from now on */
  learn(sequence: string | number | undefined): number {
    const learnt = sequenceOf(sequence);
    if (learnt > this.#knownSequence) {
      this.#knownSequence = learnt;
      this.#settings.onWrite?.();
    }
    return learnt;
  }

  /** The same, of a sequence whose changes are just being archived. */
  learnWithoutWord(sequence: number): void {
    this.#knownSequence = Math.max(this.#knownSequence, sequence);
  }

  #asked(args: readonly string[]): string[] {
    return [this.#settings.epoch, String(this.#knownSequence), String(this.#writer), ...args];
  }

  #raising(raisedBefore: number): string[] {
    return [String(raisedBefore), this.#starter, '0'];
  }

  /** Is this the Redis to go on with? Then it is this start's, from now on. */
  async #verify(): Promise<void> {
    const start = this.#hasBegun ? null : this.#start;
    const expected = {
      epoch: this.#settings.epoch,
      knownSequence: this.#knownSequence,
      highestFloor: start === null || this.#hasAsked ? this.#writer : start.raisedBefore,
      lastEventSequence: start?.lastEventSequence ?? null,
    };
    await checkRedis(this.connection, expected, (warning) => this.#warnOnce(warning));
    if (start === null) return;
    await start.onRaising();
    this.#hasAsked = true;
    const args = this.#asked(this.#raising(start.raisedBefore));
    const answer = await this.connection.evaluate(LEDGER_SCRIPTS.raiseFloor, [ledger, entries], args);
    const refusal = this.#refusalOf(answer);
    if (refusal !== null) throw refusal;
    this.#hasBegun = true;
    this.learn(answer[1]);
  }

  /** @returns why an answer says that this is not the ledger to go on with; null when it says no such thing */
  #refusalOf([word, fact]: readonly string[]): LedgerPausedError | null {
    switch (word) {
      case 'STALE_EPOCH':
        return fact === ''
          ? new LedgerPausedError(
              'EMPTY',
              'Redis was emptied: bring its data back, or stop the exchange and run `ledger rebuild`',
            )
          : new LedgerPausedError(
              'FOREIGN',
              'Redis holds another ledger than before: name the one of this data folder',
            );
      case 'STALE_WRITER':
        return new StaleWriterError(sequenceOf(fact));
      case 'STALE_SEQUENCE':
        return new LedgerPausedError(
          'OLDER',
          `Redis knows ${fact} changes, but ${this.#knownSequence} are known here: bring the newer data back, or run \`ledger rebuild\``,
        );
      case 'HALF_DONE':
        return halfDone(fact!);
      default:
        return null;
    }
  }

  #warnOnce(warning: string): void {
    if (this.#warned.has(warning)) return;
    this.#warned.add(warning);
    this.#settings.onWarning?.(warning);
  }
}
