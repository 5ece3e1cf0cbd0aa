import type { Logger } from 'pino';
import { type Ledger, LedgerUnavailableError } from '../core/ports/ledger.ts';
import type { EntryArchive } from '../core/ports/transfers.ts';
import { EmbeddedLedger } from '../workers/ledger/embedded-ledger.ts';
import { LedgerArchive } from '../workers/ledger/redis/ledger-archive.ts';
import { RedisLedger } from '../workers/ledger/redis/redis-ledger.ts';
import type { ExchangeDatabase } from '../workers/storage/exchange-database.ts';
import { fixFolderLedger } from '../workers/storage/folder-ledger.ts';
import type { Configuration } from './configuration.ts';
import { EMBEDDED_ARCHIVE } from './exchange-transfers.ts';

export interface ExchangeLedgerHooks {
  readonly logger: Logger;
  readonly onFatal: (error: Error) => void;
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

interface RedisParts {
  readonly epoch: string;
  readonly ledger: RedisLedger;
  readonly archive: LedgerArchive;
}

/** The one ledger that the data folder has, and what runs beside it: a ledger in Redis is archived in the folder. */
export class ExchangeLedger {
  readonly ledger: Ledger;
  readonly #redis: RedisParts | null;

  private constructor(ledger: Ledger, redis: RedisParts | null) {
    this.ledger = ledger;
    this.#redis = redis;
  }

  /**
   * @param settings redisUrl is undefined for the embedded ledger
   * @throws FolderLedgerError, LedgerUnavailableError, LedgerPausedError, DatabaseError
   */
  static async open(
    database: ExchangeDatabase,
    { redisUrl, closedHolds }: Pick<Configuration, 'redisUrl' | 'closedHolds'>,
    { logger, onFatal }: ExchangeLedgerHooks,
  ): Promise<ExchangeLedger> {
    const folder = await fixFolderLedger(database, redisUrl === undefined ? 'embedded' : 'redis');
    if (folder.kind === 'embedded' || redisUrl === undefined)
      return new ExchangeLedger(await EmbeddedLedger.open(database, closedHolds), null);
    let archive: LedgerArchive | null = null;
    const ledger = await RedisLedger.open({
      url: redisUrl,
      epoch: folder.epoch,
      partitionCount: database.partitionCount,
      knownSequence: Number((await database.readMeta('ledgerSequence')) ?? '0'),
      onChange: (trouble) => {
        if (trouble === null) logger.info('the ledger in Redis can be used');
        else
          logger.error({ code: trouble.code }, `no orders, settlement or deposits; cancels go on: ${trouble.message}`);
      },
      onWarning: (warning) => logger.warn(warning),
      onWrite: () => archive?.wake(),
    });
    archive = await LedgerArchive.open(database, ledger, onFatal);
    archive.wake(); // what an earlier process left behind
    return new ExchangeLedger(ledger, { epoch: folder.epoch, ledger, archive });
  }

  /** Tells when entries are in `exchange.sqlite`. */
  get archive(): EntryArchive {
    return this.#redis?.archive ?? EMBEDDED_ARCHIVE;
  }

  /** What it is called in a sentence. */
  get name(): string {
    return this.#redis === null ? 'exchange.sqlite' : 'Redis';
  }

  /** What to do when it is an older copy than the journal was written after. */
  get remedy(): string {
    return this.#redis === null
      ? 'the database is an older copy. Restore the one that belongs to this journal.'
      : 'it is an older copy. Bring its newer data back, or run `ledger rebuild`.';
  }

  async position(): Promise<LedgerPosition> {
    try {
      const [watermarks, ledgerSequence] = await Promise.all([this.ledger.watermarks(), this.ledger.ledgerSequence()]);
      return this.#position(null, ledgerSequence, watermarks);
    } catch (error) {
      if (!(error instanceof LedgerUnavailableError) || this.#redis === null) throw error;
      return this.#position(error.message, this.#redis.ledger.knownSequence, []);
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

  #position(trouble: string | null, ledgerSequence: number, watermarks: readonly number[]): LedgerPosition {
    const archivedSequence = this.#redis?.archive.archivedSequence ?? ledgerSequence;
    const kind = this.#redis === null ? 'embedded' : 'redis';
    const epoch = this.#redis?.epoch ?? null;
    return { kind, epoch, trouble, ledgerSequence, archivedSequence, watermarks };
  }
}
