import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { GroupCommit } from './group-commit.ts';
import { migrate } from './migrations.ts';
import { SqliteDatabase } from './sqlite-database.ts';
import { WORK_SCHEMA } from './work-schema.ts';

/** `work.sqlite` of a data folder: its own file with its own group commit, so that balances never wait for it. */
export class WorkDatabase {
  /** Of the one group commit alone. */
  readonly database: SqliteDatabase;
  readonly commits: GroupCommit;
  /** Tells only what is committed. */
  readonly reader: SqliteDatabase;

  private constructor(database: SqliteDatabase, reader: SqliteDatabase, commits: GroupCommit) {
    this.database = database;
    this.reader = reader;
    this.commits = commits;
  }

  /**
   * @param onFatal see GroupCommit
   * @throws DatabaseError, SchemaTooNewError
   */
  static async open(dataFolder: string, onFatal: (error: Error) => void): Promise<WorkDatabase> {
    mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
    const database = await SqliteDatabase.open(workDatabasePath(dataFolder));
    try {
      await migrate(database, WORK_SCHEMA);
      const reader = await SqliteDatabase.openReader(database.path);
      return new WorkDatabase(database, reader, new GroupCommit(database, onFatal));
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.commits.close();
    await this.reader.close();
    await this.database.close();
  }
}

export function workDatabasePath(dataFolder: string): string {
  return join(dataFolder, 'work.sqlite');
}
