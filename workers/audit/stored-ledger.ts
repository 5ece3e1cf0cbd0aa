import { existsSync } from 'node:fs';
import { exchangeDatabasePath, readMeta } from '../storage/exchange-database.ts';
import { EXCHANGE_SCHEMA } from '../storage/exchange-schema.ts';
import { SchemaTooNewError, schemaVersion } from '../storage/migrations.ts';
import { SqliteDatabase } from '../storage/sqlite-database.ts';

/** The folder holds nothing that can be checked. */
export class NotADataFolderError extends Error {
  override readonly name = 'NotADataFolderError';
}

/** One row of `entries`. */
export interface StoredEntry {
  readonly entrySequence: number;
  readonly ledgerSequence: number;
  readonly accountId: number;
  readonly assetId: number;
  readonly availableBefore: bigint;
  readonly availableAfter: bigint;
  readonly heldBefore: bigint;
  readonly heldAfter: bigint;
  readonly reason: string;
  readonly operationId: number;
}

export interface StoredHold {
  readonly commandId: number;
  readonly accountId: number;
  readonly assetId: number;
  readonly units: bigint;
}

type AmountColumn = 'availableBefore' | 'availableAfter' | 'heldBefore' | 'heldAfter';
type EntryRow = Omit<StoredEntry, AmountColumn> & Record<AmountColumn, string> & { readonly rowNumber: number };

const PAGE_ROWS = 10_000;
const ENTRY_COLUMNS = `entry_sequence AS entrySequence, ledger_sequence AS ledgerSequence, account_id AS accountId,
  asset_id AS assetId, CAST(available_before AS TEXT) AS availableBefore, CAST(available_after AS TEXT) AS availableAfter,
  CAST(held_before AS TEXT) AS heldBefore, CAST(held_after AS TEXT) AS heldAfter, reason, operation_id AS operationId`;

/** Reads what a stopped exchange's ledger has on disk, the long tables page by page. Writes nothing. */
export class StoredLedger {
  readonly #database: SqliteDatabase;

  private constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  /** @throws NotADataFolderError, SchemaTooNewError, DatabaseError */
  static async open(dataFolder: string): Promise<StoredLedger> {
    const path = exchangeDatabasePath(dataFolder);
    if (!existsSync(path)) throw new NotADataFolderError(`${dataFolder} is no data folder: it has no exchange.sqlite`);
    const database = await SqliteDatabase.open(path, true);
    const version = await schemaVersion(database);
    if (version === EXCHANGE_SCHEMA.length) return new StoredLedger(database);
    await database.close();
    if (version > EXCHANGE_SCHEMA.length) throw new SchemaTooNewError(path, version, EXCHANGE_SCHEMA.length);
    throw new NotADataFolderError(`${path} has schema version ${version}: start the exchange once, that updates it`);
  }

  async partitionCount(): Promise<number> {
    return Number(await readMeta(this.#database, 'partitionCount'));
  }

  async ledgerSequence(): Promise<number> {
    return Number((await readMeta(this.#database, 'ledgerSequence')) ?? '0');
  }

  /** @returns settlement's watermark of each partition */
  async watermarks(): Promise<number[]> {
    const watermarks: number[] = Array(await this.partitionCount()).fill(0);
    const rows = await this.#database.all<{ partition: number; sequence: number }>(
      'SELECT partition, event_sequence AS sequence FROM watermarks',
    );
    for (const { partition, sequence } of rows) watermarks[partition] = sequence;
    return watermarks;
  }

  async balances(): Promise<{ accountId: number; assetId: number; availableUnits: bigint; heldUnits: bigint }[]> {
    const rows = await this.#database.all<{ accountId: number; assetId: number; available: string; held: string }>(
      `SELECT account_id AS accountId, asset_id AS assetId, CAST(available_units AS TEXT) AS available,
         CAST(held_units AS TEXT) AS held FROM balances`,
    );
    return rows.map(({ accountId, assetId, available, held }) => ({
      accountId,
      assetId,
      availableUnits: BigInt(available),
      heldUnits: BigInt(held),
    }));
  }

  async pools(): Promise<{ assetId: number; creditedUnits: bigint; debitedUnits: bigint }[]> {
    const rows = await this.#database.all<{ assetId: number; credited: string; debited: string }>(
      'SELECT asset_id AS assetId, credited_units AS credited, debited_units AS debited FROM pools',
    );
    return rows.map(({ assetId, credited, debited }) => ({
      assetId,
      creditedUnits: BigInt(credited),
      debitedUnits: BigInt(debited),
    }));
  }

  async openHolds(): Promise<StoredHold[]> {
    const rows = await this.#database.all<Omit<StoredHold, 'units'> & { units: string }>(
      `SELECT command_id AS commandId, account_id AS accountId, asset_id AS assetId, CAST(units AS TEXT) AS units
       FROM holds ORDER BY command_id`,
    );
    return rows.map((row) => ({ ...row, units: BigInt(row.units) }));
  }

  /** All credits, summed up exactly: what the pools say must be the same. */
  async *credits(): AsyncGenerator<{ operationId: number; accountId: number; assetId: number; units: bigint }> {
    let after = 0;
    for (;;) {
      const rows = await this.#database.all<{ operationId: number; accountId: number; assetId: number; units: string }>(
        `SELECT operation_id AS operationId, account_id AS accountId, asset_id AS assetId, CAST(units AS TEXT) AS units
         FROM credits WHERE operation_id > ? ORDER BY operation_id LIMIT ${PAGE_ROWS}`,
        [after],
      );
      for (const row of rows) yield { ...row, units: BigInt(row.units) };
      if (rows.length < PAGE_ROWS) return;
      after = rows.at(-1)!.operationId;
    }
  }

  /** @returns pages of all entries, in the order they were written */
  entries(): AsyncGenerator<StoredEntry[]> {
    return this.#pages('entries', 'entry_sequence');
  }

  /** @returns pages of the entries that settlement wrote, by event, account and asset; sorted on disk, not in memory */
  async *settlementEntries(): AsyncGenerator<StoredEntry[]> {
    await this.#database.exec(
      `DROP TABLE IF EXISTS temp.settlement_entries;
       CREATE TEMP TABLE settlement_entries AS SELECT * FROM entries
         WHERE reason IN ('fill', 'fee', 'cancel', 'reject')
         ORDER BY operation_id, account_id, asset_id, entry_sequence`,
    );
    yield* this.#pages('temp.settlement_entries', 'rowid');
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  async *#pages(table: string, orderColumn: string): AsyncGenerator<StoredEntry[]> {
    let after = 0;
    for (;;) {
      const rows = await this.#database.all<EntryRow>(
        `SELECT ${orderColumn} AS rowNumber, ${ENTRY_COLUMNS} FROM ${table}
         WHERE ${orderColumn} > ? ORDER BY ${orderColumn} LIMIT ${PAGE_ROWS}`,
        [after],
      );
      if (rows.length > 0) yield rows.map(entryOf);
      if (rows.length < PAGE_ROWS) return;
      after = rows.at(-1)!.rowNumber;
    }
  }
}

function entryOf(row: EntryRow): StoredEntry {
  const { entrySequence, ledgerSequence, accountId, assetId, reason, operationId } = row;
  return {
    entrySequence,
    ledgerSequence,
    accountId,
    assetId,
    availableBefore: BigInt(row.availableBefore),
    availableAfter: BigInt(row.availableAfter),
    heldBefore: BigInt(row.heldBefore),
    heldAfter: BigInt(row.heldAfter),
    reason,
    operationId,
  };
}
