import type { GroupCommit, TableShape } from '../storage/group-commit.ts';
import type { SqliteDatabase } from '../storage/sqlite-database.ts';

/** A credit or a debit that was applied, with what its first answer said. */
export interface OperationRecord {
  readonly accountId: number;
  readonly assetId: number;
  readonly units: bigint;
  readonly availableUnits: bigint;
  readonly ledgerSequence: number;
}

/**
 * Every credit, or every debit, ever applied, by its id. Those on disk stay there, as they are many and asked for rarely; those that wait
 * for their commit are in memory too.
 */
export class OperationRecords {
  readonly #database: SqliteDatabase;
  readonly #commits: GroupCommit;
  readonly #table: TableShape;
  readonly #waiting = new Map<number, OperationRecord>();
  #turn: Promise<unknown> = Promise.resolve();

  /** @param table CREDITS or DEBITS */
  constructor(database: SqliteDatabase, commits: GroupCommit, table: TableShape) {
    this.#table = table;
    this.#database = database;
    this.#commits = commits;
  }

  /**
   * Finds an id and decides on it before the next id is looked for: two requests of one id can't both find nothing.
   * @param decide runs in one synchronous step with the record found, or undefined
   */
  decide<Answer>(operationId: number, decide: (known: OperationRecord | undefined) => Answer): Promise<Answer> {
    const answer = this.#turn.then(async () => {
      // Memory first: a record leaves it only once it is on disk, where the look-up then finds it.
      return decide(this.#waiting.get(operationId) ?? (await this.#findStored(operationId)));
    });
    this.#turn = answer.catch(() => undefined);
    return answer;
  }

  add(operationId: number, record: OperationRecord): void {
    const { accountId, assetId, units, availableUnits, ledgerSequence } = record;
    this.#waiting.set(operationId, record);
    const row = [operationId, accountId, assetId, units.toString(), availableUnits.toString(), ledgerSequence];
    this.#commits.add(this.#table, row);
    this.#commits.durable().then(
      () => this.#waiting.delete(operationId),
      () => undefined, // a failed commit ends the process
    );
  }

  async #findStored(operationId: number): Promise<OperationRecord | undefined> {
    const rows = await this.#database.all<
      Record<'units' | 'available', string> & Record<'accountId' | 'assetId' | 'ledgerSequence', number>
    >(
      `SELECT account_id AS accountId, asset_id AS assetId, CAST(units AS TEXT) AS units,
         CAST(available_units AS TEXT) AS available, ledger_sequence AS ledgerSequence
       FROM ${this.#table.name} WHERE operation_id = ?`,
      [operationId],
    );
    const row = rows[0];
    if (row === undefined) return undefined;
    const { accountId, assetId, units, available, ledgerSequence } = row;
    return { accountId, assetId, units: BigInt(units), availableUnits: BigInt(available), ledgerSequence };
  }
}
