import type { SqliteDatabase } from './sqlite-database.ts';

/** Kept of each job: so many runs that succeeded, and as many others, so that frequent work does not hide what failed. */
const KEPT_OF_EACH = 100;
/** Runs that a job may have beyond that before they are looked for. */
const SLACK = 50;

/** Bounds the history: one count per job that runs, and now and then its oldest runs go. */
export class RunHistory {
  readonly #added = new Map<string, number>(); // runs since the last time, by job

  /** @param jobIds of runs that were added, inside the same transaction */
  async trim(database: SqliteDatabase, jobIds: readonly string[]): Promise<void> {
    for (const jobId of jobIds) {
      const added = (this.#added.get(jobId) ?? 0) + 1;
      this.#added.set(jobId, added % SLACK);
      if (added < SLACK) continue;
      for (const isSucceeded of [0, 1])
        await database.run(
          `DELETE FROM runs WHERE run_id IN (
             SELECT run_id FROM runs WHERE job_id = ? AND state NOT IN ('queued', 'running') AND (state = 'succeeded') = ?
             ORDER BY run_id DESC LIMIT -1 OFFSET ?)`,
          [jobId, isSucceeded, KEPT_OF_EACH],
        );
    }
  }

  /** A job that was removed is forgotten; its runs stay until a job of that name has as many. */
  forget(jobId: string): void {
    this.#added.delete(jobId);
  }
}
