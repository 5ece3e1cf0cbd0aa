import type { Job, JobDefinition, JobHandler, JobRun, RunState, SchedulerStatus } from './jobs.ts';

/** What is to be done with the times of one job that have come. */
export interface DuePlan {
  readonly runs: readonly PlannedRun[];
  readonly nextMs: number | null;
  readonly lastScheduledMs: number; // the newest time that is dealt with
}

export interface PlannedRun {
  readonly scheduledMs: number;
  readonly dueMs: number;
  readonly state: 'queued' | 'missed' | 'skipped';
  readonly missedCount: number;
}

/** How a run ended, or that it is to be tried again. */
export interface RunOutcome {
  readonly runId: number;
  readonly jobId: string;
  readonly state: RunState;
  readonly attempt: number; // of the next try when the state is `queued`
  readonly dueMs: number;
  readonly endedMs: number;
  readonly result: string; // JSON
  readonly error: string | null;
}

/** A run that waits, with its job. */
export interface WaitingRun {
  readonly run: JobRun;
  readonly job: Job;
}

export type Admission = 'start' | 'wait' | 'skip';

/**
 * What one step of the scheduler does, in one transaction: keep how runs ended, put the times that have come into the
 * queue, start what may start.
 */
export interface SchedulerStep {
  readonly token: number;
  readonly nowMs: number;
  readonly outcomes: readonly RunOutcome[];
  /** Jobs with all their instances at work: of these only first attempts at their times are asked about … */
  readonly busyJobIds: readonly string[];
  readonly queueingJobIds: readonly string[]; // … and of these, which let everything wait, nothing
  readonly dueLimit: number; // jobs whose times are taken
  readonly startLimit: number; // runs that may start
  /** @param queuedRuns of the job already. Synchronous, and has no effect. */
  plan(job: Job, queuedRuns: number): DuePlan;
  /** Asked for each waiting run whose time has come, oldest first. Remembers its own answers of this step. */
  admit(waiting: WaitingRun): Admission;
}

export interface SchedulerStepDone {
  readonly planned: readonly { readonly job: Job; readonly plan: DuePlan }[];
  readonly started: readonly WaitingRun[];
  readonly skipped: readonly WaitingRun[];
  /** Earliest time at which there is something to do; null for never. In the past when more is left now. */
  readonly wakeMs: number | null;
}

export interface LeaseState {
  readonly token: number;
  readonly beat: number; // rises whenever its holder is alive
  readonly holder: string | null; // null: free
  readonly pid: number;
  readonly seenMs: number; // what its holder's wall clock said last
  readonly clockEpoch: number;
}

/** A run of a scheduler that died, and what becomes of it. */
export interface LostRun {
  readonly jobId: string;
  readonly runId: number;
  readonly scheduledMs: number;
  readonly willRetry: boolean;
}

/** Jobs, their runs and the lease, in one durable place that several processes write. Every call is one transaction. */
export interface JobStore {
  /** Called after each change that was made through this object by others than the scheduler. */
  onChange: () => void;
  /** @returns whether another process has changed anything since the last call */
  changedElsewhere(): Promise<boolean>;

  insert(
    job: JobDefinition & { readonly standing: string | null },
    nextMs: number | null,
    nowMs: number,
  ): Promise<boolean>;
  /** @returns false when there is no such job. `change` is synchronous; what it throws undoes the call. */
  update(jobId: string, change: (job: Job) => JobUpdate, nowMs: number): Promise<Job | undefined>;
  remove(jobId: string, nowMs: number): Promise<Job | undefined>;
  find(jobId: string): Promise<Job | undefined>;
  standingOf(jobId: string): Promise<string | null | undefined>;
  list(): Promise<Job[]>;
  history(jobId: string | undefined, limit: number): Promise<JobRun[]>;
  enqueue(jobId: string, nowMs: number): Promise<JobRun | undefined>;
  putHandlers(handlers: readonly Pick<JobHandler, 'name' | 'about'>[]): Promise<void>;
  handlers(): Promise<Pick<JobHandler, 'name' | 'about'>[]>;
  status(): Promise<SchedulerStatus>;

  readLease(): Promise<LeaseState>;
  /**
   * Takes the lease if it still is as it was seen. Runs of the holder before are lost, or queued again where they have
   * retries left.
   * @returns the new token and what was lost; null when somebody else was faster
   */
  takeLease(
    seen: LeaseState,
    holder: string,
    pid: number,
    nowMs: number,
  ): Promise<{ token: number; lost: LostRun[] } | null>;
  /** @throws LeaseLostError, with nothing done */
  step(step: SchedulerStep): Promise<SchedulerStepDone>;
  /** The wall clock went back: intervals keep their rhythm, times of day begin again. @throws LeaseLostError */
  clockWentBack(token: number, backMs: number, replan: (job: Job) => number | null, nowMs: number): Promise<void>;
  /** @throws LeaseLostError */
  releaseLease(token: number, outcomes: readonly RunOutcome[], nowMs: number): Promise<void>;
  close(): Promise<void>;
}

export interface JobUpdate {
  readonly handler: string;
  readonly arguments: JobDefinition['arguments'];
  readonly trigger: JobDefinition['trigger'];
  readonly settings: JobDefinition['settings'];
  readonly nextMs: number | null;
  readonly isPaused: boolean;
  readonly shiftMs: number;
  readonly standing?: string; // of a standing job whose own definition changed
}

/** Another scheduler has taken over: this one may do nothing any more. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
}
