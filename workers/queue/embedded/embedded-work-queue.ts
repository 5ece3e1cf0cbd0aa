import { fail } from '../../../core/assert.ts';
import type { Clock } from '../../../core/ports/clock.ts';
import {
  type JobHandler,
  type NewJob,
  type ParkedJob,
  type WorkQueue,
  WorkQueueUnavailableError,
} from '../../../core/ports/work-queue.ts';
import type { WorkDatabase } from '../../storage/work-database.ts';
import { type FateRules, fateRules } from '../job-fate.ts';
import { checkedPayloadText } from '../job-text.ts';
import { MAX_PARKED, ParkedStore } from '../parked-store.ts';
import { QueueCounts } from '../queue-counts.ts';
import { RepeatedTroubles } from '../repeated-troubles.ts';
import { JobConsumer } from './job-consumer.ts';
import { JobRows } from './job-rows.ts';

export interface EmbeddedQueueSettings extends Partial<Omit<FateRules, 'types'>> {
  /** Every type of job there is. */
  readonly types: readonly string[];
  readonly clock: Clock;
  /** Jobs that may wait, and parked ones; a million and a hundred thousand unless set. */
  readonly maxJobs?: number;
  readonly maxParked?: number;
  /** Told of each job that was parked. */
  readonly onParked?: (parked: ParkedJob) => void;
  /** Told of what went wrong and is done again. */
  readonly onTrouble?: (error: Error) => void;
}

const MAX_JOBS = 1_000_000;

/** The work queue of a single process: rows in `work.sqlite`, of which this process is the only writer. */
export class EmbeddedWorkQueue implements WorkQueue {
  readonly parked: ParkedStore;
  readonly counts = new QueueCounts();
  readonly #work: WorkDatabase;
  readonly #rows: JobRows;
  readonly #rules: FateRules;
  readonly #clock: Clock;
  readonly #troubles: RepeatedTroubles;
  readonly #maxJobs: number;
  readonly #consumers: Map<string, JobConsumer>; // by type
  #isStopped = false;

  private constructor(
    work: WorkDatabase,
    rows: JobRows,
    parked: ParkedStore,
    consumers: Map<string, JobConsumer>,
    settings: EmbeddedQueueSettings,
  ) {
    this.#work = work;
    this.#rows = rows;
    this.parked = parked;
    this.#consumers = consumers;
    this.#rules = fateRules(settings.types, settings);
    this.#clock = settings.clock;
    this.#troubles = new RepeatedTroubles(settings.onTrouble ?? (() => {}));
    this.#maxJobs = settings.maxJobs ?? MAX_JOBS;
  }

  /** @throws DatabaseError */
  static async open(work: WorkDatabase, settings: EmbeddedQueueSettings): Promise<EmbeddedWorkQueue> {
    const rows = await JobRows.open(work);
    const consumers = new Map<string, JobConsumer>();
    const parked = await ParkedStore.open(work, {
      most: settings.maxParked ?? MAX_PARKED,
      onParked: settings.onParked,
      requeue: ({ type, id, payloadText, enqueuedMs }) => {
        rows.add({ type, id, payloadText, attempt: 1, hops: 0, enqueuedMs, dueMs: 0 });
        work.commits.durable().then(
          () => consumers.get(type)?.wake(),
          () => undefined, // whoever replays is told
        );
        return undefined;
      },
    });
    return new EmbeddedWorkQueue(work, rows, parked, consumers, settings);
  }

  async enqueue(job: NewJob): Promise<void> {
    const payloadText = checkedPayloadText(job, this.#rules.types);
    if (this.#isStopped) throw new WorkQueueUnavailableError('CLOSED', 'the exchange is stopping: no job was taken');
    if (this.#rows.waiting >= this.#maxJobs)
      throw new WorkQueueUnavailableError(
        'FULL',
        `${this.#maxJobs} jobs wait already: no more is taken until some are done`,
      );
    const { type, id } = job;
    this.#rows.add({ type, id, payloadText, attempt: 1, hops: 0, enqueuedMs: this.#clock.nowMs(), dueMs: 0 });
    await this.#work.commits.durable();
    this.counts.enqueued += 1;
    this.#consumers.get(type)?.wake();
  }

  consume(type: string, handler: JobHandler, { concurrency }: { readonly concurrency: number }): void {
    if (!this.#rules.types.has(type)) fail(`a consumer of unknown jobs ${type}`);
    if (this.#consumers.has(type)) fail(`a second consumer of ${type} jobs`);
    if (!Number.isInteger(concurrency) || concurrency < 1) fail(`${concurrency} ${type} jobs at a time`);
    const consumer = new JobConsumer({
      type,
      handler,
      concurrency,
      rows: this.#rows,
      parked: this.parked,
      rules: this.#rules,
      counts: this.counts,
      nowMs: () => this.#clock.nowMs(),
      durable: () => this.#work.commits.durable(),
      onForward: (next) => this.#consumers.get(next)?.wake(),
      troubles: this.#troubles,
    });
    this.#consumers.set(type, consumer);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([...this.#consumers.values()].map((consumer) => consumer.stop()));
  }
}
