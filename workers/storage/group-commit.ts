import { setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../../core/assert.ts';
import {
  DatabaseError,
  requireBindable,
  type SqliteDatabase,
  type SqliteStatement,
  type SqlValue,
} from './sqlite-database.ts';

/** What the writer needs to know of a table. The first `keyColumns` columns are its primary key; 0: rows are only added. */
export interface TableShape {
  readonly name: string;
  readonly columns: readonly string[];
  readonly keyColumns: number;
}

/** Changes of one table since the last commit began. Of a row that changed often only the latest state is written. */
interface TableChanges {
  readonly added: SqlValue[][];
  readonly latest: Map<SqlValue, { readonly key: SqlValue[]; readonly row: SqlValue[] | null }>; // null: removed
}

/** A statement whose count of changed rows decides something. */
interface ConditionalChange {
  readonly sql: string;
  readonly values: readonly SqlValue[];
  changedRows: number;
}

interface Group {
  readonly tables: Map<TableShape, TableChanges>;
  readonly conditional: ConditionalChange[];
  readonly committed: PromiseWithResolvers<void>;
}

/** Pauses between tries while the disk is full, each twice the one before. */
const FIRST_SPACE_PAUSE_MS = 20;
const LONGEST_SPACE_PAUSE_MS = 1_000;

/** Rows of one statement at most, so that the text that carries them stays small. */
const STATEMENT_ROWS = 2_000;

/**
 * The only writer of a database. Callers put the rows that one act changes, all in one synchronous step, and wait for
 * `durable`; everything that came in while a commit was under way goes into the next one, so that the disk is synced
 * once for many. What was put in one step is committed together or not at all, and never before an earlier step.
 *
 * A disk that is full is waited for: SQLite has undone the transaction, so the same group is tried again, unanswered
 * until it is there. Any other commit that fails ends everything, since memory is ahead of the disk from there on: the
 * fatal handler is called once, all waiting and later callers are rejected. Changes that wait are bounded by the callers,
 * who wait before they send more.
 */
export class GroupCommit {
  readonly #database: SqliteDatabase;
  readonly #onFatal: (error: Error) => void;
  readonly #onDiskFull: (isFull: boolean) => void;
  readonly #statements = new Map<string, SqliteStatement>();
  #gathering = newGroup();
  #writing: Promise<void> | null = null; // of the group under way; null while no writer runs
  #runner: Promise<void> | null = null;
  #failure: Error | null = null;
  #groups = 0;

  /**
   * @param onFatal ends the process: what was answered before is on disk, what comes after can't be
   * @param onDiskFull told when a commit begins to wait for space, and when it was written after all
   */
  constructor(
    database: SqliteDatabase,
    onFatal: (error: Error) => void,
    onDiskFull: (isFull: boolean) => void = () => {},
  ) {
    this.#database = database;
    this.#onFatal = onFatal;
    this.#onDiskFull = onDiskFull;
  }

  /** Commits so far: fewer than calls of `durable` under load. */
  get groups(): number {
    return this.#groups;
  }

  /** Inserts a row, or replaces the one with its key. */
  put(shape: TableShape, row: SqlValue[]): void {
    requireColumns(shape, row.length, shape.columns.length);
    if (shape.keyColumns === 0) fail(`table ${shape.name} has no key to replace a row by`);
    const key = row.slice(0, shape.keyColumns);
    this.#changes(shape).latest.set(keyText(shape, key), { key, row });
  }

  /** Removes the row with that key, if there is one. */
  remove(shape: TableShape, key: SqlValue[]): void {
    requireColumns(shape, key.length, shape.keyColumns);
    this.#changes(shape).latest.set(keyText(shape, key), { key, row: null });
  }

  /** Inserts a row into a table without overwriting anything: an equal primary key is a fatal error. */
  add(shape: TableShape, row: SqlValue[]): void {
    requireColumns(shape, row.length, shape.columns.length);
    this.#changes(shape).added.push(row);
  }

  /**
   * Runs a statement that changes rows only where its condition holds, after those of its group that came before it.
   * Must not fail on a constraint, since that would end its group: an insert says ON CONFLICT DO NOTHING.
   * @returns how many rows it changed, once that is on disk
   */
  async change(sql: string, values: readonly SqlValue[]): Promise<number> {
    const change: ConditionalChange = { sql, values, changedRows: 0 };
    this.#gathering.conditional.push(change);
    await this.durable();
    return change.changedRows;
  }

  /** @returns once everything put so far is on disk; at once when nothing waits. Rejects after a failed commit. */
  durable(): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (isEmpty(this.#gathering)) return this.#writing ?? Promise.resolve();
    this.#runner ??= this.#run();
    return this.#gathering.committed.promise;
  }

  /** Commits what waits, then gives the statements back. The database stays open. */
  async close(): Promise<void> {
    if (this.#failure === null) await this.durable();
    await this.#runner;
    for (const statement of this.#statements.values()) await statement.finalize();
    this.#statements.clear();
  }

  #changes(shape: TableShape): TableChanges {
    const { tables } = this.#gathering;
    let changes = tables.get(shape);
    if (changes === undefined) {
      changes = { added: [], latest: new Map() };
      tables.set(shape, changes);
    }
    return changes;
  }

  async #run(): Promise<void> {
    let group = this.#gathering;
    try {
      while (!isEmpty(this.#gathering)) {
        await this.#database.exec('BEGIN IMMEDIATE'); // meanwhile the group still grows
        group = this.#gathering;
        this.#gathering = newGroup();
        this.#writing = group.committed.promise;
        await this.#commit(group);
        this.#groups += 1;
        group.committed.resolve();
      }
      this.#writing = null;
      this.#runner = null;
    } catch (error) {
      this.#failure = error as Error;
      group.committed.reject(error);
      this.#gathering.committed.reject(error);
      this.#onFatal(this.#failure);
      await this.#database.exec('ROLLBACK').catch(() => undefined); // often rolled back already; the error is reported
    }
  }

  /** Writes a group into the transaction that was begun, and commits it; again and again while there is no space. */
  async #commit(group: Group): Promise<void> {
    for (let pauseMs = 0; ; ) {
      try {
        for (const [shape, changes] of group.tables) await this.#write(shape, changes);
        for (const change of group.conditional) {
          const statement = await this.#prepared(change.sql, () => change.sql);
          change.changedRows = await statement.run(change.values);
        }
        await this.#database.exec('COMMIT');
        if (pauseMs > 0) this.#onDiskFull(false);
        return;
      } catch (error) {
        if (!(error instanceof DatabaseError) || error.code !== 'SQLITE_FULL') throw error;
        if (pauseMs === 0) this.#onDiskFull(true);
        await this.#database.exec('ROLLBACK').catch(() => undefined); // SQLite has often done so by itself
        pauseMs = Math.min(Math.max(pauseMs * 2, FIRST_SPACE_PAUSE_MS), LONGEST_SPACE_PAUSE_MS);
        await sleep(pauseMs);
        await this.#database.exec('BEGIN IMMEDIATE');
      }
    }
  }

  async #write(shape: TableShape, changes: TableChanges): Promise<void> {
    const rows: SqlValue[][] = [];
    const removed: SqlValue[][] = [];
    for (const { key, row } of changes.latest.values()) row === null ? removed.push(key) : rows.push(row);
    await this.#writeRows(shape, 'remove', removed);
    await this.#writeRows(shape, 'put', rows);
    await this.#writeRows(shape, 'add', changes.added);
  }

  async #writeRows(shape: TableShape, act: WriteAct, rows: SqlValue[][]): Promise<void> {
    if (rows.length === 0) return;
    const statement = await this.#statement(shape, act);
    for (let from = 0; from < rows.length; from += STATEMENT_ROWS)
      await statement.run([rowsText(rows.slice(from, from + STATEMENT_ROWS))]);
  }

  #statement(shape: TableShape, act: WriteAct): Promise<SqliteStatement> {
    const sqlOf = (): string => (act === 'remove' ? removeSql(shape) : insertSql(shape, act));
    return this.#prepared(`${act} ${shape.name}`, sqlOf);
  }

  async #prepared(name: string, sqlOf: () => string): Promise<SqliteStatement> {
    let statement = this.#statements.get(name);
    if (statement === undefined) {
      statement = await this.#database.prepare(sqlOf());
      this.#statements.set(name, statement);
    }
    return statement;
  }
}

