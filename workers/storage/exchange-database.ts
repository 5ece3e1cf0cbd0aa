import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { EXCHANGE_SCHEMA } from './exchange-schema.ts';
import { GroupCommit, type TableShape } from './group-commit.ts';
import { migrate } from './migrations.ts';
import { SqliteDatabase } from './sqlite-database.ts';

/** Partitions of a folder's events, unless it is made with another number. */
export const DEFAULT_PARTITION_COUNT = 8;
const MAX_PARTITION_COUNT = 1_024;

/** The folder was made with another number of partitions; watermarks of one number mean nothing under another. */
export class PartitionCountError extends Error {
  override readonly name = 'PartitionCountError';
}

const META: TableShape = { name: 'meta', columns: ['name', 'value'], keyColumns: 1 };

/** Single facts, kept as text in the table `meta`. Each has one writer. */
export type MetaName =
  | 'mode'
  | 'marketsSeeded'
  | 'partitionCount'
  | 'engineLimits'
  | 'startNumber'
  | 'busNamespace'
  | 'ledger'
  | 'ledgerSequence'
  | 'ledgerFloor'
  | 'raisedFloor';

/** `exchange.sqlite` of a data folder: keys, balances, entries, watermarks. One connection, one group commit for all. */
export class ExchangeDatabase {
  readonly database: SqliteDatabase;
  readonly commits: GroupCommit;
  /** Fixed when the folder was made. */
  readonly partitionCount: number;

  private constructor(database: SqliteDatabase, commits: GroupCommit, partitionCount: number) {
    this.database = database;
    this.commits = commits;
    this.partitionCount = partitionCount;
  }

  /**
   * @param onFatal and onDiskFull: see GroupCommit
   * @param partitionCount for a new folder; of an older one it must be the same or left out
   * @throws DatabaseError, SchemaTooNewError, PartitionCountError
   */
  static async open(
    dataFolder: string,
    onFatal: (error: Error) => void,
    partitionCount?: number,
    onDiskFull?: (isFull: boolean) => void,
  ): Promise<ExchangeDatabase> {
    mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
    const database = await SqliteDatabase.open(exchangeDatabasePath(dataFolder));
    try {
      await migrate(database, EXCHANGE_SCHEMA);
      const commits = new GroupCommit(database, onFatal, onDiskFull);
      const count = await fixPartitionCount(database, commits, partitionCount);
      return new ExchangeDatabase(database, commits, count);
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  readMeta(name: MetaName): Promise<string | undefined> {
    return readMeta(this.database, name);
  }

  /** Durable with the next `commits.durable()`. */
  putMeta(name: MetaName, value: string): void {
    this.commits.put(META, [name, value]);
  }

  async close(): Promise<void> {
    await this.commits.close();
    await this.database.close();
  }
}

export function exchangeDatabasePath(dataFolder: string): string {
  return join(dataFolder, 'exchange.sqlite');
}

export async function readMeta(database: SqliteDatabase, name: MetaName): Promise<string | undefined> {
  const rows = await database.all<{ value: string }>('SELECT value FROM meta WHERE name = ?', [name]);
  return rows[0]?.value;
}

async function fixPartitionCount(
  database: SqliteDatabase,
  commits: GroupCommit,
  wanted: number | undefined,
): Promise<number> {
  if (wanted !== undefined && !(Number.isInteger(wanted) && wanted >= 1 && wanted <= MAX_PARTITION_COUNT))
    throw new PartitionCountError(`partition count ${wanted} is not within 1 … ${MAX_PARTITION_COUNT}`);
  const found = await readMeta(database, 'partitionCount');
  if (found !== undefined) {
    if (wanted !== undefined && wanted !== Number(found))
      throw new PartitionCountError(`${database.path} was made with ${found} partitions; ${wanted} can't be set now`);
    return Number(found);
  }
  const count = wanted ?? DEFAULT_PARTITION_COUNT;
  commits.put(META, ['partitionCount', String(count)]);
  await commits.durable();
  return count;
}
