import type { Logger } from 'pino';
import type { JobEvent } from '../core/ports/job-events.ts';
import type { JobDesk, JobHandler } from '../core/ports/jobs.ts';
import { JobEventHub } from '../scheduler/job-event-hub.ts';
import { Scheduler } from '../scheduler/scheduler.ts';
import { ensureStandingJobs, STANDING_JOBS } from '../scheduler/standing-jobs.ts';
import { StoredJobDesk } from '../scheduler/stored-job-desk.ts';
import { SystemTimekeeper } from '../scheduler/timekeeper.ts';
import { SqliteJobStore } from '../workers/storage/sqlite-job-store.ts';

export interface ExchangeJobsParts {
  readonly dataFolder: string;
  /** What this process can do. Empty: it schedules nothing, and operators may still change what others do. */
  readonly handlers: readonly JobHandler[];
  readonly logger: Logger;
}

/** Periodic work of a process: what operators do with jobs, and the scheduler where there is something to run. */
export class ExchangeJobs {
  readonly desk: JobDesk;
  readonly events: JobEventHub;
  readonly #store: SqliteJobStore;
  readonly #scheduler: Scheduler | null;

  private constructor(store: SqliteJobStore, desk: JobDesk, events: JobEventHub, scheduler: Scheduler | null) {
    this.#store = store;
    this.desk = desk;
    this.events = events;
    this.#scheduler = scheduler;
  }

  /** @throws DatabaseError, SchemaTooNewError */
  static async open({ dataFolder, handlers, logger }: ExchangeJobsParts): Promise<ExchangeJobs> {
    const store = await SqliteJobStore.open(dataFolder);
    const time = new SystemTimekeeper();
    const events = new JobEventHub();
    events.subscribe(new JobEventLog(logger).onEvent);
    const onEvent = (event: JobEvent): void => events.emit(event);
    const desk = new StoredJobDesk({ store, wallMs: () => time.wallMs(), onEvent });
    if (handlers.length === 0) return new ExchangeJobs(store, desk, events, null);
    const scheduler = new Scheduler({ store, handlers, time, onEvent });
    const names = new Set(handlers.map(({ name }) => name));
    await ensureStandingJobs(store, STANDING_JOBS, names, time.wallMs());
    await scheduler.start();
    return new ExchangeJobs(store, desk, events, scheduler);
  }

  /** Starts nothing more, lets what runs end, gives the lease back. Operators may still ask. */
  async stop(): Promise<void> {
    await this.#scheduler?.stop();
  }

  /** When nobody asks any more. */
  async close(): Promise<void> {
    await this.#store.close();
  }
}

/** What operators should know of, once: a job that goes on failing in the same way every second says so the first time. */
class JobEventLog {
  readonly #logger: Logger;
  readonly #failing = new Map<string, string>(); // what is wrong, by job
  #trouble = '';

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  readonly onEvent = (event: JobEvent): void => {
    switch (event.type) {
      case 'failed':
      case 'timeout': {
        const { jobId } = event.run;
        if (this.#failing.get(jobId) === event.error.message) return;
        this.#failing.set(jobId, event.error.message);
        this.#logger.error(
          { job: jobId, run: event.run.runId, err: event.error },
          `a job has ${event.type === 'failed' ? 'failed' : 'taken too long'}: ringbook jobs history ${jobId}`,
        );
        break;
      }
      case 'succeeded':
        if (this.#failing.delete(event.run.jobId)) this.#logger.warn({ job: event.run.jobId }, 'a job succeeds again');
        break;
      case 'removed':
        this.#failing.delete(event.job.jobId);
        break;
      case 'trouble':
        if (this.#trouble === event.error.message) return;
        this.#trouble = event.error.message;
        this.#logger.error({ err: event.error }, 'the scheduler is in trouble and tries again');
        break;
      case 'lost':
      case 'clock-moved':
      case 'deposed':
        this.#logger.warn(event, `scheduler: ${event.type}`);
        break;
      case 'leading':
        this.#trouble = '';
        this.#logger.info(event, 'scheduler: leading');
        break;
      case 'standby':
      case 'missed':
        this.#logger.info(event, `scheduler: ${event.type}`);
        break;
      case 'started':
        this.#trouble = ''; // it works again: the same trouble later is news
        break;
      default:
        this.#logger.debug({ event: event.type }, 'scheduler');
    }
  };
}
