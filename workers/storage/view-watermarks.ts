import { existsSync } from 'node:fs';
import { SqliteDatabase } from './sqlite-database.ts';
import { readWatermarks } from './view-database.ts';

/** How far the consumer of a view is, read beside its process: zeros while it has never run. */
export class ViewWatermarks {
  readonly #path: string;
  readonly #partitionCount: number;
  #database: SqliteDatabase | null = null;

  /** @param path of the view's database, whether it exists or not */
  constructor(path: string, partitionCount: number) {
    this.#path = path;
    this.#partitionCount = partitionCount;
  }

  /** @throws DatabaseError */
  async watermarks(): Promise<readonly number[]> {
    if (this.#database === null && !(await this.#open())) return Array(this.#partitionCount).fill(0);
    return readWatermarks(this.#database!, this.#partitionCount);
  }

  async close(): Promise<void> {
    await this.#database?.close();
  }

  /** @returns whether there is something to read: its consumer makes the file and then the tables */
  async #open(): Promise<boolean> {
    if (!existsSync(this.#path)) return false;
    const database = await SqliteDatabase.openReader(this.#path);
    const made = await database.all("SELECT 1 FROM sqlite_schema WHERE name = 'watermarks'");
    if (made.length === 0) await database.close();
    else this.#database = database;
    return made.length > 0;
  }
}
