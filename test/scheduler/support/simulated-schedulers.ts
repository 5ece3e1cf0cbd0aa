import type { JobEvent } from '../../../core/ports/job-events.ts';
import type { JobContext, JobHandler, JobRun, JobSettings, JsonValue, Trigger } from '../../../core/ports/jobs.ts';
import { Scheduler } from '../../../scheduler/scheduler.ts';
import { StoredJobDesk } from '../../../scheduler/stored-job-desk.ts';
import { SqliteJobStore } from '../../../workers/storage/sqlite-job-store.ts';
import { SimulatedTime } from './simulated-time.ts';

export const NOON_MS = Date.UTC(2026, 5, 15, 12);

export interface SimulationOptions {
  readonly startMs?: number;
  readonly beatMs?: number; // longer: less is noticed at once, and less is simulated
  readonly handlers?: readonly JobHandler[];
}

/** Schedulers on simulated clocks over one real store, with handlers that say what they were called for. */
export class SimulatedSchedulers {
  readonly time: SimulatedTime;
  readonly events: JobEvent[] = [];
  /** What was called, as far as it was: `scheduledMs` and wall time of the call. */
  readonly calls: (JobContext & {
    readonly calledMs: number;
    readonly calledMonotonicMs: number;
    readonly clockEpoch: number;
  })[] = [];
  readonly desk: StoredJobDesk;
  readonly store: SqliteJobStore;
  readonly #schedulers: Scheduler[] = [];
  readonly #stores: SqliteJobStore[] = [];
  readonly #times = new Set<SimulatedTime>();
  readonly folder: string;
  readonly #options: Required<SimulationOptions>;

  private constructor(folder: string, store: SqliteJobStore, options: Required<SimulationOptions>) {
    this.folder = folder;
    this.store = store;
    this.#stores.push(store);
    this.#options = options;
    this.time = new SimulatedTime(options.startMs);
    this.desk = new StoredJobDesk({
      store,
      wallMs: () => this.time.wallMs(),
      onEvent: (event) => this.events.push(event),
    });
  }

  static async open(
    folder: string,
    { startMs = NOON_MS, beatMs = 1_000, handlers = [] }: SimulationOptions = {},
  ): Promise<SimulatedSchedulers> {
    return new SimulatedSchedulers(folder, await SqliteJobStore.open(folder), { startMs, beatMs, handlers });
  }

  /** Starts one more scheduler, on the same clock unless another one is given, with a connection of its own. */
  async start(time: SimulatedTime = this.time): Promise<Scheduler> {
    const store = this.#schedulers.length === 0 ? this.store : await SqliteJobStore.open(this.folder);
    if (store !== this.store) this.#stores.push(store);
    const scheduler = new Scheduler({
      store,
      handlers: [...this.#handlers(time), ...this.#options.handlers],
      time,
      onEvent: (event) => this.events.push(event),
      beatMs: this.#options.beatMs,
      random: () => 0.5,
    });
    this.#schedulers.push(scheduler);
    this.#times.add(time);
    await scheduler.start();
    return scheduler;
  }

  /** `note` is called, and that is all; `slow` takes as many ms as its arguments say; `fail` fails so often. */
  #handlers(time: SimulatedTime): JobHandler[] {
    const noted = (context: JobContext): void => {
      const clockEpoch = this.#movesBack;
      this.calls.push({ ...context, calledMs: time.wallMs(), calledMonotonicMs: time.monotonicMs(), clockEpoch });
    };
    return [
      { name: 'note', about: '', run: async (context) => void noted(context) as undefined },
      {
        name: 'slow',
        about: '',
        run: async (context) => {
          noted(context);
          await time.sleep(context.arguments as number);
          context.signal.throwIfAborted();
          return 'done';
        },
      },
      {
        name: 'abortable',
        about: '',
        run: (context) => {
          noted(context);
          return new Promise((resolve, reject) => {
            context.signal.addEventListener('abort', () => reject(context.signal.reason));
            void time.sleep(context.arguments as number).then(() => resolve('done'));
          });
        },
      },
      {
        name: 'fail',
        about: '',
        run: async (context) => {
          noted(context);
          if (context.attempt <= (context.arguments as number)) throw new Error(`attempt ${context.attempt}`);
          return context.attempt;
        },
      },
    ];
  }

  add(
    jobId: string,
    trigger: Trigger,
    { handler = 'note', args = null, ...settings }: Partial<JobSettings> & { handler?: string; args?: JsonValue } = {},
  ) {
    return this.desk.add({ jobId, handler, arguments: args, trigger, settings });
  }

  /** Lets simulated time pass, in which schedulers and handlers do what they have to. */
  pass(durationMs: number): Promise<void> {
    return this.time.pass(durationMs, () => this.settled());
  }

  /** @returns when nothing can happen any more without time passing */
  async settled(): Promise<void> {
    for (let quiet = 0; quiet < 3; quiet++) {
      for (const scheduler of this.#schedulers) await scheduler.idle();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** How often the schedulers have seen the wall clock go back. */
  get #movesBack(): number {
    return this.events.filter((event) => event.type === 'clock-moved' && event.byMs < 0).length;
  }

  scheduledOf(jobId: string): number[] {
    return this.calls.filter((call) => call.jobId === jobId).map(({ scheduledMs }) => scheduledMs);
  }

  /** @returns a job's runs, oldest first, as `state@seconds after noon` */
  async story(jobId: string): Promise<string[]> {
    const runs = await this.desk.history(jobId, 1_000);
    return [...runs].reverse().map(({ state, scheduledMs }: JobRun) => `${state}@${(scheduledMs - NOON_MS) / 1_000}`);
  }

  eventsOf(type: JobEvent['type']): JobEvent[] {
    return this.events.filter((event) => event.type === type);
  }

  async close(): Promise<void> {
    const stopped = Promise.all(this.#schedulers.map((scheduler) => scheduler.stop(0)));
    for (const time of this.#times) await time.pass(10_000, () => this.settled());
    await stopped;
    for (const store of this.#stores) await store.close();
  }
}
