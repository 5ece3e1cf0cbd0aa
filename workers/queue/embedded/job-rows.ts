import type { Job } from '../../../core/ports/work-queue.ts';
import type { TableShape } from '../../storage/group-commit.ts';
import type { WorkDatabase } from '../../storage/work-database.ts';

/** A job as its row has it. */
export interface JobRow extends Omit<Job, 'payload'> {
  readonly jobSequence: number;
  readonly payloadText: string;
  readonly dueMs: number; // not before; 0 for at once
}

const JOBS: TableShape = {
  name: 'jobs',
  columns: ['job_sequence', 'type', 'id', 'payload', 'attempt', 'hops', 'enqueued_ms', 'due_ms'],
  keyColumns: 1,
};
const COLUMNS = `job_sequence AS jobSequence, type, id, payload AS payloadText, attempt, hops, enqueued_ms AS enqueuedMs,
  due_ms AS dueMs`;

/** The table `jobs`. A row is there from when its job was taken until it is done or parked; whoever dies leaves it. */
export class JobRows {
  readonly #work: WorkDatabase;
  #lastSequence: number;
  #waiting: number;

  private constructor(work: WorkDatabase, lastSequence: number, waiting: number) {
    this.#work = work;
    this.#lastSequence = lastSequence;
    this.#waiting = waiting;
  }

  /** What an earlier process left is due at once: its pauses are over, and its clock may have been another. */
  static async open(work: WorkDatabase): Promise<JobRows> {
    await work.commits.change('UPDATE jobs SET due_ms = 0 WHERE due_ms > 0', []);
    const [found] = await work.reader.all<{ last: number | null; waiting: number }>(
      'SELECT max(job_sequence) AS last, count(*) AS waiting FROM jobs',
    );
    return new JobRows(work, found?.last ?? 0, found?.waiting ?? 0);
  }

  /** Rows that are there or on their way. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Durable with the next commit. */
  add(job: Omit<JobRow, 'jobSequence'>): void {
    this.#lastSequence += 1;
    this.#waiting += 1;
    this.replace({ ...job, jobSequence: this.#lastSequence });
  }

  replace({ jobSequence, type, id, payloadText, attempt, hops, enqueuedMs, dueMs }: JobRow): void {
    this.#work.commits.put(JOBS, [jobSequence, type, id, payloadText, attempt, hops, enqueuedMs, dueMs]);
  }

  remove(jobSequence: number): void {
    this.#waiting -= 1;
    this.#work.commits.remove(JOBS, [jobSequence]);
  }

  /** @returns committed rows of a type that are due, those that wait longest first */
  due(type: string, nowMs: number, limit: number): Promise<JobRow[]> {
    return this.#work.reader.all(
      `SELECT ${COLUMNS} FROM jobs WHERE type = ? AND due_ms <= ? ORDER BY due_ms, job_sequence LIMIT ${limit}`,
      [type, nowMs],
    );
  }

  /** @returns when the next row of a type is due that is not yet; null without any */
  async nextDueMs(type: string, nowMs: number): Promise<number | null> {
    const [row] = await this.#work.reader.all<{ dueMs: number | null }>(
      'SELECT min(due_ms) AS dueMs FROM jobs WHERE type = ? AND due_ms > ?',
      [type, nowMs],
    );
    return row?.dueMs ?? null;
  }
}
