import type { Admission, WaitingRun } from '../core/ports/job-store.ts';
import type { Job } from '../core/ports/jobs.ts';
import { JobAbortedError, type JobExecution } from './job-execution.ts';

/** The runs at work, and which run may join them. */
export class Instances {
  readonly #executions = new Map<number, JobExecution>(); // by run
  readonly #counts = new Map<string, { readonly job: Job; count: number }>(); // by job; only jobs at work

  get all(): readonly JobExecution[] {
    return [...this.#executions.values()];
  }

  get count(): number {
    return this.#executions.size;
  }

  /** Jobs that have all their instances at work; and those of them of which everything waits until one ends. */
  busyJobIds(): { busy: string[]; queueing: string[] } {
    const full = [...this.#counts.values()].filter(({ job, count }) => count >= job.settings.maxInstances);
    return {
      busy: full.map(({ job }) => job.jobId),
      queueing: full.filter(({ job }) => letsWait(job) || this.#isMakingRoom(job.jobId)).map(({ job }) => job.jobId),
    };
  }

  /** Decisions about the runs of one step, which begin only when the step is durable: `starting` counts for it. */
  admission(): { admit: (waiting: WaitingRun) => Admission; readonly replaced: ReadonlySet<string> } {
    const starting = new Map<string, number>();
    const replaced = new Set<string>();
    const admit = ({ job, run }: WaitingRun): Admission => {
      const { jobId, settings } = job;
      const atWork = (this.#counts.get(jobId)?.count ?? 0) + (starting.get(jobId) ?? 0);
      if (atWork < settings.maxInstances) {
        starting.set(jobId, (starting.get(jobId) ?? 0) + 1);
        return 'start';
      }
      if (run.cause === 'operator' || run.attempt > 1 || letsWait(job)) return 'wait';
      if (settings.onOverlap === 'skip') return 'skip';
      replaced.add(jobId);
      return 'wait';
    };
    return { admit, replaced };
  }

  add(execution: JobExecution): void {
    const { job, run } = execution;
    this.#executions.set(run.runId, execution);
    const before = this.#counts.get(job.jobId)?.count ?? 0;
    this.#counts.set(job.jobId, { job, count: before + 1 });
  }

  remove({ job, run }: JobExecution): void {
    if (!this.#executions.delete(run.runId)) return;
    const entry = this.#counts.get(job.jobId)!;
    entry.count -= 1;
    if (entry.count === 0) this.#counts.delete(job.jobId);
  }

  /** Makes room for a later run; until the oldest one has ended, that waits. */
  abortOldest(jobId: string): void {
    if (this.#isMakingRoom(jobId)) return;
    this.#ofJob(jobId)[0]?.abort(new JobAbortedError('a later run takes its place', true));
  }

  /** A run that was told to end may take its time, or never do it. */
  #isMakingRoom(jobId: string): boolean {
    return this.#ofJob(jobId).some(({ isAborted }) => isAborted);
  }

  #ofJob(jobId: string): JobExecution[] {
    return this.all.filter(({ job }) => job.jobId === jobId);
  }
}

/** Who wants every time made up for wants none skipped. */
function letsWait({ settings }: Job): boolean {
  return settings.onOverlap === 'queue' || (settings.coalesce === 'all' && settings.onOverlap === 'skip');
}
