import type { CreditAnswer, CreditRequest } from '../../core/ports.ts';
import type { GroupCommit } from '../storage/group-commit.ts';
import type { SqliteDatabase } from '../storage/sqlite-database.ts';
import { CREDITS } from './ledger-tables.ts';

/** A credit that was applied, with what its first answer said. */
export interface CreditRecord {
  readonly accountId: number;
  readonly assetId: number;
  readonly units: bigint;
  readonly availableUnits: bigint;
  readonly ledgerSequence: number;
}

/**
 * Every credit ever applied, by its id. Those on disk stay there, as they are many and asked for rarely; those that wait
 * for their commit are in memory too.
 */
export class CreditRecords {
  readonly #database: SqliteDatabase;
  readonly #commits: GroupCommit;
  readonly #waiting = new Map<number, CreditRecord>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(database: SqliteDatabase, commits: GroupCommit) {
    this.#database = database;
    this.#commits = commits;
  }

  /**
   * Finds an id and decides on it before the next id is looked for: two requests of one id can't both find nothing.
   * @param decide runs in one synchronous step with the record found, or undefined
   */
  decide(operationId: number, decide: (known: CreditRecord | undefined) => CreditAnswer): Promise<CreditAnswer> {
    const answer = this.#turn.then(async () => {
      // Memory first: a record leaves it only once it is on disk, where the look-up then finds it.
      return decide(this.#waiting.get(operationId) ?? (await this.#findStored(operationId)));
    });
    this.#turn = answer.catch(() => undefined);
    return answer;
  }

  add(request: CreditRequest, availableUnits: bigint, ledgerSequence: number): void {
    const { operationId, accountId, assetId, units } = request;
    this.#waiting.set(operationId, { accountId, assetId, units, availableUnits, ledgerSequence });
    const row = [operationId, accountId, assetId, units.toString(), availableUnits.toString(), ledgerSequence];
    this.#commits.add(CREDITS, row);
    this.#commits.durable().then(
      () => this.#waiting.delete(operationId),
      () => undefined, // a failed commit ends the process
    );
  }

  async #findStored(operationId: number): Promise<CreditRecord | undefined> {
    const rows = await this.#database.all<
      Record<'units' | 'available', string> & Record<'accountId' | 'assetId' | 'ledgerSequence', number>
    >(
      `SELECT account_id AS accountId, asset_id AS assetId, CAST(units AS TEXT) AS units,
         CAST(available_units AS TEXT) AS available, ledger_sequence AS ledgerSequence
       FROM credits WHERE operation_id = ?`,
      [operationId],
    );
    const row = rows[0];
    if (row === undefined) return undefined;
    const { accountId, assetId, units, available, ledgerSequence } = row;
    return { accountId, assetId, units: BigInt(units), availableUnits: BigInt(available), ledgerSequence };
  }
}
