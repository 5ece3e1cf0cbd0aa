import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PartitionCountError } from './exchange-database.ts';
import { GroupCommit, type TableShape } from './group-commit.ts';
import { migrate } from './migrations.ts';
import { SqliteDatabase } from './sqlite-database.ts';

/** Schema of `audit-tap.sqlite`, one step per version. */
const TAP_SCHEMA: readonly string[] = [
  `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE watermarks (
    partition INTEGER PRIMARY KEY,
    event_sequence INTEGER NOT NULL,
    event_count INTEGER NOT NULL, -- checked so far
    trade_count INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE findings (
    finding_id INTEGER PRIMARY KEY,
    partition INTEGER NOT NULL,
    event_sequence INTEGER NOT NULL,
    finding TEXT NOT NULL,
    found_ms INTEGER NOT NULL
  ) STRICT;
  `,
];

export const TAP_WATERMARKS: TableShape = {
  name: 'watermarks',
  columns: ['partition', 'event_sequence', 'event_count', 'trade_count'],
  keyColumns: 1,
};
export const TAP_FINDINGS: TableShape = {
  name: 'findings',
  columns: ['finding_id', 'partition', 'event_sequence', 'finding', 'found_ms'],
  keyColumns: 1,
};

/** How far the audit tap has come in one partition. */
export interface TapProgress {
  readonly eventSequence: number; // its watermark
  readonly eventCount: number;
  readonly tradeCount: number;
}

/** `audit-tap.sqlite` of a data folder: what the audit tap has checked and found, as of the watermark of each partition. */
export class TapDatabase {
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
  static async open(dataFolder: string, partitionCount: number, onFatal: (error: Error) => void): Promise<TapDatabase> {
    mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
    const database = await SqliteDatabase.open(tapDatabasePath(dataFolder));
    try {
      await migrate(database, TAP_SCHEMA);
      await database.run("INSERT OR IGNORE INTO meta VALUES ('partitionCount', ?)", [String(partitionCount)]);
      const rows = await database.all<{ value: string }>("SELECT value FROM meta WHERE name = 'partitionCount'");
      const found = Number(rows[0]!.value);
      if (found !== partitionCount)
        throw new PartitionCountError(
          `${database.path} was made with ${found} partitions, the data folder has ${partitionCount}: move it away, it is made anew`,
        );
      return new TapDatabase(database, new GroupCommit(database, onFatal), partitionCount);
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  /** @returns by partition; zeros where nothing came yet */
  async progress(): Promise<TapProgress[]> {
    const rows = await this.database.all<TapProgress & { readonly partition: number }>(
      'SELECT partition, event_sequence AS eventSequence, event_count AS eventCount, trade_count AS tradeCount FROM watermarks',
    );
    const all: TapProgress[] = Array.from({ length: this.partitionCount }, () => NOTHING);
    for (const { partition, ...progress } of rows) all[partition] = progress;
    return all;
  }

  async lastFindingId(): Promise<number> {
    const rows = await this.database.all<{ last: number | null }>('SELECT max(finding_id) AS last FROM findings');
    return rows[0]!.last ?? 0;
  }

  async close(): Promise<void> {
    await this.commits.close();
    await this.database.close();
  }
}

const NOTHING: TapProgress = { eventSequence: 0, eventCount: 0, tradeCount: 0 };

export function tapDatabasePath(dataFolder: string): string {
  return join(dataFolder, 'audit-tap.sqlite');
}

/** Reads how far the audit tap is, beside its process: zeros while it has never run. */
export class TapWatermarks {
  readonly #dataFolder: string;
  readonly #partitionCount: number;
  #database: SqliteDatabase | null = null;

  constructor(dataFolder: string, partitionCount: number) {
    this.#dataFolder = dataFolder;
    this.#partitionCount = partitionCount;
  }

  /** @throws DatabaseError */
  async watermarks(): Promise<readonly number[]> {
    const watermarks: number[] = Array(this.#partitionCount).fill(0);
    const path = tapDatabasePath(this.#dataFolder);
    if (this.#database === null && !existsSync(path)) return watermarks;
    this.#database ??= await SqliteDatabase.openReader(path);
    const isMade = await this.#database.all("SELECT 1 FROM sqlite_schema WHERE name = 'watermarks'");
    if (isMade.length === 0) return watermarks;
    const rows = await this.#database.all<{ partition: number; sequence: number }>(
      'SELECT partition, event_sequence AS sequence FROM watermarks',
    );
    for (const { partition, sequence } of rows) watermarks[partition] = sequence;
    return watermarks;
  }

  async close(): Promise<void> {
    await this.#database?.close();
  }
}
