/**
 * Periodic work: what a job is, what runs it, and what operators may do with it. Times are milliseconds since 1970 by the
 * wall clock, spans are milliseconds, both whole numbers.
 */

/** Anything that JSON can carry. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** When a job is due. A time zone is an IANA name such as Europe/Berlin. Nothing is due before `startMs` or after `endMs`. */
export type Trigger = IntervalTrigger | CronTrigger | DateTrigger | CalendarTrigger | CombinedTrigger;

/**
 * Every so often: at startMs, startMs + everyMs, … Where the wall clock is put back, what has begun keeps its rhythm, so
 * that it is never silent; a start that was chosen and is still to come, and the end, stay where they are.
 */
export interface IntervalTrigger {
  readonly type: 'interval';
  readonly everyMs: number; // ≥ 1
  readonly startMs?: number; // one period after it is added, unless given
  readonly endMs?: number;
}

/**
 * A cron expression of five fields (minute, hour, day of month, month, day of week) or six (seconds before them), or one
 * of @hourly @daily @weekly @monthly @yearly. See scheduler/triggers/cron-expression.ts for what a field may say.
 *
 * Where a clock is put forward, times that it leaves out are due when it is (once, however many they are); where it is
 * put back, times that come twice are due the first time. An expression whose hour is `*` follows the passing of time
 * instead: it leaves out what is left out, and is due twice.
 */
export interface CronTrigger {
  readonly type: 'cron';
  readonly expression: string;
  readonly timeZone?: string; // UTC unless given
  readonly startMs?: number;
  readonly endMs?: number;
}

export interface DateTrigger {
  readonly type: 'date';
  readonly atMs: number;
}

export type CalendarUnit = 'day' | 'week' | 'month' | 'year';

/** Every so many days, weeks, months or years at a time of day. Times left out or doubled by a clock are as with cron. */
export interface CalendarTrigger {
  readonly type: 'calendar';
  readonly every: number; // ≥ 1
  readonly unit: CalendarUnit;
  readonly timeOfDay: string; // HH:MM or HH:MM:SS
  readonly startDate?: string; // YYYY-MM-DD, the first day; the day on which it is added unless given
  /** A month that has no such day: its last day instead (unless said otherwise), or none. */
  readonly missingDay?: 'last' | 'skip';
  readonly timeZone?: string; // UTC unless given
  readonly endMs?: number;
}

export interface CombinedTrigger {
  /** `or`: whenever one of them is due. `and`: when one is due and each of the others was within `toleranceMs` before. */
  readonly type: 'or' | 'and';
  readonly triggers: readonly Trigger[]; // 1 to 16
  readonly toleranceMs?: number; // of `and`: 1,000 unless given
}

export interface JobSettings {
  /** A time that is missed by more is not made up for; null: however late. */
  readonly misfireGraceMs: number | null;
  /** Of several times that were missed: run the latest, the earliest, or all of them (the newest 1,000 at most). */
  readonly coalesce: 'latest' | 'earliest' | 'all';
  readonly maxInstances: number; // runs at the same time, ≥ 1
  /** What becomes of a time that finds `maxInstances` at work: skipped, queued behind them, or the oldest is aborted for it. */
  readonly onOverlap: 'skip' | 'queue' | 'replace';
  /** A run that takes longer is told by its signal to end, and has failed; null: never. */
  readonly timeoutMs: number | null;
  readonly retries: number; // of a run that failed, timed out or died with its process
  /** Before the first retry; each further pause is twice as long, up to an hour. */
  readonly retryDelayMs: number;
  /** A run begins up to this much later than it is due, by chance. */
  readonly jitterMs: number;
}

export const DEFAULT_JOB_SETTINGS: JobSettings = {
  misfireGraceMs: null,
  coalesce: 'latest',
  maxInstances: 1,
  onOverlap: 'skip',
  timeoutMs: null,
  retries: 0,
  retryDelayMs: 1_000,
  jitterMs: 0,
};

export interface JobDefinition {
  readonly jobId: string; // 1 to 100 of letters, digits and . _ : -
  readonly handler: string; // name of a JobHandler
  readonly arguments: JsonValue; // what it is called with
  readonly trigger: Trigger;
  readonly settings: JobSettings;
}

export interface Job extends JobDefinition {
  readonly nextMs: number | null; // null: never again
  readonly lastScheduledMs: number | null; // the newest time that was run, skipped or missed
  readonly isPaused: boolean;
  readonly isStanding: boolean; // one of the exchange's own: can be paused and modified, not removed
  /** Added to an interval's times: how far the wall clock was put back since the job was added. */
  readonly shiftMs: number;
  readonly createdMs: number;
  readonly updatedMs: number;
}

