import { randomUUID } from 'node:crypto';
import type { ParkedJob, ParkedJobs, ParkingCause } from '../../../core/ports/work-queue.ts';
import type { TableShape } from '../../storage/group-commit.ts';
import type { SqlValue } from '../../storage/sqlite-database.ts';
import type { WorkDatabase } from '../../storage/work-database.ts';
import type { Parking } from '../job-fate.ts';
import type { JobRow, JobRows } from './job-rows.ts';

const PARKED: TableShape = {
  name: 'parked_jobs',
  columns: [
    'parked_id',
    'parked_sequence',
    'type',
    'id',
    'payload',
    'attempt',
    'hops',
    'enqueued_ms',
    'parked_ms',
    'cause',
    'reason',
  ],
  keyColumns: 1,
};
const COLUMNS = `parked_id AS parkedId, type, id, payload AS payloadText, attempt, hops, enqueued_ms AS enqueuedMs,
  parked_ms AS parkedMs, cause, reason`;

/** The table `parked_jobs`. Whatever moves between it and `jobs` moves in one commit. */
export class ParkedRows implements ParkedJobs {
  /** Told of each type that has a job to do again. */
  onReplay: (type: string) => void = () => {};
  readonly #work: WorkDatabase;
  readonly #jobs: JobRows;
  readonly #most: number;
  readonly #leaving = new Set<string>(); // ids that a call under way takes out
  #parked: number;
  #lastSequence: number;

  private constructor(work: WorkDatabase, jobs: JobRows, most: number, parked: number, lastSequence: number) {
    this.#work = work;
    this.#jobs = jobs;
    this.#most = most;
    this.#parked = parked;
    this.#lastSequence = lastSequence;
  }

  /** @param most rows that it takes */
  static async open(work: WorkDatabase, jobs: JobRows, most: number): Promise<ParkedRows> {
    const [found] = await work.reader.all<{ parked: number; last: number | null }>(
      'SELECT count(*) AS parked, max(parked_sequence) AS last FROM parked_jobs',
    );
    return new ParkedRows(work, jobs, most, found?.parked ?? 0, found?.last ?? 0);
  }

  /** @returns false when there is no room: the job stays where it is. Durable with the next commit */
  park(
    { jobSequence, type, id, payloadText, attempt, hops, enqueuedMs }: JobRow,
    why: Parking,
    nowMs: number,
  ): boolean {
    if (this.#parked >= this.#most) return false;
    this.#parked += 1;
    this.#lastSequence += 1;
    const job: SqlValue[] = [type, id, payloadText, attempt, hops, enqueuedMs];
    this.#work.commits.put(PARKED, [randomUUID(), this.#lastSequence, ...job, nowMs, why.cause, why.reason]);
    this.#jobs.remove(jobSequence);
    return true;
  }

  list({ type, limit }: Parameters<ParkedJobs['list']>[0]): Promise<ParkedJob[]> {
    const [condition, values] = type === undefined ? ['true', []] : ['type = ?', [type]];
    return this.#select(condition, values, limit);
  }

  async find(parkedId: string): Promise<ParkedJob | undefined> {
    return (await this.#select('parked_id = ?', [parkedId], 1))[0];
  }

  replay(parkedId: string): Promise<boolean> {
    return this.#takeOut(parkedId, ({ type, id, payloadText, enqueuedMs }) => {
      this.#jobs.add({ type, id, payloadText, attempt: 1, hops: 0, enqueuedMs, dueMs: 0 });
    });
  }

  drop(parkedId: string): Promise<boolean> {
    return this.#takeOut(parkedId, () => {});
  }

  count(): Promise<number> {
    return Promise.resolve(this.#parked);
  }

  /** Two calls at once take one row out once. */
  async #takeOut(parkedId: string, act: (parked: ParkedJob) => void): Promise<boolean> {
    if (this.#leaving.has(parkedId)) return false;
    this.#leaving.add(parkedId);
    try {
      const parked = await this.find(parkedId);
      if (parked === undefined) return false;
      act(parked);
      this.#work.commits.remove(PARKED, [parkedId]);
      this.#parked -= 1;
      await this.#work.commits.durable();
      this.onReplay(parked.type);
      return true;
    } finally {
      this.#leaving.delete(parkedId);
    }
  }

  #select(condition: string, values: readonly SqlValue[], limit: number): Promise<ParkedJob[]> {
    return this.#work.reader.all<ParkedJob & { readonly cause: ParkingCause }>(
      `SELECT ${COLUMNS} FROM parked_jobs WHERE ${condition} ORDER BY parked_sequence LIMIT ${limit}`,
      values,
    );
  }
}
