import { NotReplayableError, type ParkedJob, type ParkedJobs, type ParkingCause } from '../../core/ports/work-queue.ts';
import type { TableShape } from '../storage/group-commit.ts';
import type { SqlValue } from '../storage/sqlite-database.ts';
import type { WorkDatabase } from '../storage/work-database.ts';

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

/** Rows that a store takes unless told otherwise. */
export const MAX_PARKED = 100_000;

/**
 * Makes a parked job a new one. What it puts into the same database at once is committed together with the parked row's
 * end; where it returns a promise, the row goes once that has resolved.
 */
export type Requeue = (parked: ParkedJob) => Promise<void> | undefined;

export interface ParkedStoreSettings {
  readonly most: number; // rows that it takes
  readonly requeue: Requeue;
  /** Told of each job that was parked. */
  readonly onParked?: ((parked: ParkedJob) => void) | undefined;
}

/** The table `parked_jobs`: what operators see of jobs that came to nothing. */
export class ParkedStore implements ParkedJobs {
  readonly #work: WorkDatabase;
  readonly #settings: ParkedStoreSettings;
  readonly #leaving = new Set<string>(); // ids that a call under way takes out
  #parked: number;
  #lastSequence: number;

  private constructor(work: WorkDatabase, settings: ParkedStoreSettings, parked: number, lastSequence: number) {
    this.#work = work;
    this.#settings = settings;
    this.#parked = parked;
    this.#lastSequence = lastSequence;
  }

  /** @throws DatabaseError */
  static async open(work: WorkDatabase, settings: ParkedStoreSettings): Promise<ParkedStore> {
    const [found] = await work.reader.all<{ parked: number; last: number | null }>(
      'SELECT count(*) AS parked, max(parked_sequence) AS last FROM parked_jobs',
    );
    return new ParkedStore(work, settings, found?.parked ?? 0, found?.last ?? 0);
  }

  /** @param parked of an id that is not in it. @returns false when there is no room. Durable with the next commit */
  add(parked: ParkedJob): boolean {
    if (this.#parked >= this.#settings.most) return false;
    this.#parked += 1;
    this.#lastSequence += 1;
    const { parkedId, type, id, payloadText, attempt, hops, enqueuedMs, parkedMs, cause, reason } = parked;
    const job: SqlValue[] = [type, id, payloadText, attempt, hops, enqueuedMs];
    this.#work.commits.put(PARKED, [parkedId, this.#lastSequence, ...job, parkedMs, cause, reason]);
    this.#settings.onParked?.(parked);
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
    return this.#takeOut(parkedId, (parked) => {
      if (parked.cause === 'MALFORMED')
        throw new NotReplayableError(`${parkedId} is no job that could be done again: ${parked.reason}. Drop it.`);
      return this.#settings.requeue(parked);
    });
  }

  drop(parkedId: string): Promise<boolean> {
    return this.#takeOut(parkedId, () => undefined);
  }

  count(): Promise<number> {
    return Promise.resolve(this.#parked);
  }

  /** Two calls at once take one row out once. */
  async #takeOut(parkedId: string, act: Requeue): Promise<boolean> {
    if (this.#leaving.has(parkedId)) return false;
    this.#leaving.add(parkedId);
    try {
      const parked = await this.find(parkedId);
      if (parked === undefined) return false;
      const requeued = act(parked);
      if (requeued !== undefined) await requeued;
      this.#work.commits.remove(PARKED, [parkedId]);
      this.#parked -= 1;
      await this.#work.commits.durable();
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
