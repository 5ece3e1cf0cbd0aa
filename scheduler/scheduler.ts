import type { JobEvent } from '../core/ports/job-events.ts';
import {
  type DuePlan,
  type JobStore,
  LeaseLostError,
  type RunOutcome,
  type SchedulerStepDone,
} from '../core/ports/job-store.ts';
import type { Job, JobHandler } from '../core/ports/jobs.ts';
import { CLOCK_TOLERANCE_MS, ClockWatch } from './clock-watch.ts';
import { planDue } from './due-plan.ts';
import { Instances } from './instances.ts';
import { type ExecutionEnd, JobAbortedError, JobExecution } from './job-execution.ts';
import { nextTimeAfterBack } from './job-times.ts';
import { LeaseWatch } from './lease-watch.ts';
import type { Timekeeper } from './timekeeper.ts';

export interface SchedulerOptions {
  readonly store: JobStore;
  readonly handlers: readonly JobHandler[];
  readonly time: Timekeeper;
  readonly onEvent: (event: JobEvent) => void;
  /** Runs at the same time, all jobs together; 32 unless given. */
  readonly maxRuns?: number;
  /** How long another scheduler waits for one that shows no sign of life; 10 s unless given. */
  readonly leaseMs?: number;
  /** How often it looks at the clocks, the lease, and what other processes have changed; 1 s unless given. */
  readonly beatMs?: number;
  readonly random?: () => number;
}

export const DEFAULT_LEASE_MS = 10_000;
const DEFAULT_BEAT_MS = 1_000;
const DEFAULT_MAX_RUNS = 32;
/** Jobs whose times are taken in one transaction. */
const DUE_LIMIT = 500;
/** How long runs may go on when the scheduler ends, and how long those may take that are told to end then. */
const DRAIN_MS = 10_000;
const ABORT_MS = 2_000;

/**
 * Runs jobs at their times. Of several schedulers over one store one leads and the others stand by. The leader does
 * everything in steps, each one transaction that its lease guards: how runs ended, which times have come, which runs
 * start. A run begins only once its start is durable, so that no other scheduler ever begins the same one.
 */
export class Scheduler {
  readonly #options: Required<SchedulerOptions>;
  readonly #handlers: ReadonlyMap<string, JobHandler>;
  readonly #instances = new Instances();
  readonly #lease: LeaseWatch;
  readonly #clock: ClockWatch;
  #token: number | null = null; // while it leads
  #isStopping = false;
  #endBeats: () => void = () => {};
  #outcomes: RunOutcome[] = []; // not durable yet
  #backMs = 0; // the wall clock was put back, which the store is not told yet
  #renewedMs = Number.NEGATIVE_INFINITY; // monotonic time of the last step
  #isTroubled = false;
  #isBeatDue = false;
  #isWanted = false;
  #working: Promise<void> | null = null; // steps and beats, one after the other
  #onIdle: (() => void) | null = null;

