import type { Job, JobRun } from './jobs.ts';

/** What happens to jobs and to the scheduler, told after it is durable. Times and spans in milliseconds. */
export type JobEvent =
  | { readonly type: 'added' | 'modified' | 'paused' | 'resumed' | 'removed'; readonly job: Job }
  /** Times of a job have come and are in the queue. */
  | { readonly type: 'submitted'; readonly jobId: string; readonly scheduledMs: readonly number[] }
  | { readonly type: 'started'; readonly run: JobRun; readonly lateMs: number }
  | { readonly type: 'succeeded'; readonly run: JobRun; readonly tookMs: number }
  | { readonly type: 'failed'; readonly run: JobRun; readonly error: Error; readonly willRetry: boolean }
  | { readonly type: 'timeout'; readonly run: JobRun; readonly error: Error; readonly willRetry: boolean }
  | { readonly type: 'aborted'; readonly run: JobRun; readonly error: Error; readonly willRetry: boolean }
  /** Its process died, or was thought dead. */
  | { readonly type: 'lost'; readonly jobId: string; readonly scheduledMs: number; readonly willRetry: boolean }
  /** The newest of so many times that nobody runs: too late, or made up for by one run. */
  | { readonly type: 'missed'; readonly jobId: string; readonly scheduledMs: number; readonly count: number }
  | { readonly type: 'skipped'; readonly jobId: string; readonly scheduledMs: number }
  /** The last time of a job is over. */
  | { readonly type: 'exhausted'; readonly jobId: string }
  | { readonly type: 'leading' | 'standby' | 'deposed'; readonly fencingToken: number }
  | { readonly type: 'clock-moved'; readonly byMs: number } // below 0: back
  /** Something that the scheduler needs does not work: it tries again. */
  | { readonly type: 'trouble'; readonly error: Error };

export type JobEventType = JobEvent['type'];