type WriteAct = 'remove' | 'put' | 'add';

function newGroup(): Group {
  const committed = Promise.withResolvers<void>();
  committed.promise.catch(() => undefined); // a group that nobody waits for: its failure reaches the fatal handler
  return { tables: new Map(), conditional: [], committed };
}

function isEmpty({ tables, conditional }: Group): boolean {
  return tables.size === 0 && conditional.length === 0;
}

function keyText(shape: TableShape, key: SqlValue[]): SqlValue {
  return shape.keyColumns === 1 ? key[0]! : key.join(' ');
}

function requireColumns(shape: TableShape, found: number, wanted: number): void {
  if (found !== wanted || found === 0) fail(`table ${shape.name}: ${found} values for ${wanted} columns`);
}

/**
 * Rows go into a statement as one JSON text, which SQLite's thread takes apart: bound one by one, the values cost the
 * event loop 0.6 µs each, and any number of rows needs this one statement and one turn. (bench/history-rows.ts)
 */
function rowsText(rows: readonly SqlValue[][]): string {
  for (const row of rows) requireBindable(row);
  return JSON.stringify(rows);
}

/** @returns the first columns of the rows that a statement is given */
function givenRows(columns: number): string {
  return `SELECT ${Array.from({ length: columns }, (_, column) => `value ->> ${column}`).join(', ')} FROM json_each(?)`;
}

function insertSql(shape: TableShape, act: 'put' | 'add'): string {
  const columns = shape.columns.join(', ');
  const insert = `INSERT INTO ${shape.name} (${columns}) ${givenRows(shape.columns.length)}`;
  if (act === 'add') return insert;
  const key = shape.columns.slice(0, shape.keyColumns).join(', ');
  const rest = shape.columns.slice(shape.keyColumns).map((column) => `${column} = excluded.${column}`);
  // SQLite takes ON for a join's without the WHERE.
  return `${insert} WHERE true ON CONFLICT (${key}) DO ${rest.length === 0 ? 'NOTHING' : `UPDATE SET ${rest.join(', ')}`}`;
}

function removeSql(shape: TableShape): string {
  const key = shape.columns.slice(0, shape.keyColumns).join(', ');
  return `DELETE FROM ${shape.name} WHERE (${key}) IN (${givenRows(shape.keyColumns)})`;
}
