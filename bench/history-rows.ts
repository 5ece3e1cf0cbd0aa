import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedFeed } from '../workers/bus/embedded-feed.ts';
import { HistoryConsumer } from '../workers/history/history-consumer.ts';
import { DAILY_VOLUMES, ORDERS, TRADES } from '../workers/history/history-rows.ts';
import type { TableShape } from '../workers/storage/group-commit.ts';
import { HistoryDatabase } from '../workers/storage/history-database.ts';
import type { SqliteDatabase, SqlValue } from '../workers/storage/sqlite-database.ts';
import { WATERMARKS } from '../workers/storage/view-database.ts';
import type { Bench, BenchSettings, Report } from './support/bench.ts';
import { type EventLog, writeEventLog } from './support/event-log.ts';
import { pairedPicture } from './support/paired-picture.ts';
import { pairedTable } from './support/paired-table.ts';
import { perSecond, type Run, runPairs } from './support/pairs.ts';

const COMMANDS = { full: 150_000, short: 2_000 } as const;
const PARTITIONS = 8;
const INSERT_ROWS = 500;
const SHAPES: readonly TableShape[] = [ORDERS, TRADES, DAILY_VOLUMES, WATERMARKS];

/** What the consumer stores of the log, and in how many commits. */
interface Stored {
  readonly tables: readonly { readonly shape: TableShape; readonly rows: SqlValue[][] }[];
  readonly rowCount: number;
  readonly commits: number;
}

export const historyBench: Bench = {
  name: 'history',
  about: 'the event log into history.sqlite, beside plain 500-row INSERTs of the same rows into the same tables',
  size: '150,000 commands, 3 pairs: 1 min',
  async run(settings) {
    const folder = mkdtempSync(join(tmpdir(), 'ringbook-bench-'));
    try {
      return await measure(folder, settings);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function measure(folder: string, { seed, isShort, size, progress }: BenchSettings): Promise<Report> {
  progress('writing the event log through the threads');
  const log = await writeEventLog(folder, seed, size ?? (isShort ? COMMANDS.short : COMMANDS.full));
  progress('consuming it once, to know its rows');
  const stored = await consume(log, readBack);
  const compare = async (database: SqliteDatabase): Promise<void> => requireEqual(await readTables(database), stored);
  progress('inserting the same rows plainly, consuming again: are all rows equal?');
  await insertPlainly(stored, compare);
  await consume(log, (history) => compare(history.database));

  progress('measuring');
  let seconds = Infinity;
  const result = await runPairs(
    isShort ? 1 : 3,
    () => insertPlainly(stored),
    async () => {
      const run = await consume(log);
      seconds = Math.min(seconds, run.seconds);
      return { seconds: run.seconds, operations: stored.rowCount };
    },
  );
  const { lastEventSequence, mix } = log;
  const counts = stored.tables.map(({ shape, rows }) => `${rows.length.toLocaleString('en')} ${shape.name}`);
  return {
    heading: 'History',
    mix: `${mix}; ${lastEventSequence.toLocaleString('en')} events become ${counts.join(', ')} in ${stored.commits} synced commits`,
    proof: 'the consumer stores the same rows twice, and the plain INSERTs exactly these',
    tables: [
      pairedTable({ name: 'history rows', limit: `plain ${INSERT_ROWS}-row INSERTs, as many synced commits`, result }),
    ],
    notes: [`events consumed: ${perSecond(lastEventSequence / seconds)} in the fastest run`],
    pictures: [
      pairedPicture(
        {
          picture: 'history',
          title: 'Event log into history.sqlite',
          figure: 'the history consumer',
          limit: `plain ${INSERT_ROWS}-row INSERTs of the same rows`,
          unit: 'rows a second',
        },
        result,
        seed,
      ),
    ],
  };
}

/** Consumes the whole log into a new database. @param look may read what was stored, untimed */
async function consume<Found = void>(
  { folder, lastEventSequence, catalogue }: EventLog,
  look?: (history: HistoryDatabase) => Promise<Found>,
): Promise<Run & Found> {
  return withDatabase(async (history) => {
    const feed = new EmbeddedFeed({
      folder,
      partitionCount: PARTITIONS,
      endSequence: () => lastEventSequence,
      onFailure: ({ error }) => console.error(error),
    });
    const consumer = await HistoryConsumer.open(history, catalogue);
    const startMs = performance.now();
    feed.subscribe(consumer);
    await feed.settledThrough(lastEventSequence);
    const seconds = (performance.now() - startMs) / 1_000;
    await feed.stop();
    return { seconds, operations: lastEventSequence, ...(await look?.(history)) } as Run & Found;
  });
}

/** Inserts the rows table by table as plainly as SQLite takes them, in as many synced commits as the consumer made. */
async function insertPlainly(
  { tables, rowCount, commits }: Stored,
  look?: (database: SqliteDatabase) => Promise<void>,
): Promise<Run> {
  return withDatabase(async ({ database }) => {
    await database.run('DELETE FROM watermarks');
    const startMs = performance.now();
    const rowsPerCommit = Math.ceil(rowCount / commits);
    let inserted = 0;
    let committed = 0;
    await database.exec('BEGIN IMMEDIATE');
    for (const { shape, rows } of tables) {
      const full = await database.prepare(insertSql(shape, INSERT_ROWS));
      for (let from = 0; from < rows.length; from += INSERT_ROWS) {
        const chunk = rows.slice(from, from + INSERT_ROWS);
        if (chunk.length === INSERT_ROWS) await full.run(chunk.flat());
        else await database.run(insertSql(shape, chunk.length), chunk.flat());
        inserted += chunk.length;
        if (inserted - committed < rowsPerCommit) continue;
        await database.exec('COMMIT; BEGIN IMMEDIATE');
        committed = inserted;
      }
      await full.finalize();
    }
    await database.exec('COMMIT');
    const seconds = (performance.now() - startMs) / 1_000;
    await look?.(database);
    return { seconds, operations: rowCount };
  });
}

async function withDatabase<Result>(use: (history: HistoryDatabase) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-bench-'));
  const history = await HistoryDatabase.open(folder, PARTITIONS, (error) => {
    throw error;
  });
  try {
    return await use(history);
  } finally {
    await history.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function insertSql({ name, columns }: TableShape, rows: number): string {
  const one = `(${columns.map(() => '?').join(', ')})`;
  return `INSERT INTO ${name} (${columns.join(', ')}) VALUES ${Array(rows).fill(one).join(', ')}`;
}

async function readBack(history: HistoryDatabase): Promise<Stored> {
  const tables = await readTables(history.database);
  const rowCount = tables.reduce((sum, { rows }) => sum + rows.length, 0);
  return { tables, rowCount, commits: history.commits.groups };
}

async function readTables(database: SqliteDatabase): Promise<Stored['tables']> {
  const tables: { shape: TableShape; rows: SqlValue[][] }[] = [];
  for (const shape of SHAPES) {
    const key = shape.columns.slice(0, shape.keyColumns).join(', ');
    const rows = await database.all<Record<string, SqlValue>>(
      `SELECT ${shape.columns.join(', ')} FROM ${shape.name} ORDER BY ${key}`,
    );
    tables.push({ shape, rows: rows.map((row) => shape.columns.map((column) => row[column]!)) });
  }
  return tables;
}

function requireEqual(found: Stored['tables'], { tables }: Stored): void {
  for (const [index, { shape, rows }] of tables.entries())
    if (JSON.stringify(rows) !== JSON.stringify(found[index]!.rows))
      throw new Error(`two ways to fill ${shape.name} gave different rows: nothing to measure`);
}
