import { setTimeout as sleep } from 'node:timers/promises';
import { WorkQueueUnavailableError } from '../../../core/ports/work-queue.ts';
import { DatabaseError } from '../../storage/sqlite-database.ts';
import type { WorkDatabase } from '../../storage/work-database.ts';
import { type JobRow, JobRows } from '../embedded/job-rows.ts';

export interface LeftJobsParts {
  readonly work: WorkDatabase;
  readonly types: readonly string[];
  /** @returns once the job is safe at the broker @throws WorkQueueUnavailableError */
  readonly send: (job: JobRow) => Promise<void>;
  readonly onTrouble: (error: Error) => void;
}

const AT_A_TIME = 256;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

/**
 * Jobs that wait in a folder from when its exchange had the embedded queue: each goes to the broker with the tries and hops
 * that it has, and then leaves the folder. A crash in between leaves it twice, never not at all.
 */
export class LeftJobs {
  readonly #parts: LeftJobsParts;
  readonly #rows: JobRows;
  readonly #stopping = new AbortController();
  #ended: Promise<void> = Promise.resolve();

  private constructor(parts: LeftJobsParts, rows: JobRows) {
    this.#parts = parts;
    this.#rows = rows;
  }

  /** @throws DatabaseError */
  static async open(parts: LeftJobsParts): Promise<LeftJobs> {
    return new LeftJobs(parts, await JobRows.open(parts.work));
  }

  /** Sends them by and by: once the broker takes jobs. */
  begin(): void {
    if (this.#rows.waiting > 0) this.#ended = this.#sendAll();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ended;
  }

  async #sendAll(): Promise<void> {
    const { signal } = this.#stopping;
    for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      const troubles: string[] = [];
      for (const type of this.#parts.types) {
        const trouble = await this.#sendType(type);
        if (trouble !== null) troubles.push(`${type} jobs: ${trouble}`);
      }
      if (troubles.length === 0) return;
      const text = 'jobs that the embedded queue has left wait on, they are sent again by themselves';
      this.#parts.onTrouble(new Error(`${text}: ${troubles.join('; ')}`));
      await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** @returns why some of them have to wait; null when none has to */
  async #sendType(type: string): Promise<string | null> {
    try {
      while (!this.#stopping.signal.aborted && (await this.#sendSome(type)) > 0);
      return null;
    } catch (error) {
      if (error instanceof WorkQueueUnavailableError || error instanceof DatabaseError) return error.message;
      throw error;
    }
  }

  /** @returns how many jobs have left the folder */
  async #sendSome(type: string): Promise<number> {
    const { work, send } = this.#parts;
    const jobs = await this.#rows.due(type, Number.MAX_SAFE_INTEGER, AT_A_TIME);
    const sent = await Promise.allSettled(
      jobs.map(async (job) => {
        await send(job);
        this.#rows.remove(job.jobSequence);
      }),
    );
    await work.commits.durable(); // else they would be read again
    for (const outcome of sent) if (outcome.status === 'rejected') throw outcome.reason;
    return jobs.length;
  }
}
