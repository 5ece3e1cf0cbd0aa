import type { BalanceEntries, BalanceEntry } from '../../core/ports/transfers.ts';
import { SqliteDatabase, type SqlValue } from '../storage/sqlite-database.ts';

type AmountField = 'availableBeforeUnits' | 'availableAfterUnits' | 'heldBeforeUnits' | 'heldAfterUnits';
type EntryRow = Omit<BalanceEntry, AmountField> & Record<AmountField, string>;

/**
 * Reads the entries of one account from `exchange.sqlite`, newest first. The table has no index by account, which every
 * settled fill would pay for: an account that did nothing for long is searched for from the end.
 */
export class SqliteBalanceEntries implements BalanceEntries {
  readonly #reader: SqliteDatabase;

  private constructor(reader: SqliteDatabase) {
    this.#reader = reader;
  }

  /** @param path of exchange.sqlite. @throws DatabaseError */
  static async open(path: string): Promise<SqliteBalanceEntries> {
    return new SqliteBalanceEntries(await SqliteDatabase.openReader(path));
  }

  async ofAccount(
    accountId: number,
    { assetId, sinceMs, limit }: Parameters<BalanceEntries['ofAccount']>[1],
  ): Promise<BalanceEntry[]> {
    const values: SqlValue[] = [accountId];
    if (assetId !== undefined) values.push(assetId);
    if (sinceMs !== undefined) values.push(sinceMs);
    const rows = await this.#reader.all<EntryRow>(
      `SELECT entry_sequence AS entrySequence, ledger_sequence AS ledgerSequence, asset_id AS assetId, reason,
         CAST(available_before AS TEXT) AS availableBeforeUnits, CAST(available_after AS TEXT) AS availableAfterUnits,
         CAST(held_before AS TEXT) AS heldBeforeUnits, CAST(held_after AS TEXT) AS heldAfterUnits,
         operation_id AS operationId, timestamp_ms AS timestampMs
       FROM entries WHERE account_id = ? ${assetId === undefined ? '' : 'AND asset_id = ?'}
         ${sinceMs === undefined ? '' : 'AND timestamp_ms >= ?'}
       ORDER BY entry_sequence DESC LIMIT ${limit}`,
      values,
    );
    return rows.map((row) => ({
      ...row,
      availableBeforeUnits: BigInt(row.availableBeforeUnits),
      availableAfterUnits: BigInt(row.availableAfterUnits),
      heldBeforeUnits: BigInt(row.heldBeforeUnits),
      heldAfterUnits: BigInt(row.heldAfterUnits),
    }));
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}
