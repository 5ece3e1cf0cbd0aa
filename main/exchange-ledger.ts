import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type Ledger, LedgerUnavailableError } from '../core/ports/ledger.ts';
import type { EntryArchive } from '../core/ports/transfers.ts';
import { firstCommandIdOf } from '../core/protocol/command-id.ts';
import type { Recovered } from '../core/threads/exchange-threads.ts';
import { EmbeddedLedger } from '../workers/ledger/embedded-ledger.ts';
import { LedgerAheadError } from '../workers/ledger/ledger-errors.ts';
import type { LedgerArchive } from '../workers/ledger/redis/ledger-archive.ts';
import type { RedisLedger } from '../workers/ledger/redis/redis-ledger.ts';
import type { ExchangeDatabase } from '../workers/storage/exchange-database.ts';
import type { FolderLedger } from '../workers/storage/folder-ledger.ts';
import { readRaisedFloor } from '../workers/storage/start-number.ts';
import type { Configuration } from './configuration.ts';
import { EMBEDDED_ARCHIVE } from './exchange-transfers.ts';

export interface ExchangeLedgerHooks {
  readonly logger: Logger;
  readonly onFatal: (error: Error) => void;
  /** Told whenever the ledger may be used (null), and whenever it may not any more and why. */
  readonly onLedgerTrouble?: (trouble: LedgerUnavailableError | null) => void;
}

/** Where the ledger stands, for people. */
export interface LedgerPosition {
  readonly kind: 'embedded' | 'redis';
  readonly epoch: string | null; // names the ledger in Redis
  readonly trouble: string | null; // why it can't be used now
  readonly ledgerSequence: number; // the highest that is known while it can't be asked
  readonly archivedSequence: number; // through here its entries are in exchange.sqlite
  readonly watermarks: readonly number[]; // empty while it can't be asked
}

/** Between two looks whether the ledger that is waited for can still be asked. */
const LOOK_PAUSE_MS = 100;
/** How long whoever asks where the ledger stands waits for one that has not told of trouble yet. */
const POSITION_PATIENCE_MS = 2_000;

/** What the journal says of a ledger that goes with it. */
type Replayed = Pick<Recovered['replayed'], 'lastCommandSequence' | 'highestLedgerSequence' | 'lastEventSequence'>;

/** The ledger of the folder is an older copy than its journal. */
export class LedgerMismatchError extends Error {
  override readonly name = 'LedgerMismatchError';
}

interface RedisParts {
  readonly epoch: string;
  readonly ledger: RedisLedger;
  readonly archive: LedgerArchive;
}

/** The one ledger that the data folder has, and what runs beside it: a ledger in Redis is archived in the folder. */
export class ExchangeLedger {
  readonly ledger: Ledger;
  readonly #redis: RedisParts | null;

  readonly #database: ExchangeDatabase;
  readonly #firstCommandId: number;
  #lastSequence = 0; // as it was last told
  #hasBegun = false; // until then whoever begins is told

  private constructor(database: ExchangeDatabase, firstCommandId: number, ledger: Ledger, redis: RedisParts | null) {
    this.#database = database;
    this.#firstCommandId = firstCommandId;
    this.ledger = ledger;
    this.#redis = redis;
  }

  /**
   * @param folderLedger where the folder has it
   * @param startNumber of this start
   * @returns one that may be used once it is begun
   * @throws DatabaseError
   */
  static async open(
    database: ExchangeDatabase,
    folderLedger: FolderLedger,
    startNumber: number,
    { redisUrl, closedHolds }: Pick<Configuration, 'redisUrl' | 'closedHolds'>,
    hooks: ExchangeLedgerHooks,
  ): Promise<ExchangeLedger> {
    const firstCommandId = firstCommandIdOf(startNumber);
    if (folderLedger.kind === 'embedded' || redisUrl === undefined)
      return new ExchangeLedger(database, firstCommandId, await EmbeddedLedger.open(database, closedHolds), null);
    const { LedgerArchive } = await import('../workers/ledger/redis/ledger-archive.ts');
    const { RedisLedger } = await import('../workers/ledger/redis/redis-ledger.ts');
    const { epoch } = folderLedger;
    const ledger = RedisLedger.toBegin({
      url: redisUrl,
      epoch,
      writer: firstCommandId,
      partitionCount: database.partitionCount,
      knownSequence: Number((await database.readMeta('ledgerSequence')) ?? '0'),
      onChange: (trouble) => opened.#onChange(trouble, hooks),
      onWarning: (warning) => hooks.logger.warn(warning),
      onWrite: () => archive.wake(),
    });
    const archive = await LedgerArchive.open(database, ledger, hooks.onFatal);
    const opened = new ExchangeLedger(database, firstCommandId, ledger, { epoch, ledger, archive });
    return opened;
  }

