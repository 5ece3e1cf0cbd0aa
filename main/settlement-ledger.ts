import { type Ledger, type SettleAnswer, type SettlementBatch, StaleWriterError } from '../core/ports/ledger.ts';
import { RedisLedger } from '../workers/ledger/redis/redis-ledger.ts';
import { readMeta } from '../workers/storage/exchange-database.ts';
import { readRaisedFloor } from '../workers/storage/start-number.ts';
import type { WorkerFolder } from './worker-folder.ts';

export interface SettlementLedgerHooks {
  /** @param trouble why it can't be used from now on; null when it can again */
  readonly onTrouble: (trouble: Error | null) => void;
  readonly onWarning: (warning: string) => void;
}

/** A ledger as of one start of the exchange. */
interface OpenLedger {
  readonly writer: number;
  readonly ledger: RedisLedger;
}

/**
 * The ledger in Redis as a settlement worker uses it: in the name of the exchange's present start, whichever that is. When
 * the exchange is started anew, Redis refuses what comes in the name of the start before, and the folder tells the new one;
 * a folder that knows no newer one is a copy, and its worker stays refused.
 */
export class SettlementLedger implements Pick<Ledger, 'settle' | 'watermarks'> {
  readonly #folder: WorkerFolder;
  readonly #redisUrl: string;
  readonly #hooks: SettlementLedgerHooks;
  #open: Promise<OpenLedger> | null = null;

  constructor(folder: WorkerFolder, redisUrl: string, hooks: SettlementLedgerHooks) {
    this.#folder = folder;
    this.#redisUrl = redisUrl;
    this.#hooks = hooks;
  }

  /** @throws as RedisLedger.settle: LedgerUnavailableError also while there has been no Redis yet */
  settle(batch: SettlementBatch): Promise<SettleAnswer> {
    return this.#ask((ledger) => ledger.settle(batch));
  }

  /** @throws LedgerUnavailableError */
  watermarks(): Promise<readonly number[]> {
    return this.#ask((ledger) => ledger.watermarks());
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = null;
    (await open?.catch(() => null))?.ledger.close();
  }

  async #ask<Answer>(call: (ledger: RedisLedger) => Promise<Answer>): Promise<Answer> {
    const open = await this.#present();
    try {
      return await call(open.ledger);
    } catch (error) {
      if (!(error instanceof StaleWriterError)) throw error;
      const { database } = this.#folder;
      if ((await readRaisedFloor(database)) <= open.writer) throw error;
      await this.#giveUp(open);
      return call((await this.#present()).ledger);
    }
  }

  /** One for all who ask at the same time; what could not be opened is tried again by the next who asks. */
  #present(): Promise<OpenLedger> {
    this.#open ??= this.#connect().catch((error: unknown) => {
      this.#open = null;
      throw error;
    });
    return this.#open;
  }

  async #connect(): Promise<OpenLedger> {
    const { epoch, partitionCount, database } = this.#folder;
    const { onTrouble, onWarning } = this.#hooks;
    const writer = await readRaisedFloor(database);
    const knownSequence = Number((await readMeta(database, 'ledgerSequence')) ?? '0');
    const settings = { url: this.#redisUrl, epoch, writer, partitionCount, knownSequence };
    return { writer, ledger: await RedisLedger.open({ ...settings, onChange: onTrouble, onWarning }) };
  }

  async #giveUp(stale: OpenLedger): Promise<void> {
    const present = await this.#open?.catch(() => null);
    if (present !== stale) return; // somebody else has seen it first
    this.#open = null;
    stale.ledger.close();
  }
}
