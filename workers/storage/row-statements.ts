import { requireBindable, type SqliteDatabase, type SqliteStatement, type SqlValue } from './sqlite-database.ts';

/** What the writer needs to know of a table. The first `keyColumns` columns are its primary key; 0: rows are only added. */
export interface TableShape {
  readonly name: string;
  readonly columns: readonly string[];
  readonly keyColumns: number;
}

export type RowAct = 'remove' | 'put' | 'add';

/** What is to be done with rows of one table: whole rows, or the keys of those to remove. */
export interface RowChange {
  readonly shape: TableShape;
  readonly act: RowAct;
  readonly rows: readonly SqlValue[][]; // at least one
}

/** Rows of one statement at most, so that the text that carries them stays small. */
const STATEMENT_ROWS = 2_000;
/** Up to so many rows all changes go in one statement; of more the trigger's own undo log costs more than turns. */
const JOINED_ROWS = 500;
const JOINED = 'temp.joined_changes';

/**
 * Writes changes of rows by prepared statements. Each turn to SQLite's thread and back waits for the event loop, which is
 * busy under load: few rows of many tables go in one statement, as texts into a view whose trigger writes them. With 1 to
 * 20 rows a table and five tables that takes three quarters of the time of a statement for each table, commit included.
 */
export class RowStatements {
  readonly #database: SqliteDatabase;
  readonly #statements = new Map<string, SqliteStatement>();
  readonly #joined = new Map<string, Omit<RowChange, 'rows'>>(); // by column of the view
  #joinedStatement: SqliteStatement | null = null; // null when it does not fit the columns

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  /** Call it in a transaction: of what fails half-way some may be there. @throws DatabaseError */
  async write(changes: readonly RowChange[]): Promise<void> {
    const rowCount = changes.reduce((sum, { rows }) => sum + rows.length, 0);
    if (changes.length > 1 && rowCount <= JOINED_ROWS) await this.#writeJoined(changes);
    else for (const change of changes) await this.#writeOne(change);
  }

  /** To be called after a rollback, which may have undone the view too. */
  async rolledBack(): Promise<void> {
    await this.#joinedStatement?.finalize();
    this.#joinedStatement = null;
  }

  async finalize(): Promise<void> {
    for (const statement of this.#statements.values()) await statement.finalize();
    this.#statements.clear();
    await this.#joinedStatement?.finalize();
    this.#joinedStatement = null;
  }

  async #writeOne({ shape, act, rows }: RowChange): Promise<void> {
    const name = columnOf(shape, act);
    let statement = this.#statements.get(name);
    if (statement === undefined) {
      statement = await this.#database.prepare(sqlOf(shape, act, '?'));
      this.#statements.set(name, statement);
    }
    for (let from = 0; from < rows.length; from += STATEMENT_ROWS)
      await statement.run([rowsText(rows.slice(from, from + STATEMENT_ROWS))]);
  }

  async #writeJoined(changes: readonly RowChange[]): Promise<void> {
    const texts = new Map<string, string>();
    for (const { shape, act, rows } of changes) {
      const column = columnOf(shape, act);
      texts.set(column, rowsText(rows));
      if (this.#joined.has(column)) continue;
      this.#joined.set(column, { shape, act });
      await this.#joinedStatement?.finalize();
      this.#joinedStatement = null;
    }
    this.#joinedStatement ??= await this.#prepareJoined();
    await this.#joinedStatement.run([...this.#joined.keys()].map((column) => texts.get(column) ?? null));
  }

  /** A column and a statement of the trigger for each change met so far; a text that is NULL has no rows. */
  async #prepareJoined(): Promise<SqliteStatement> {
    const columns = [...this.#joined.keys()];
    const writes = [...this.#joined].map(([column, { shape, act }]) => `${sqlOf(shape, act, `NEW.${column}`)};`);
    await this.#database.exec(
      `DROP VIEW IF EXISTS ${JOINED};
       CREATE TEMP VIEW joined_changes AS SELECT ${columns.map((column) => `NULL AS ${column}`).join(', ')};
       CREATE TEMP TRIGGER write_joined INSTEAD OF INSERT ON joined_changes BEGIN ${writes.join(' ')} END`,
    );
    return this.#database.prepare(`INSERT INTO ${JOINED} VALUES (${columns.map(() => '?').join(', ')})`);
  }
}

function columnOf(shape: TableShape, act: RowAct): string {
  return `${act}_${shape.name}`;
}

/**
 * Rows go into a statement as one JSON text, which SQLite's thread takes apart: bound one by one, the values cost the
 * event loop 0.6 µs each, and any number of rows needs this one statement and one turn. (bench/history-rows.ts) It takes
 * them apart in binary: from json_each every row would come as text, and be parsed again for each of its values.
 */
function rowsText(rows: readonly SqlValue[][]): string {
  for (const row of rows) requireBindable(row);
  return JSON.stringify(rows);
}

function sqlOf(shape: TableShape, act: RowAct, text: string): string {
  return act === 'remove' ? removeSql(shape, text) : insertSql(shape, act, text);
}

/** @returns the first columns of the rows in a text */
function givenRows(columns: number, text: string): string {
  return `SELECT ${Array.from({ length: columns }, (_, column) => `value ->> ${column}`).join(', ')} FROM jsonb_each(${text})`;
}

function insertSql(shape: TableShape, act: 'put' | 'add', text: string): string {
  const columns = shape.columns.join(', ');
  const insert = `INSERT INTO ${shape.name} (${columns}) ${givenRows(shape.columns.length, text)}`;
  if (act === 'add') return insert;
  const key = shape.columns.slice(0, shape.keyColumns).join(', ');
  const rest = shape.columns.slice(shape.keyColumns).map((column) => `${column} = excluded.${column}`);
  // SQLite takes ON for a join's without the WHERE.
  return `${insert} WHERE true ON CONFLICT (${key}) DO ${rest.length === 0 ? 'NOTHING' : `UPDATE SET ${rest.join(', ')}`}`;
}

function removeSql(shape: TableShape, text: string): string {
  const key = shape.columns.slice(0, shape.keyColumns).join(', ');
  return `DELETE FROM ${shape.name} WHERE (${key}) IN (${givenRows(shape.keyColumns, text)})`;
}
