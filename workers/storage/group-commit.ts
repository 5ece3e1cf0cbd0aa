import { setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../../core/assert.ts';
import { type RowChange, RowStatements, type TableShape } from './row-statements.ts';
import { DatabaseError, type SqliteDatabase, type SqliteStatement, type SqlValue } from './sqlite-database.ts';

export type { TableShape } from './row-statements.ts';

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
  readonly #rows: RowStatements;
  readonly #conditional = new Map<string, SqliteStatement>(); // by SQL
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
    this.#rows = new RowStatements(database);
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
    await this.#rows.finalize();
    for (const statement of this.#conditional.values()) await statement.finalize();
    this.#conditional.clear();
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
        await this.#rows.write(rowChanges(group));
        for (const change of group.conditional) {
          const statement = await this.#prepared(change.sql);
          change.changedRows = await statement.run(change.values);
        }
        await this.#database.exec('COMMIT');
        if (pauseMs > 0) this.#onDiskFull(false);
        return;
      } catch (error) {
        if (!(error instanceof DatabaseError) || error.code !== 'SQLITE_FULL') throw error;
        if (pauseMs === 0) this.#onDiskFull(true);
        await this.#database.exec('ROLLBACK').catch(() => undefined); // SQLite has often done so by itself
        await this.#rows.rolledBack();
        pauseMs = Math.min(Math.max(pauseMs * 2, FIRST_SPACE_PAUSE_MS), LONGEST_SPACE_PAUSE_MS);
        await sleep(pauseMs);
        await this.#database.exec('BEGIN IMMEDIATE');
      }
    }
  }

  async #prepared(sql: string): Promise<SqliteStatement> {
    let statement = this.#conditional.get(sql);
    if (statement === undefined) {
      statement = await this.#database.prepare(sql);
      this.#conditional.set(sql, statement);
    }
    return statement;
  }
}

function newGroup(): Group {
  const committed = Promise.withResolvers<void>();
  committed.promise.catch(() => undefined); // a group that nobody waits for: its failure reaches the fatal handler
  return { tables: new Map(), conditional: [], committed };
}

function isEmpty({ tables, conditional }: Group): boolean {
  return tables.size === 0 && conditional.length === 0;
}

/** @returns what a group changes, table by table: removed rows first, then those that are there from now on */
function rowChanges({ tables }: Group): RowChange[] {
  const found: RowChange[] = [];
  for (const [shape, { added, latest }] of tables) {
    const rows: SqlValue[][] = [];
    const removed: SqlValue[][] = [];
    for (const { key, row } of latest.values()) row === null ? removed.push(key) : rows.push(row);
    found.push(
      { shape, act: 'remove', rows: removed },
      { shape, act: 'put', rows },
      { shape, act: 'add', rows: added },
    );
  }
  return found.filter(({ rows }) => rows.length > 0);
}

function keyText(shape: TableShape, key: SqlValue[]): SqlValue {
  return shape.keyColumns === 1 ? key[0]! : key.join(' ');
}

function requireColumns(shape: TableShape, found: number, wanted: number): void {
  if (found !== wanted || found === 0) fail(`table ${shape.name}: ${found} values for ${wanted} columns`);
}
