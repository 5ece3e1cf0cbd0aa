import type { JobEvent } from '../core/ports/job-events.ts';
import type { JobStore, JobUpdate } from '../core/ports/job-store.ts';
import {
  type Job,
  type JobChanges,
  type JobDesk,
  type JobHandler,
  JobRefusedError,
  type JobRun,
  type SchedulerStatus,
  type Trigger,
} from '../core/ports/jobs.ts';
import { checkedSettings, requireArguments, requireJobId } from './job-settings.ts';
import { nextTimeOf } from './job-times.ts';
import { fixTrigger } from './triggers/fixed-trigger.ts';
import { MeetingSearch, nextTime } from './triggers/trigger-times.ts';

export interface StoredJobDeskParts {
  readonly store: JobStore;
  readonly wallMs: () => number;
  readonly onEvent?: (event: JobEvent) => void;
}

/** What operators do with jobs, written into the store that the schedulers work from, wherever they are. */
export class StoredJobDesk implements JobDesk {
  readonly #store: JobStore;
  readonly #wallMs: () => number;
  readonly #onEvent: (event: JobEvent) => void;

  constructor({ store, wallMs, onEvent = () => {} }: StoredJobDeskParts) {
    this.#store = store;
    this.#wallMs = wallMs;
    this.#onEvent = onEvent;
  }

  async add(wanted: Parameters<JobDesk['add']>[0]): Promise<Job> {
    const { jobId, handler } = wanted;
    requireJobId(jobId);
    await this.#requireHandler(handler);
    requireArguments(wanted.arguments);
    const nowMs = this.#wallMs();
    const trigger = fixTrigger(wanted.trigger, nowMs);
    const settings = checkedSettings(wanted.settings ?? {});
    const nextMs = firstTime(trigger, nowMs);
    const definition = { jobId, handler, arguments: wanted.arguments, trigger, settings, standing: null };
    if (!(await this.#store.insert(definition, nextMs, nowMs)))
      throw new JobRefusedError('JOB_EXISTS', `there is a job "${jobId}" already: modify it, or choose another id`);
    return this.#told('added', await this.show(jobId));
  }

  async modify(jobId: string, changes: JobChanges): Promise<Job> {
    if (changes.handler !== undefined) await this.#requireHandler(changes.handler);
    if (changes.arguments !== undefined) requireArguments(changes.arguments);
    const nowMs = this.#wallMs();
    const trigger = changes.trigger === undefined ? undefined : fixTrigger(changes.trigger, nowMs);
    const times = trigger === undefined ? {} : { trigger, nextMs: firstTime(trigger, nowMs), shiftMs: 0 };
    const change = (job: Job): JobUpdate => ({
      ...unchanged(job),
      ...(changes.handler === undefined ? {} : { handler: changes.handler }),
      ...(changes.arguments === undefined ? {} : { arguments: changes.arguments }),
      ...times,
      settings: checkedSettings(changes.settings ?? {}, job.settings),
    });
    return this.#update('modified', jobId, change, nowMs);
  }

  pause(jobId: string): Promise<Job> {
    return this.#update('paused', jobId, (job) => ({ ...unchanged(job), isPaused: true }));
  }

  resume(jobId: string): Promise<Job> {
    const nowMs = this.#wallMs();
    return this.#update('resumed', jobId, (job) =>
      job.isPaused ? { ...unchanged(job), isPaused: false, nextMs: nextTimeOf(job, nowMs) } : unchanged(job),
    );
  }

  async remove(jobId: string): Promise<Job> {
    if ((await this.show(jobId)).isStanding)
      throw new JobRefusedError('STANDING_JOB', `"${jobId}" is one of the exchange's own jobs: pause it instead`);
    return this.#told('removed', (await this.#store.remove(jobId, this.#wallMs())) ?? unknown(jobId));
  }

  async runNow(jobId: string): Promise<JobRun> {
    return (await this.#store.enqueue(jobId, this.#wallMs())) ?? unknown(jobId);
  }

  list(): Promise<readonly Job[]> {
    return this.#store.list();
  }

  async show(jobId: string): Promise<Job> {
    return (await this.#store.find(jobId)) ?? unknown(jobId);
  }

  async history(jobId: string | undefined, limit: number): Promise<readonly JobRun[]> {
    const runs = await this.#store.history(jobId, limit);
    if (runs.length === 0 && jobId !== undefined) await this.show(jobId); // a job that was removed still has its runs
    return runs;
  }

  async preview(jobId: string, count: number): Promise<readonly number[]> {
    const job = await this.show(jobId);
    const times: number[] = [];
    const search = new MeetingSearch(); // of all times together
    let timeMs = job.isPaused ? nextTimeOf(job, this.#wallMs(), search) : job.nextMs;
    for (; timeMs !== null && times.length < count; timeMs = nextTimeOf(job, timeMs, search)) times.push(timeMs);
    return times;
  }

  handlers(): Promise<readonly Pick<JobHandler, 'name' | 'about'>[]> {
    return this.#store.handlers();
  }

  status(): Promise<SchedulerStatus> {
    return this.#store.status();
  }

  async #update(
    type: 'modified' | 'paused' | 'resumed',
    jobId: string,
    change: (job: Job) => JobUpdate,
    nowMs = this.#wallMs(),
  ): Promise<Job> {
    const job = await this.#store.update(jobId, change, nowMs);
    return this.#told(type, job ?? unknown(jobId));
  }

  #told(type: 'added' | 'modified' | 'paused' | 'resumed' | 'removed', job: Job): Job {
    this.#onEvent({ type, job });
    return job;
  }

  /** The scheduler tells what it can run; before one has ever been at work, nobody knows. */
  async #requireHandler(name: string): Promise<void> {
    const known = (await this.#store.handlers()).map((handler) => handler.name);
    if (known.length > 0 && !known.includes(name))
      throw new JobRefusedError('INVALID_JOB', `handler: there is no "${name}"; there are ${known.join(', ')}`);
  }
}

function unchanged({ handler, arguments: args, trigger, settings, nextMs, isPaused, shiftMs }: Job): JobUpdate {
  return { handler, arguments: args, trigger, settings, nextMs, isPaused, shiftMs };
}

/** @throws JobRefusedError for a trigger whose times are all over, or that never has any */
function firstTime(trigger: Trigger, nowMs: number): number {
  const search = new MeetingSearch();
  const firstMs = nextTime(trigger, nowMs, search);
  if (search.isOver)
    throw new JobRefusedError(
      'INVALID_JOB',
      'trigger: its members would have to be asked too often for a time at which all of "and" meet: give it fewer members, or a larger toleranceMs',
    );
  if (firstMs === null)
    throw new JobRefusedError(
      'INVALID_JOB',
      `trigger: has no time after ${new Date(nowMs).toISOString()}; jobs run does something at once`,
    );
  return firstMs;
}

function unknown(jobId: string): never {
  throw new JobRefusedError('UNKNOWN_JOB', `there is no job "${jobId.slice(0, 100)}": jobs list shows all`);
}
