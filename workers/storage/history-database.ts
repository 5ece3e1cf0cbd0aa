import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PartitionCountError } from './exchange-database.ts';
import { GroupCommit } from './group-commit.ts';
import { HISTORY_SCHEMA } from './history-schema.ts';
import { migrate } from './migrations.ts';
import { SqliteDatabase } from './sqlite-database.ts';

/**
 * `history.sqlite` of a data folder: orders, trades, daily volumes, each as of the watermark of its partition. Its own
 * file with its own group commit, so that balances never wait for it.
 */
export class HistoryDatabase {
  readonly database: SqliteDatabase;
  readonly commits: GroupCommit;
  readonly partitionCount: number;

  private constructor(database: SqliteDatabase, commits: GroupCommit, partitionCount: number) {
    this.database = database;
    this.commits = commits;
    this.partitionCount = partitionCount;
  }

  /**
   * @param partitionCount the data folder's; a new database keeps it
   * @param onFatal see GroupCommit
   * @throws DatabaseError, SchemaTooNewError, PartitionCountError
   */
  static async open(
    dataFolder: string,
    partitionCount: number,
    onFatal: (error: Error) => void,
  ): Promise<HistoryDatabase> {
    mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
    const database = await SqliteDatabase.open(historyDatabasePath(dataFolder));
    try {
      await migrate(database, HISTORY_SCHEMA);
      await database.run("INSERT OR IGNORE INTO meta VALUES ('partitionCount', ?)", [String(partitionCount)]);
      const found = await readHistoryPartitionCount(database);
      if (found !== partitionCount)
        throw new PartitionCountError(
          `${database.path} was made with ${found} partitions, the data folder has ${partitionCount}: move it away, it is built anew`,
        );
      return new HistoryDatabase(database, new GroupCommit(database, onFatal), partitionCount);
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

export function historyDatabasePath(dataFolder: string): string {
  return join(dataFolder, 'history.sqlite');
}

export async function readHistoryPartitionCount(database: SqliteDatabase): Promise<number> {
  const rows = await database.all<{ value: string }>("SELECT value FROM meta WHERE name = 'partitionCount'");
  return Number(rows[0]!.value);
}

/** @returns the history's watermark of each partition */
export async function readHistoryWatermarks(database: SqliteDatabase, partitionCount: number): Promise<number[]> {
  const watermarks: number[] = Array(partitionCount).fill(0);
  const rows = await database.all<{ partition: number; sequence: number }>(
    'SELECT partition, event_sequence AS sequence FROM watermarks',
  );
  for (const { partition, sequence } of rows) watermarks[partition] = sequence;
  return watermarks;
}
