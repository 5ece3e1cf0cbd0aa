/**
 * Jobs in no particular order: somebody enqueues one, some consumer of its type does it. A job is delivered at least once,
 * also twice at the same time after a crash: its handler does once in effect what its id names. Ordered events have a port
 * of their own (event-feed.ts).
 */

export interface NewJob {
  readonly type: string; // one of the types that the queue was made with
  readonly id: string; // 1 … 200 printable ASCII characters; the same on every delivery, retry and forward
  readonly payload: unknown; // anything that JSON carries unchanged, at most MAX_PAYLOAD_BYTES as text
}

/** A job as its handler gets it. */
export interface Job extends NewJob {
  readonly attempt: number; // 1 … MAX_ATTEMPTS, of the handlers of its present type
  readonly hops: number; // forwards and retries since it was enqueued, 0 … HOP_LIMIT
  readonly enqueuedMs: number; // when it came first; milliseconds since 1970
}

/** Tries of one handler; over it the job is parked. */
export const MAX_ATTEMPTS = 5;
/** Forwards and retries of one job, all handlers together; over it the job is parked and an alarm counter rises. */
export const HOP_LIMIT = 8;
export const MAX_PAYLOAD_BYTES = 256 * 1024;

/** What a handler answers. A job that it forwards keeps its id and goes on as one of another type. */
export type JobResult =
  | { readonly act: 'done' }
  | { readonly act: 'forward'; readonly type: string; readonly payload: unknown };

export const DONE: JobResult = { act: 'done' };

/** The way to hand a job on: it is counted, so that no two consumers can play ball with it for ever. */
export function forwardTo(type: string, payload: unknown): JobResult {
  return { act: 'forward', type, payload };
}

/** Rejects to be called again later, with PoisonJobError when that is useless. */
export type JobHandler = (job: Job) => Promise<JobResult>;

/** No later try can do this job: it is parked at once. */
export class PoisonJobError extends Error {
  override readonly name = 'PoisonJobError';
}

/** The caller's fault: an unknown type, a bad id, a payload that JSON does not carry. Nothing was enqueued. */
export class InvalidJobError extends Error {
  override readonly name = 'InvalidJobError';
}

/**
 * A job was not taken, or nobody knows whether it was (`isOutcomeKnown` false: enqueue it again under its id).
 * AWAY: no broker; FULL: as many jobs wait as may; UNROUTABLE: the broker gave it back, there is no queue for it; CLOSED:
 * the queue was stopped.
 */
export class WorkQueueUnavailableError extends Error {
  override readonly name = 'WorkQueueUnavailableError';
  readonly code: 'AWAY' | 'FULL' | 'UNROUTABLE' | 'CLOSED';
  readonly isOutcomeKnown: boolean;

  constructor(code: WorkQueueUnavailableError['code'], message: string, isOutcomeKnown = true) {
    super(message);
    this.code = code;
    this.isOutcomeKnown = isOutcomeKnown;
  }
}

/**
 * Why a job was parked. ATTEMPTS: every try failed; POISON: its handler said so; HOPS: the count that it carries; LOOP: the
 * count of the last minute, which a loop that loses the former can't lose; MALFORMED: its bytes are no job.
 */
export type ParkingCause = 'ATTEMPTS' | 'POISON' | 'HOPS' | 'LOOP' | 'MALFORMED';

export interface ParkedJob {
  readonly parkedId: string; // names this parking: a job may be parked again
  readonly type: string;
  readonly id: string; // '' where the bytes tell none
  readonly payloadText: string; // JSON, but for MALFORMED: what came, as UTF-8
  readonly attempt: number;
  readonly hops: number;
  readonly enqueuedMs: number;
  readonly parkedMs: number;
  readonly cause: ParkingCause;
  readonly reason: string; // for people: what the last try failed with
}

/** Jobs that wait for an operator. A call rejects with WorkQueueUnavailableError while there is no broker. */
export interface ParkedJobs {
  /** @returns the oldest first. @param limit 1 … MAX_PARKED_ROWS */
  list(query: { readonly type?: string; readonly limit: number }): Promise<readonly ParkedJob[]>;
  find(parkedId: string): Promise<ParkedJob | undefined>;
  /** Enqueues it as if it were new. @returns false when there is none of that id; NotReplayableError: MALFORMED */
  replay(parkedId: string): Promise<boolean>;
  /** Forgets it for ever. @returns false when there is none of that id */
  drop(parkedId: string): Promise<boolean>;
  count(): Promise<number>;
}

/** Rows that one call may ask for. */
export const MAX_PARKED_ROWS = 1_000;

/** What is no job can't become one: it may only be dropped. */
export class NotReplayableError extends Error {
  override readonly name = 'NotReplayableError';
}

/** What happened since this process opened the queue. */
export interface WorkQueueCounts {
  readonly enqueued: number;
  readonly done: number;
  readonly retried: number;
  readonly forwarded: number;
  readonly parked: number;
  readonly hopAlarms: number; // parked for HOPS or LOOP: two consumers play ball
  readonly returned: number; // messages that the broker could not route
}

export interface WorkQueue {
  /**
   * @returns once the job is durable
   * @throws InvalidJobError, WorkQueueUnavailableError
   */
  enqueue(job: NewJob): Promise<void>;
  /** Gives jobs of a type to the handler until `stop`, at most `concurrency` at a time. Once for each type. */
  consume(type: string, handler: JobHandler, options: { readonly concurrency: number }): void;
  readonly parked: ParkedJobs;
  readonly counts: WorkQueueCounts;
  /** Starts no job any more. @returns when those under way are finished; what is not comes again at the next start */
  stop(): Promise<void>;
}
