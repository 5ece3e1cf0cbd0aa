import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import type { Clock } from '../../core/ports/clock.ts';
import type { Ledger } from '../../core/ports/ledger.ts';
import {
  EMBEDDED_ARCHIVE,
  ExchangeTransfers,
  openTransferStores,
  type TransferStores,
} from '../../main/exchange-transfers.ts';
import { ExchangeDatabase } from '../../workers/storage/exchange-database.ts';

/** The real transfer desk over a database of its own; a restart opens another desk on it. */
export class InlineFunds {
  readonly #folder: string;
  readonly #database: ExchangeDatabase;
  readonly #stores: TransferStores;

  private constructor(folder: string, database: ExchangeDatabase, stores: TransferStores) {
    this.#folder = folder;
    this.#database = database;
    this.#stores = stores;
  }

  static async open(): Promise<InlineFunds> {
    const folder = mkdtempSync(join(tmpdir(), 'ringbook-funds-'));
    const database = await ExchangeDatabase.open(folder, (error) => {
      throw error;
    });
    return new InlineFunds(folder, database, await openTransferStores(database, { nowMs: () => Date.now() }));
  }

  transfers(ledger: Ledger, ids: { next(): number }, clock: Clock): ExchangeTransfers {
    return new ExchangeTransfers(this.#stores, {
      ledger,
      archive: EMBEDDED_ARCHIVE,
      ids,
      clock,
      logger: pino({ level: 'silent' }),
    });
  }

  async close(): Promise<void> {
    await Promise.all(Object.values(this.#stores).map((store) => store.close()));
    await this.#database.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
