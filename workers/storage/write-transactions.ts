import type { SqliteDatabase } from './sqlite-database.ts';

/**
 * Transactions of one connection, one after the other, on a database that other processes write too: each takes the write
 * lock when it begins, so that what it reads is still so when it writes. Not for the ledger, whose only writer gathers
 * many acts into one commit (group-commit.ts).
 */
export class WriteTransactions {
  readonly #database: SqliteDatabase;
  #last: Promise<unknown> = Promise.resolve();

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  /**
   * @param act nothing of it stays when it rejects
   * @throws DatabaseError, with nothing done; whatever `act` throws
   */
  run<Result>(act: (database: SqliteDatabase) => Promise<Result>): Promise<Result> {
    return this.alone(async (database) => {
      await database.exec('BEGIN IMMEDIATE');
      try {
        const result = await act(database);
        await database.exec('COMMIT');
        return result;
      } catch (error) {
        // A commit that failed for lack of space may have ended the transaction by itself.
        await database.exec('ROLLBACK').catch(() => undefined);
        throw error;
      }
    });
  }

  /** Reads between transactions, never inside one. */
  alone<Result>(act: (database: SqliteDatabase) => Promise<Result>): Promise<Result> {
    const result = this.#last.then(() => act(this.#database));
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** @returns when everything that was begun has ended */
  async idle(): Promise<void> {
    await this.#last;
  }
}
