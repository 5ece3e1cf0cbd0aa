import type { RunOutcome, WaitingRun } from '../core/ports/job-store.ts';
import type { Job, JobHandler, JobRun, JsonValue } from '../core/ports/jobs.ts';
import type { Timekeeper } from './timekeeper.ts';

const LONGEST_RETRY_PAUSE_MS = 3_600_000;
const MOST_RESULT_CHARACTERS = 65_536;
const MOST_ERROR_CHARACTERS = 1_000;

/** A run took longer than its job's timeout. */
export class JobTimeoutError extends Error {
  override readonly name = 'JobTimeoutError';
}

/** A run was told to end: `isFinal` when it is not wanted any more, as when a later one takes its place. */
export class JobAbortedError extends Error {
  override readonly name = 'JobAbortedError';
  readonly isFinal: boolean;

  constructor(message: string, isFinal: boolean) {
    super(message);
    this.isFinal = isFinal;
  }
}

/** How a run ended: its row, and what went wrong. */
export interface ExecutionEnd {
  readonly outcome: RunOutcome;
  readonly ended: 'succeeded' | 'failed' | 'timeout' | 'aborted';
  readonly error: Error | null;
  readonly willRetry: boolean;
}

/** One run at work. Whatever its handler does, `ended` resolves once that has settled, and never rejects. */
export class JobExecution {
  readonly job: Job;
  readonly run: JobRun;
  readonly token: number;
  readonly ended: Promise<ExecutionEnd>;
  readonly #controller = new AbortController();
  readonly #time: Timekeeper;
  readonly #cancelTimeout: () => void;

  constructor({ job, run }: WaitingRun, handler: JobHandler | undefined, token: number, time: Timekeeper) {
    this.job = job;
    this.run = run;
    this.token = token;
    this.#time = time;
    const { timeoutMs } = job.settings;
    this.#cancelTimeout =
      timeoutMs === null
        ? () => {}
        : time.after(timeoutMs, () => this.#abort(new JobTimeoutError(`it took longer than ${timeoutMs} ms`)));
    this.ended = this.#execute(handler);
  }

  get isAborted(): boolean {
    return this.#controller.signal.aborted;
  }

  abort(reason: JobAbortedError): void {
    this.#abort(reason);
  }

  #abort(reason: Error): void {
    if (!this.isAborted) this.#controller.abort(reason);
  }

  async #execute(handler: JobHandler | undefined): Promise<ExecutionEnd> {
    const { job, run } = this;
    try {
      if (handler === undefined)
        throw new Error(`there is no handler "${job.handler}" here: jobs handlers lists what there is`);
      const result = await handler.run({
        jobId: job.jobId,
        runId: run.runId,
        scheduledMs: run.scheduledMs,
        attempt: run.attempt,
        arguments: job.arguments,
        fencingToken: this.token,
        signal: this.#controller.signal,
      });
      return this.#end(resultText(result), null);
    } catch (error) {
      return this.#end('null', error instanceof Error ? error : new Error(String(error)));
    }
  }

  #end(result: string, failure: Error | null): ExecutionEnd {
    this.#cancelTimeout();
    const { job, run } = this;
    const reason: unknown = this.#controller.signal.reason;
    const isLate = reason instanceof JobTimeoutError; // too late is a failure, also with a result
    const isAborted = reason instanceof JobAbortedError && failure !== null;
    const error = isLate || isAborted ? (reason as Error) : failure;
    const ended = isLate ? 'timeout' : isAborted ? 'aborted' : failure === null ? 'succeeded' : 'failed';
    const isFinal = isAborted && (reason as JobAbortedError).isFinal;
    const willRetry = ended !== 'succeeded' && !isFinal && run.attempt <= job.settings.retries;
    const endedMs = this.#time.wallMs();
    return {
      ended,
      error,
      willRetry,
      outcome: {
        runId: run.runId,
        jobId: job.jobId,
        state: willRetry ? 'queued' : ended,
        attempt: run.attempt + (willRetry ? 1 : 0),
        dueMs: willRetry ? endedMs + retryPauseMs(job.settings.retryDelayMs, run.attempt) : run.dueMs,
        endedMs,
        result,
        error: error === null ? null : errorText(error),
      },
    };
  }
}

function retryPauseMs(firstMs: number, attempt: number): number {
  return Math.min(firstMs * 2 ** (attempt - 1), LONGEST_RETRY_PAUSE_MS);
}

/** @throws Error for what can't be kept: the run has failed then, since nobody would ever see its result */
function resultText(result: JsonValue | undefined): string {
  const text = JSON.stringify(result ?? null);
  if (text.length > MOST_RESULT_CHARACTERS)
    throw new Error(`its result has ${text.length} characters; ${MOST_RESULT_CHARACTERS} are kept at most`);
  return text;
}

function errorText({ name, message }: Error): string {
  return `${name}: ${message}`.slice(0, MOST_ERROR_CHARACTERS);
}