export type RunState =
  | 'queued' // waits for its time, for an instance to end, or for its retry
  | 'running'
  | 'succeeded'
  | 'failed'
  | 'timeout'
  | 'lost' // its process died; nobody knows how far it came
  | 'aborted' // replaced by a later run, or ended with its scheduler
  | 'skipped' // the job was at work
  | 'missed' // too late: stands for all times that were missed together
  | 'cancelled'; // its job was removed or its run was not wanted any more

/** One occurrence of a job: there is one for a job and a scheduled time, or one for each time an operator asks. */
export interface JobRun {
  readonly runId: number;
  readonly jobId: string;
  readonly scheduledMs: number;
  readonly cause: 'schedule' | 'operator';
  readonly state: RunState;
  readonly attempt: number; // 1, 2, …
  readonly dueMs: number; // when it may begin
  readonly startedMs: number | null;
  readonly endedMs: number | null;
  readonly missedCount: number; // times before it that are made up for by this run; of `missed`: all of them
  readonly result: JsonValue;
  readonly error: string | null;
}

export interface JobContext {
  readonly jobId: string;
  readonly runId: number;
  readonly scheduledMs: number;
  readonly attempt: number;
  readonly arguments: JsonValue;
  /** Rises with every scheduler that takes over: an effect that remembers it can refuse one that was thought dead. */
  readonly fencingToken: number;
  /** Aborted at a timeout, when it is replaced, when its scheduler ends or has lost its lease. */
  readonly signal: AbortSignal;
}

/** What a job does. Must end soon after its signal is aborted; may be called twice for one time, if a process died. */
export interface JobHandler {
  readonly name: string;
  readonly about: string; // one line for operators
  /** @returns what is worth keeping in the history; rejects when it failed */
  run(context: JobContext): Promise<JsonValue | undefined>;
}

export interface JobChanges {
  readonly handler?: string;
  readonly arguments?: JsonValue;
  readonly trigger?: Trigger;
  readonly settings?: Partial<JobSettings>;
}

/** Why an operator's wish about a job is refused; nothing was done. */
export type JobRefusal = 'INVALID_JOB' | 'UNKNOWN_JOB' | 'JOB_EXISTS' | 'STANDING_JOB';

export class JobRefusedError extends Error {
  override readonly name = 'JobRefusedError';
  readonly code: JobRefusal;

  constructor(code: JobRefusal, message: string) {
    super(message);
    this.code = code;
  }
}

/** What may be done with jobs at run time. Works beside a scheduler in this or another process, or without any. */
export interface JobDesk {
  /** @throws JobRefusedError */
  add(job: Omit<JobDefinition, 'settings'> & { readonly settings?: Partial<JobSettings> }): Promise<Job>;
  /** What is not named stays; a new trigger counts from now on. @throws JobRefusedError */
  modify(jobId: string, changes: JobChanges): Promise<Job>;
  /** Nothing becomes due until it is resumed; a run under way goes on. @throws JobRefusedError */
  pause(jobId: string): Promise<Job>;
  /** Goes on with the first time from now on: what was due meanwhile was not missed. @throws JobRefusedError */
  resume(jobId: string): Promise<Job>;
  /** A run under way goes on; what is queued is cancelled. @throws JobRefusedError */
  remove(jobId: string): Promise<Job>;
  /** One run as soon as an instance is free, paused or not, beside its times. @throws JobRefusedError */
  runNow(jobId: string): Promise<JobRun>;
  list(): Promise<readonly Job[]>;
  /** @throws JobRefusedError */
  show(jobId: string): Promise<Job>;
  /** @param jobId all jobs' when undefined. @returns newest first */
  history(jobId: string | undefined, limit: number): Promise<readonly JobRun[]>;
  /** @returns the next times of a job, at most `count`; fewer where they take long to find. @throws JobRefusedError */
  preview(jobId: string, count: number): Promise<readonly number[]>;
  /** What jobs can do: names that the scheduler has told, with what each is about. */
  handlers(): Promise<readonly Pick<JobHandler, 'name' | 'about'>[]>;
  status(): Promise<SchedulerStatus>;
}

export interface SchedulerStatus {
  readonly holder: string | null; // the scheduler at work; null for none
  readonly fencingToken: number;
  readonly clockEpoch: number; // how often the wall clock was seen to go back
  readonly queuedRuns: number;
  readonly runningRuns: number;
}
