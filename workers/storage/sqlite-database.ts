import { closeSync, existsSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import sqlite3, { type RunResult } from 'sqlite3';
import { fail } from '../../core/assert.ts';

/**
 * A value to bind. Amounts go in as decimal text and INTEGER columns make exact 64-bit integers of it; they come back
 * by `CAST(column AS TEXT)`. The driver binds a bigint as NULL without a word, and reads above 2^53 as a double.
 */
export type SqlValue = string | number | null;

/** SQLite refused or failed. `code` is SQLite's own, for instance SQLITE_FULL. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
  readonly code: string;
  readonly path: string;

  constructor(path: string, act: string, cause: Error) {
    super(`${path}: ${act}: ${cause.message}`, { cause });
    this.path = path;
    this.code = (cause as { code?: string }).code ?? 'SQLITE_ERROR';
  }
}

const BUSY_TIMEOUT_MS = 5_000;
const WAL_ATTEMPTS = 100;
const WAL_PAUSE_MS = 20;
/** The owner alone reads balances and keys. */
const FILE_MODE = 0o600;

/**
 * One connection as promises. Its statements run in the order of the calls. A connection is one transaction: only one
 * caller may write through it (group-commit.ts).
 */
export class SqliteDatabase {
  readonly path: string;
  readonly #handle: sqlite3.Database;

  private constructor(path: string, handle: sqlite3.Database) {
    this.path = path;
    this.#handle = handle;
  }

  /**
   * Opens a database whose commits are on disk when they return (WAL, synchronous = FULL).
   * @param mustExist refuse to make a new one
   * @throws DatabaseError
   */
  static async open(path: string, mustExist = false): Promise<SqliteDatabase> {
    if (!mustExist && !existsSync(path)) closeSync(openSync(path, 'a', FILE_MODE));
    const database = await SqliteDatabase.#connect(path, sqlite3.OPEN_READWRITE);
    await database.#writeAhead();
    await database.exec('PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
    return database;
  }

  /**
   * Opens an existing database to read what is committed, beside its writer, whom it neither stops nor waits for.
   * @throws DatabaseError
   */
  static openReader(path: string): Promise<SqliteDatabase> {
    return SqliteDatabase.#connect(path, sqlite3.OPEN_READONLY);
  }

  static async #connect(path: string, mode: number): Promise<SqliteDatabase> {
    const handle = await new Promise<sqlite3.Database>((resolve, reject) => {
      const opened = new sqlite3.Database(path, mode, (error) =>
        error ? reject(new DatabaseError(path, 'open', error)) : resolve(opened),
      );
    });
    handle.serialize();
    handle.configure('busyTimeout', BUSY_TIMEOUT_MS);
    return new SqliteDatabase(path, handle);
  }

  /** @returns all rows; the caller bounds them by LIMIT or by what the table is */
  all<Row>(sql: string, values: readonly SqlValue[] = []): Promise<Row[]> {
    requireBindable(values);
    return new Promise((resolve, reject) => {
      this.#handle.all<Row>(sql, values, (error, rows) => (error ? reject(this.#error(sql, error)) : resolve(rows)));
    });
  }

  run(sql: string, values: readonly SqlValue[] = []): Promise<void> {
    requireBindable(values);
    return new Promise((resolve, reject) => {
      this.#handle.run(sql, values, (error) => (error ? reject(this.#error(sql, error)) : resolve()));
    });
  }

  /** Runs statements without values, separated by semicolons. */
  exec(sql: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#handle.exec(sql, (error) => (error ? reject(this.#error(sql, error)) : resolve()));
    });
  }

  prepare(sql: string): Promise<SqliteStatement> {
    return new Promise((resolve, reject) => {
      const statement = this.#handle.prepare(sql, (error) =>
        error ? reject(this.#error(sql, error)) : resolve(new SqliteStatement(this.path, sql, statement)),
      );
    });
  }

  /** Every prepared statement must be finalized before. */
  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#handle.close((error) => (error ? reject(new DatabaseError(this.path, 'close', error)) : resolve()));
    });
  }

  /** Of processes that change a new file to WAL at once SQLite refuses some, without waiting as it does elsewhere. */
  async #writeAhead(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.exec('PRAGMA journal_mode = WAL');
        return;
      } catch (error) {
        if ((error as DatabaseError).code !== 'SQLITE_BUSY' || attempt === WAL_ATTEMPTS) throw error;
        await sleep(WAL_PAUSE_MS);
      }
    }
  }

  #error(sql: string, cause: Error): DatabaseError {
    return new DatabaseError(this.path, firstWords(sql), cause);
  }
}

/** A statement that is parsed once and run many times. */
export class SqliteStatement {
  readonly #path: string;
  readonly #sql: string;
  readonly #handle: sqlite3.Statement;

  constructor(path: string, sql: string, handle: sqlite3.Statement) {
    this.#path = path;
    this.#sql = sql;
    this.#handle = handle;
  }

  /** @returns how many rows it changed */
  run(values: readonly SqlValue[]): Promise<number> {
    requireBindable(values);
    return new Promise((resolve, reject) => {
      const failed = (error: Error): void => reject(new DatabaseError(this.#path, firstWords(this.#sql), error));
      // The driver tells the count as `this` of the callback.
      this.#handle.run(values, function (this: RunResult, error: Error | null) {
        if (error) failed(error);
        else resolve(this.changes);
      });
    });
  }

  finalize(): Promise<void> {
    return new Promise((resolve) => {
      this.#handle.finalize(() => resolve());
    });
  }
}

/** Stops what the driver would bind wrongly. */
export function requireBindable(values: readonly SqlValue[]): void {
  for (const value of values)
    if (typeof value !== 'string' && value !== null && !Number.isSafeInteger(value))
      fail(`a ${typeof value} is bound to a statement: amounts go in as decimal text`);
}

function firstWords(sql: string): string {
  return sql.trimStart().slice(0, 60).replace(/\s+/g, ' ');
}
