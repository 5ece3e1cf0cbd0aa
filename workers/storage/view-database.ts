import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { PartitionCountError } from './exchange-database.ts';
import { GroupCommit, type TableShape } from './group-commit.ts';
import { migrate } from './migrations.ts';
import { SqliteDatabase } from './sqlite-database.ts';

/** How far a view has come, in each of its databases the same table. */
export const WATERMARKS: TableShape = {
  name: 'watermarks',
  columns: ['partition', 'event_sequence'],
  keyColumns: 1,
};

/** The tables that every view has: the first statements of its schema. */
export const VIEW_TABLES = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE watermarks (partition INTEGER PRIMARY KEY, event_sequence INTEGER NOT NULL) STRICT;
`;

/** A view lacks events before a batch: nothing of it was stored. */
export class EventGapError extends Error {
  override readonly name = 'EventGapError';
  readonly code = 'EVENT_GAP';
  readonly consumer: string;
  readonly partition: number;
  readonly beforeSequence: number;
  readonly watermark: number;

  constructor(consumer: string, partition: number, beforeSequence: number, watermark: number) {
    super(
      `${consumer}, partition ${partition}: a batch follows event ${beforeSequence}, but only events through ${watermark} ` +
        `are stored; nothing was added. Deliver the events after ${watermark} first.`,
    );
    this.consumer = consumer;
    this.partition = partition;
    this.beforeSequence = beforeSequence;
    this.watermark = watermark;
  }
}

/**
 * A database whose rows follow from the event log, each as of the watermark of its partition. Its own file with its own
 * group commit, so that balances never wait for it.
 */
export class ViewDatabase {
  readonly database: SqliteDatabase;
  readonly commits: GroupCommit;
  readonly partitionCount: number;

  private constructor(database: SqliteDatabase, commits: GroupCommit, partitionCount: number) {
    this.database = database;
    this.commits = commits;
    this.partitionCount = partitionCount;
  }

  /**
   * @param schema steps whose first one makes VIEW_TABLES
   * @param partitionCount the data folder's; a new database keeps it
   * @param onFatal see GroupCommit
   * @throws DatabaseError, SchemaTooNewError, PartitionCountError
   */
  static async open(
    path: string,
    schema: readonly string[],
    partitionCount: number,
    onFatal: (error: Error) => void,
  ): Promise<ViewDatabase> {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const database = await SqliteDatabase.open(path);
    try {
      await migrate(database, schema);
      const found = (await findPartitionCount(database)) ?? (await keepPartitionCount(database, partitionCount));
      if (found !== partitionCount)
        throw new PartitionCountError(
          `${path} was made with ${found} partitions, the data folder has ${partitionCount}: move it away, it is built anew`,
        );
      return new ViewDatabase(database, new GroupCommit(database, onFatal), partitionCount);
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.commits.close();
    await this.database.close();
  }
}

export async function readPartitionCount(database: SqliteDatabase): Promise<number> {
  return (await findPartitionCount(database))!;
}

/** @returns null of a database that is being made */
async function findPartitionCount(database: SqliteDatabase): Promise<number | null> {
  const rows = await database.all<{ value: string }>("SELECT value FROM meta WHERE name = 'partitionCount'");
  return rows[0] === undefined ? null : Number(rows[0].value);
}

/** Of a new database alone: else whoever opens it would need its writer to be between two commits, even one that stands still. */
async function keepPartitionCount(database: SqliteDatabase, partitionCount: number): Promise<number> {
  await database.run("INSERT OR IGNORE INTO meta VALUES ('partitionCount', ?)", [String(partitionCount)]);
  return readPartitionCount(database); // another process may have been first
}

/** @returns the view's watermark of each partition */
export async function readWatermarks(database: SqliteDatabase, partitionCount: number): Promise<number[]> {
  const watermarks: number[] = Array(partitionCount).fill(0);
  const rows = await database.all<{ partition: number; sequence: number }>(
    'SELECT partition, event_sequence AS sequence FROM watermarks',
  );
  for (const { partition, sequence } of rows) watermarks[partition] = sequence;
  return watermarks;
}
