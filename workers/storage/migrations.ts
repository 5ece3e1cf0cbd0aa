import type { SqliteDatabase } from './sqlite-database.ts';

/** The database was made by a later program. */
export class SchemaTooNewError extends Error {
  override readonly name = 'SchemaTooNewError';
  readonly foundVersion: number;
  readonly knownVersion: number;

  constructor(path: string, foundVersion: number, knownVersion: number) {
    super(
      `${path} has schema version ${foundVersion}, this program knows versions up to ${knownVersion}: ` +
        'start it with the program that wrote it, or a later one.',
    );
    this.foundVersion = foundVersion;
    this.knownVersion = knownVersion;
  }
}

/**
 * Brings a database up to date. Its version is the number of steps it has taken, kept in `user_version`.
 * @param steps SQL of version 1, 2, …; a step that was released is never edited again
 * @throws SchemaTooNewError, with nothing changed; DatabaseError when a step fails, with that step rolled back
 */
export async function migrate(database: SqliteDatabase, steps: readonly string[]): Promise<void> {
  const foundVersion = await schemaVersion(database);
  if (foundVersion > steps.length) throw new SchemaTooNewError(database.path, foundVersion, steps.length);
  for (let version = foundVersion + 1; version <= steps.length; version++) {
    await database.exec('BEGIN IMMEDIATE');
    try {
      // Another process may have opened the database at the same time, and taken the step first.
      if ((await schemaVersion(database)) < version)
        await database.exec(`${steps[version - 1]}; PRAGMA user_version = ${version}`);
      await database.exec('COMMIT');
    } catch (error) {
      await database.exec('ROLLBACK');
      throw error;
    }
  }
}

export async function schemaVersion(database: SqliteDatabase): Promise<number> {
  const rows = await database.all<{ user_version: number }>('PRAGMA user_version');
  return rows[0]!.user_version;
}