  constructor(options: SchedulerOptions) {
    this.#options = {
      maxRuns: DEFAULT_MAX_RUNS,
      leaseMs: DEFAULT_LEASE_MS,
      beatMs: DEFAULT_BEAT_MS,
      random: Math.random,
      ...options,
    };
    this.#handlers = new Map(options.handlers.map((handler) => [handler.name, handler]));
    this.#lease = new LeaseWatch(options.store, options.time, this.#options.leaseMs);
    this.#clock = new ClockWatch(options.time);
  }

  get isLeading(): boolean {
    return this.#token !== null;
  }

  get runningCount(): number {
    return this.#instances.count;
  }

  /** @throws DatabaseError when the store can't be used from the beginning; later it is tried again and told of */
  async start(): Promise<void> {
    const { store, handlers, time, beatMs } = this.#options;
    await store.putHandlers(handlers);
    store.onChange = () => this.wake();
    this.#endBeats = time.every(beatMs, () => this.#beat());
    this.#beat();
    await this.idle();
    if (!this.isLeading) this.#options.onEvent({ type: 'standby', fencingToken: (await store.readLease()).token });
  }

  /** Has it look at what there is to do now. */
  wake(): void {
    if (!this.isLeading) return;
    this.#isWanted = true;
    this.#work();
  }

  /** @returns when nothing is under way but runs */
  async idle(): Promise<void> {
    while (this.#working !== null) await this.#working;
  }

  /**
   * Takes nothing more, lets runs end, tells them to after a while, and gives the lease to whoever wants it. Runs that go
   * on regardless are lost to the next scheduler.
   */
  async stop(drainMs = DRAIN_MS): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    const { store, time, onEvent } = this.#options;
    time.cancelWake();
    store.onChange = () => {};
    await this.idle(); // a step that is under way may begin runs yet
    if (!(await this.#drained(drainMs))) {
      for (const execution of this.#instances.all) execution.abort(new JobAbortedError('the scheduler ends', false));
      await this.#drained(ABORT_MS);
    }
    this.#endBeats();
    await this.idle();
    const token = this.#token;
    this.#token = null;
    if (token === null) return;
    try {
      await store.releaseLease(token, this.#outcomes.splice(0), time.wallMs());
    } catch (error) {
      onEvent({ type: 'trouble', error: error as Error });
    }
  }

  /** @returns whether no run is at work any more */
  #drained(patienceMs: number): Promise<boolean> {
    if (this.#instances.count === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (isIdle: boolean): void => {
        cancel();
        this.#onIdle = null;
        resolve(isIdle);
      };
      const cancel = this.#options.time.after(patienceMs, () => end(false));
      this.#onIdle = () => end(true);
    });
  }

  #beat(): void {
    this.#isBeatDue = true;
    this.#work();
  }

  #work(): void {
    this.#working ??= this.#workOff().finally(() => {
      this.#working = null;
      if (this.#isBeatDue || this.#isWanted) this.#work(); // asked for after the last look
    });
  }

  async #workOff(): Promise<void> {
    while (this.#isBeatDue || this.#isWanted) {
      try {
        if (this.#isBeatDue) {
          this.#isBeatDue = false;
          await this.#lookAround();
        }
        if (this.#isWanted) {
          this.#isWanted = false;
          if (this.#token !== null) await this.#step(this.#token);
        }
        this.#isTroubled = false;
      } catch (error) {
        this.#isWanted = false; // the next beat tries again
        if (error instanceof LeaseLostError) this.#depose();
        else {
          this.#isTroubled = true;
          this.#options.onEvent({ type: 'trouble', error: error as Error });
        }
      }
    }
  }

  /** Once a beat: the clocks, the lease, and what others have changed. */
  async #lookAround(): Promise<void> {
    const { store, time, leaseMs } = this.#options;
    const hasMoved = this.#lookAtClock();
    if (this.#token === null) {
      if (!this.#isStopping) await this.#tryToLead();
      return;
    }
    const isLeaseOld = time.monotonicMs() - this.#renewedMs >= leaseMs / 3;
    if (hasMoved || isLeaseOld || this.#isTroubled || (await store.changedElsewhere())) this.#isWanted = true;
  }

  #lookAtClock(): boolean {
    const movedMs = this.#clock.movedMs();
    if (movedMs === 0) return false;
    if (movedMs < 0) this.#backMs -= movedMs;
    this.#options.onEvent({ type: 'clock-moved', byMs: movedMs });
    return true;
  }

  async #tryToLead(): Promise<void> {
    const { time, onEvent } = this.#options;
    const taken = await this.#lease.tryTake();
    if (taken === null) return;
    this.#token = taken.token;
    // The wall clock may have been put back behind what the one before has seen. Steps that were seen here while that led
    // are its affair: it has dealt with them, or they are in this difference.
    this.#lookAtClock();
    const backMs = taken.before.seenMs - time.wallMs();
    this.#backMs = backMs >= CLOCK_TOLERANCE_MS ? backMs : 0;
    onEvent({ type: 'leading', fencingToken: taken.token });
    for (const { jobId, scheduledMs, willRetry } of taken.lost)
      onEvent({ type: 'lost', jobId, scheduledMs, willRetry });
    this.#isWanted = true;
  }

  /** Another scheduler leads: whatever is at work here is no longer ours to tell of. */
  #depose(): void {
    const token = this.#token;
    this.#token = null;
    this.#outcomes = [];
    this.#options.time.cancelWake();
    for (const execution of this.#instances.all) execution.abort(new JobAbortedError('the lease was lost', true));
    if (token !== null) this.#options.onEvent({ type: 'deposed', fencingToken: token });
  }

  async #step(token: number): Promise<void> {
    const { store, time, maxRuns } = this.#options;
    this.#lookAtClock();
    if (this.#backMs > 0) await this.#putBack(token);
    const nowMs = time.wallMs();
    const outcomes = this.#outcomes.splice(0);
    const { admit, replaced } = this.#instances.admission();
    const { busy, queueing } = this.#instances.busyJobIds();
    let done: SchedulerStepDone;
    try {
      done = await store.step({
        token,
        nowMs,
        outcomes,
        busyJobIds: busy,
        queueingJobIds: queueing,
        dueLimit: this.#isStopping ? 0 : DUE_LIMIT,
        startLimit: this.#isStopping ? 0 : Math.max(0, maxRuns - this.#instances.count),
        plan: (job, queuedRuns) => this.#plan(job, nowMs, queuedRuns),
        admit,
      });
    } catch (error) {
      this.#outcomes.unshift(...outcomes);
      throw error;
    }
    this.#renewedMs = time.monotonicMs();
    this.#tell(done);
    for (const waiting of done.started)
      this.#execute(new JobExecution(waiting, this.#handlers.get(waiting.job.handler), token, time));
    for (const jobId of replaced) this.#instances.abortOldest(jobId);
    if (this.#isStopping) return;
    if (replaced.size > 0) this.#isWanted = true; // their later runs are not looked at again, but what stands behind them
    if (done.wakeMs === null) time.cancelWake();
    else if (done.wakeMs <= time.wallMs()) this.#isWanted = true;
    else time.wakeAt(done.wakeMs, () => this.wake());
  }

  /** A job whose times can't be reckoned, as of a zone that this Node no longer knows, stops alone. */
  #plan(job: Job, nowMs: number, queuedRuns: number): DuePlan {
    try {
      return planDue(job, nowMs, queuedRuns, this.#options.random);
    } catch (cause) {
      this.#options.onEvent({
        type: 'trouble',
        error: new Error(`job ${job.jobId} has no times any more: ${(cause as Error).message}`, { cause }),
      });
      return { runs: [], nextMs: null, lastScheduledMs: job.nextMs! };
    }
  }

  async #putBack(token: number): Promise<void> {
    const { store, time } = this.#options;
    const nowMs = time.wallMs();
    const backMs = this.#backMs;
    await store.clockWentBack(token, backMs, (job) => nextTimeAfterBack(job, nowMs, backMs), nowMs);
    this.#backMs -= backMs;
  }

  #execute(execution: JobExecution): void {
    this.#instances.add(execution);
    const { run } = execution;
    this.#options.onEvent({ type: 'started', run, lateMs: run.startedMs! - run.dueMs });
    void execution.ended.then((end) => this.#ended(execution, end));
  }

  #ended(execution: JobExecution, { outcome, ended, error, willRetry }: ExecutionEnd): void {
    this.#instances.remove(execution);
    if (execution.token === this.#token) {
      this.#outcomes.push(outcome);
      const run = { ...execution.run, state: outcome.state, endedMs: outcome.endedMs, error: outcome.error };
      const { onEvent } = this.#options;
      if (ended === 'succeeded') onEvent({ type: ended, run, tookMs: outcome.endedMs - run.startedMs! });
      else onEvent({ type: ended, run, error: error!, willRetry });
      this.wake();
    }
    if (this.#instances.count === 0) this.#onIdle?.();
  }

  #tell({ planned, skipped }: SchedulerStepDone): void {
    const { onEvent } = this.#options;
    for (const { job, plan } of planned) {
      const { jobId } = job;
      const queued = plan.runs.filter(({ state }) => state === 'queued').map(({ scheduledMs }) => scheduledMs);
      if (queued.length > 0) onEvent({ type: 'submitted', jobId, scheduledMs: queued });
      for (const { scheduledMs, state, missedCount } of plan.runs) {
        if (missedCount > 0) onEvent({ type: 'missed', jobId, scheduledMs, count: missedCount });
        if (state === 'skipped') onEvent({ type: 'skipped', jobId, scheduledMs });
      }
      if (plan.nextMs === null) onEvent({ type: 'exhausted', jobId });
    }
    for (const { run } of skipped) onEvent({ type: 'skipped', jobId: run.jobId, scheduledMs: run.scheduledMs });
  }
}
