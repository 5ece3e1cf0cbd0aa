import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sqlite3 from 'sqlite3';

/** Another process holds the role in this data folder. */
export class FolderLockedError extends Error {
  override readonly name = 'FolderLockedError';
}

export interface FolderLock {
  release(): Promise<void>;
}

/**
 * Takes one role of a data folder for this process: an exclusive SQLite transaction on a file of its own, which the
 * operating system ends with the process, however it dies. A file with a process id in it would outlive a kill -9.
 * @param role for instance `exchange`
 * @throws FolderLockedError naming the holder
 */
export async function lockFolder(dataFolder: string, role: string): Promise<FolderLock> {
  const folder = join(dataFolder, 'locks');
  mkdirSync(folder, { recursive: true });
  const holderPath = join(folder, `${role}.pid`);
  const database = await new Promise<sqlite3.Database>((resolve, reject) => {
    const opened = new sqlite3.Database(join(folder, `${role}.lock`), (error) =>
      error ? reject(error) : resolve(opened),
    );
  });
  const close = (): Promise<void> => new Promise((resolve) => database.close(() => resolve()));
  try {
    await new Promise<void>((resolve, reject) => {
      database.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE', (error) => (error ? reject(error) : resolve()));
    });
  } catch (error) {
    await close();
    if ((error as { code?: string }).code !== 'SQLITE_BUSY') throw error;
    throw new FolderLockedError(
      `the data folder ${dataFolder} is in use by ${holderOf(holderPath)} (role ${role}); stop it first, or choose another folder with RINGBOOK_DATA_DIR`,
      { cause: error },
    );
  }
  writeFileSync(holderPath, `${process.pid}\n`);
  return { release: close };
}

function holderOf(holderPath: string): string {
  try {
    return `process ${readFileSync(holderPath, 'utf8').trim()}`;
  } catch {
    return 'another process';
  }
}