  /**
   * The ledger must know every change that a command was based on, and the journal every event that was settled; then it
   * is this start's, and no earlier one's any more. A refused start leaves the ledger as it was. A Redis that is away, or not
   * the one to go on with, does not refuse a start that has something to go on with: orders wait, cancels are served, and
   * the same is done once the right one is there.
   * @throws LedgerMismatchError, LedgerAheadError, StaleWriterError, and at a first start LedgerUnavailableError
   */
  async begin({ lastCommandSequence, highestLedgerSequence, lastEventSequence }: Replayed): Promise<void> {
    if (this.#redis !== null) {
      const trouble = await this.#redis.ledger.begin({
        raisedBefore: await readRaisedFloor(this.#database.database),
        lastLedgerSequence: highestLedgerSequence,
        lastEventSequence,
        onRaising: async () => {
          this.#database.putMeta('raisedFloor', String(this.#firstCommandId));
          await this.#database.commits.durable();
        },
      });
      if (trouble !== null && (trouble.isForGood || lastCommandSequence === 0)) throw trouble;
      this.#hasBegun = true;
      return;
    }
    const settled = Math.max(...(await this.ledger.watermarks()));
    if (settled > lastEventSequence) throw new LedgerAheadError('exchange.sqlite', settled, lastEventSequence);
    const ledgerSequence = await this.ledger.ledgerSequence();
    if (ledgerSequence < highestLedgerSequence)
      throw new LedgerMismatchError(
        `exchange.sqlite knows ${ledgerSequence} changes, but the journal was written after ${highestLedgerSequence}: ` +
          'the database is an older copy. Restore the one that belongs to this journal.',
      );
    await this.ledger.raiseFloor(this.#firstCommandId);
  }

  /** Why it can't be used now, or null. */
  get trouble(): LedgerUnavailableError | null {
    return this.#redis?.ledger.trouble ?? null;
  }

  /** Another process may have written the ledger: what it did is archived here. */
  wakeArchive(): void {
    this.#redis?.archive.wake();
  }

  /** Tells when entries are in `exchange.sqlite`. */
  get archive(): EntryArchive {
    return this.#redis?.archive ?? EMBEDDED_ARCHIVE;
  }

  /**
   * Waits for an act that asks the ledger again and again, as long as that can be asked: a start goes on without it.
   * @param act goes on by itself; what it fails with is told here only before the ledger is away
   */
  async unlessAway(act: Promise<unknown>): Promise<void> {
    const ended = new AbortController();
    const done = act.finally(() => ended.abort());
    done.catch(() => undefined);
    while (this.trouble === null && !ended.signal.aborted)
      await sleep(LOOK_PAUSE_MS, undefined, { signal: ended.signal }).catch(() => undefined); // ended
    if (ended.signal.aborted) await done;
  }

  /** Answers in bounded time, whatever the ledger waits for. */
  async position(): Promise<LedgerPosition> {
    const asked = Promise.all([this.ledger.watermarks(), this.ledger.ledgerSequence()]);
    asked.catch(() => undefined); // told here, or too late
    try {
      const answer = await Promise.race([asked, sleep(POSITION_PATIENCE_MS, null, { ref: false })]);
      if (answer === null) return this.#unknownPosition(`no answer for ${POSITION_PATIENCE_MS} ms: ${this.#stalled}`);
      const [watermarks, ledgerSequence] = answer;
      this.#lastSequence = ledgerSequence;
      return this.#position(null, ledgerSequence, watermarks);
    } catch (error) {
      if (!(error instanceof LedgerUnavailableError)) throw error;
      return this.#unknownPosition(error.message);
    }
  }

  /** Archives everything, unless Redis can't be asked: then the next start does. The database stays open. */
  async close(): Promise<void> {
    if (this.#redis === null) return;
    const { ledger, archive } = this.#redis;
    try {
      await archive.archivedThrough(await ledger.ledgerSequence());
    } catch (error) {
      if (!(error instanceof LedgerUnavailableError)) throw error;
    }
    ledger.close();
    await archive.stop();
  }

  #onChange(trouble: LedgerUnavailableError | null, hooks: ExchangeLedgerHooks): void {
    const { logger, onFatal, onLedgerTrouble } = hooks;
    onLedgerTrouble?.(trouble);
    if (trouble === null) {
      logger.info('the ledger in Redis can be used');
      this.#redis?.archive.wake(); // what an earlier process left behind
      // Whatever this process went on to acknowledge could never be settled.
    } else if (trouble.isForGood && this.#hasBegun) onFatal(trouble);
    else logger.error({ code: trouble.code }, `no orders, settlement or deposits; cancels go on: ${trouble.message}`);
  }

  get #stalled(): string {
    return this.#redis === null ? 'a commit of exchange.sqlite waits for its disk' : 'Redis says nothing';
  }

  #unknownPosition(trouble: string): LedgerPosition {
    return this.#position(trouble, this.#redis?.ledger.knownSequence ?? this.#lastSequence, []);
  }

  #position(trouble: string | null, ledgerSequence: number, watermarks: readonly number[]): LedgerPosition {
    const archivedSequence = this.#redis?.archive.archivedSequence ?? ledgerSequence;
    const kind = this.#redis === null ? 'embedded' : 'redis';
    const epoch = this.#redis?.epoch ?? null;
    return { kind, epoch, trouble, ledgerSequence, archivedSequence, watermarks };
  }
}
