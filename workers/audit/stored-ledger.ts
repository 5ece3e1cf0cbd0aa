import { existsSync } from 'node:fs';
import type { EngineLimits } from '../../core/engine/engine.ts';
import { readEngineLimits } from '../storage/engine-limits.ts';
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

/** One row of `transfers`, as far as money is concerned. */
export interface StoredTransfer {
  readonly transferId: number;
  readonly kind: string;
  readonly state: string;
  readonly decision: string | null;
  readonly accountId: number;
  readonly assetId: number;
  readonly units: bigint;
}

export interface StoredHold {
  readonly commandId: number;
  readonly accountId: number;
  readonly assetId: number;
  readonly units: bigint;
  /** There is a tombstone as well: it was released or settled before. */
  readonly isClosed: boolean;
}

type AmountColumn = 'availableBefore' | 'availableAfter' | 'heldBefore' | 'heldAfter';
type EntryRow = Omit<StoredEntry, AmountColumn> & Record<AmountColumn, string> & { readonly rowNumber: number };

const PAGE_ROWS = 10_000;
const ENTRY_COLUMNS = `entry_sequence AS entrySequence, ledger_sequence AS ledgerSequence, account_id AS accountId,
  asset_id AS assetId, CAST(available_before AS TEXT) AS availableBefore, CAST(available_after AS TEXT) AS availableAfter,
  CAST(held_before AS TEXT) AS heldBefore, CAST(held_after AS TEXT) AS heldAfter, reason, operation_id AS operationId`;

/** Reads what the ledger has on disk at one moment, however it goes on, the long tables page by page. Writes nothing. */
export class StoredLedger {
  /** Settlement's, by partition. */
  readonly watermarks: readonly number[];
  /** Highest change sequence given out. */
  readonly ledgerSequence: number;
  /** Those that the folder keeps. */
  readonly engineLimits: EngineLimits;
  /** `sandbox` or `production`; undefined before the first start has fixed it. */
  readonly mode: string | undefined;
  readonly #database: SqliteDatabase;

  private constructor(
    database: SqliteDatabase,
    facts: Pick<StoredLedger, 'watermarks' | 'ledgerSequence' | 'engineLimits' | 'mode'>,
  ) {
    this.#database = database;
    this.watermarks = facts.watermarks;
    this.ledgerSequence = facts.ledgerSequence;
    this.engineLimits = facts.engineLimits;
    this.mode = facts.mode;
  }

  /** @throws NotADataFolderError, SchemaTooNewError, DatabaseError */
  static async open(dataFolder: string): Promise<StoredLedger> {
    const path = exchangeDatabasePath(dataFolder);
    if (!existsSync(path)) throw new NotADataFolderError(`${dataFolder} is no data folder: it has no exchange.sqlite`);
    const database = await SqliteDatabase.openReader(path);
    try {
      await database.exec('BEGIN'); // the first read after it fixes the moment
      const version = await schemaVersion(database);
      if (version > EXCHANGE_SCHEMA.length) throw new SchemaTooNewError(path, version, EXCHANGE_SCHEMA.length);
      if (version < EXCHANGE_SCHEMA.length)
        throw new NotADataFolderError(
          `${path} has schema version ${version}: start the exchange once, that updates it`,
        );
      return new StoredLedger(database, {
        watermarks: await readWatermarks(database),
        ledgerSequence: Number((await readMeta(database, 'ledgerSequence')) ?? '0'),
        engineLimits: await readEngineLimits(database),
        mode: await readMeta(database, 'mode'),
      });
    } catch (error) {
      await database.close();
      throw error;
    }
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
    const rows = await this.#database.all<Omit<StoredHold, 'units' | 'isClosed'> & { units: string; isClosed: 0 | 1 }>(
      `SELECT command_id AS commandId, account_id AS accountId, asset_id AS assetId, CAST(units AS TEXT) AS units,
         command_id IN (SELECT command_id FROM closed_holds) AS isClosed
       FROM holds ORDER BY command_id`,
    );
    return rows.map((row) => ({ ...row, units: BigInt(row.units), isClosed: row.isClosed === 1 }));
  }

  /** @returns by asset the units of all credits, or of all debits: what the pools say must be the same */
  async operationTotals(table: 'credits' | 'debits'): Promise<Map<number, bigint>> {
    const totals = new Map<number, bigint>();
    let after = 0;
    for (;;) {
      const rows = await this.#database.all<{ operationId: number; assetId: number; units: string }>(
        `SELECT operation_id AS operationId, asset_id AS assetId, CAST(units AS TEXT) AS units
         FROM ${table} WHERE operation_id > ? ORDER BY operation_id LIMIT ${PAGE_ROWS}`,
        [after],
      );
      for (const { assetId, units } of rows) totals.set(assetId, (totals.get(assetId) ?? 0n) + BigInt(units));
      if (rows.length < PAGE_ROWS) return totals;
      after = rows.at(-1)!.operationId;
    }
  }

  /** @returns pages of all transfers, by id */
  async *transfers(): AsyncGenerator<StoredTransfer[]> {
    let after = 0;
    for (;;) {
      const rows = await this.#database.all<Omit<StoredTransfer, 'units'> & { readonly units: string }>(
        `SELECT transfer_id AS transferId, kind, state, decision, account_id AS accountId, asset_id AS assetId,
           CAST(units AS TEXT) AS units
         FROM transfers WHERE transfer_id > ? ORDER BY transfer_id LIMIT ${PAGE_ROWS}`,
        [after],
      );
      if (rows.length > 0) yield rows.map((row) => ({ ...row, units: BigInt(row.units) }));
      if (rows.length < PAGE_ROWS) return;
      after = rows.at(-1)!.transferId;
    }
  }

  /** Sorted on disk, not in memory. Called once. @returns pages of the entries of deposits and withdrawals, by operation */
  async *transferEntries(): AsyncGenerator<StoredEntry[]> {
    await this.#database.exec(
      `CREATE TEMP TABLE transfer_entries AS SELECT * FROM entries
         WHERE reason IN ('deposit', 'withdrawal') ORDER BY operation_id, entry_sequence`,
    );
    yield* this.#pages('temp.transfer_entries', 'rowid');
  }

  /** @returns pages of all entries, in the order they were written */
  entries(): AsyncGenerator<StoredEntry[]> {
    return this.#pages('entries', 'entry_sequence');
  }

  /** @returns how many entries there are */
  async entryCount(): Promise<number> {
    const rows = await this.#database.all<{ count: number }>('SELECT count(*) AS count FROM entries');
    return rows[0]!.count;
  }

  /**
   * Sorted on disk, not in memory. Called once.
   * @returns pages of the entries that settlement wrote for events after that one, by event, account and asset
   */
  async *settlementEntries(afterSequence: number): AsyncGenerator<StoredEntry[]> {
    await this.#database.exec(
      `CREATE TEMP TABLE settlement_entries AS SELECT * FROM entries
         WHERE reason NOT IN ('hold', 'release', 'deposit', 'withdrawal', 'rebuild') AND operation_id > ${afterSequence}
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

async function readWatermarks(database: SqliteDatabase): Promise<number[]> {
  const watermarks: number[] = Array(Number(await readMeta(database, 'partitionCount'))).fill(0);
  const rows = await database.all<{ partition: number; sequence: number }>(
    'SELECT partition, event_sequence AS sequence FROM watermarks',
  );
  for (const { partition, sequence } of rows) watermarks[partition] = sequence;
  return watermarks;
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
