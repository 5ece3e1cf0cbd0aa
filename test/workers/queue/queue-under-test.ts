import { DONE, type Job, type JobHandler, type WorkQueue } from '../../../core/ports/work-queue.ts';

export const TYPES = ['alpha', 'beta', 'gamma'] as const;
/** Pauses that a test can wait for. */
export const SHORT_DELAYS_MS = [20, 30, 40, 50];

export interface QueueLimits {
  readonly maxJobs?: number;
  readonly maxParked?: number;
  readonly hopLimit?: number;
}

/** One place where jobs are kept, that queues are opened over, one after the other or, where that is allowed, at once. */
export interface QueueUnderTest {
  readonly name: string;
  open(limits?: QueueLimits): Promise<WorkQueue>;
  /** Ends one as kill -9 does: nothing is finished, answered or given back. */
  abandon(queue: WorkQueue): Promise<void>;
  /** Ends what is open, and forgets every job. */
  reset(): Promise<void>;
}

/** What a handler was given, in order. */
export class Deliveries {
  readonly jobs: Job[] = [];
  /** Does every job. */
  readonly take: JobHandler = async (job) => {
    this.jobs.push(job);
    return DONE;
  };

  get ids(): string[] {
    return this.jobs.map(({ id }) => id);
  }

  attemptsOf(id: string): number[] {
    return this.jobs.filter((job) => job.id === id).map(({ attempt }) => attempt);
  }
}
