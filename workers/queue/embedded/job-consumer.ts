import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, JobHandler } from '../../../core/ports/work-queue.ts';
import { DatabaseError } from '../../storage/sqlite-database.ts';
import { type FateRules, fateOf, type JobFate, type Parking } from '../job-fate.ts';
import type { ParkedStore } from '../parked-store.ts';
import type { QueueCounts } from '../queue-counts.ts';
import type { RepeatedTroubles } from '../repeated-troubles.ts';
import type { JobRow, JobRows } from './job-rows.ts';

export interface JobConsumerParts {
  readonly type: string;
  readonly handler: JobHandler;
  readonly concurrency: number;
  readonly rows: JobRows;
  readonly parked: ParkedStore;
  readonly rules: FateRules;
  readonly counts: QueueCounts;
  readonly nowMs: () => number;
  /** @returns once everything put so far is on disk */
  readonly durable: () => Promise<void>;
  /** Told of a type that has a job to do. */
  readonly onForward: (type: string) => void;
  readonly troubles: RepeatedTroubles; // of reading
}

/** How long a job waits at its source before it is asked again whether there is room to park it. */
const PARKING_PAUSE_MS = 500;
/** Before a database that could not be read is read again. */
const READING_PAUSE_MS = 500;
const LONGEST_TIMER_MS = 60_000;

/**
 * Does the jobs of one type. Which ones are under way only memory knows: a process that dies leaves their rows as they
 * are, and the next one does them. It reads when it is woken, when a job ends, and when a pause is over; it never polls.
 */
export class JobConsumer {
  readonly #parts: JobConsumerParts;
  readonly #running = new Set<number>(); // job sequences
  readonly #underWay = new Set<Promise<void>>();
  readonly #endedWhileReading = new Set<number>(); // an older read may still tell of them
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #isWoken = false;
  #wakeSleeper: (() => void) | null = null;
  readonly #ended: Promise<void>;

  constructor(parts: JobConsumerParts) {
    this.#parts = parts;
    this.#ended = this.#run();
  }

  wake(): void {
    this.#isWoken = true;
    this.#wakeSleeper?.();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    this.wake();
    await this.#ended;
    await Promise.all(this.#underWay);
  }

  async #run(): Promise<void> {
    const { concurrency } = this.#parts;
    while (!this.#stopping.signal.aborted) {
      this.#isWoken = false;
      const started = this.#running.size < concurrency ? await this.#startDuePatiently() : 0;
      if (started === 0 && !this.#isWoken) await this.#sleep();
    }
  }

  async #startDuePatiently(): Promise<number> {
    const { type, troubles } = this.#parts;
    const { signal } = this.#stopping;
    for (;;) {
      try {
        const started = await this.#startDue();
        troubles.well(type);
        return started;
      } catch (error) {
        if (!(error instanceof DatabaseError)) throw error;
        if (signal.aborted) return 0;
        troubles.trouble(type, `jobs can't be read, they are tried again: ${error.message}`);
        await sleep(READING_PAUSE_MS, undefined, { signal, ref: false }).catch(() => undefined);
      }
    }
  }

  /** @returns how many jobs it has started */
  async #startDue(): Promise<number> {
    const { type, rows, concurrency, nowMs } = this.#parts;
    const now = nowMs();
    this.#endedWhileReading.clear();
    // Those under way are among the due ones: they are read in vain.
    const due = await rows.due(type, now, concurrency + this.#running.size);
    const free = due.filter(
      ({ jobSequence }) => !this.#running.has(jobSequence) && !this.#endedWhileReading.has(jobSequence),
    );
    const starting = this.#stopping.signal.aborted ? [] : free.slice(0, concurrency - this.#running.size);
    for (const row of starting) this.#start(row);
    if (starting.length === 0) await this.#armTimer(now);
    return starting.length;
  }

  async #armTimer(nowMs: number): Promise<void> {
    const dueMs = await this.#parts.rows.nextDueMs(this.#parts.type, nowMs);
    clearTimeout(this.#timer);
    if (dueMs === null || this.#stopping.signal.aborted) return;
    this.#timer = setTimeout(() => this.wake(), Math.min(Math.max(dueMs - nowMs, 1), LONGEST_TIMER_MS)).unref();
  }

  #start(row: JobRow): void {
    this.#running.add(row.jobSequence);
    const done = this.#do(row)
      .catch((error: unknown) => {
        if (!(error instanceof DatabaseError)) throw error;
      })
      .finally(() => {
        this.#running.delete(row.jobSequence);
        this.#endedWhileReading.add(row.jobSequence);
        this.#underWay.delete(done);
        this.wake();
      });
    this.#underWay.add(done);
  }

  async #do(row: JobRow): Promise<void> {
    const { handler, rules } = this.#parts;
    const { jobSequence: _, payloadText, dueMs: __, ...rest } = row;
    const job: Job = { ...rest, payload: JSON.parse(payloadText) };
    await this.#apply(row, await fateOf(job, handler, rules));
  }

  async #apply(row: JobRow, fate: JobFate): Promise<void> {
    const { rows, counts, nowMs, durable, onForward } = this.#parts;
    const { jobSequence, payloadText } = row;
    switch (fate.act) {
      case 'done':
        rows.remove(jobSequence);
        await durable();
        counts.done += 1;
        return;
      case 'retry':
        rows.replace({ ...fate.job, jobSequence, payloadText, dueMs: nowMs() + fate.delayMs });
        await durable();
        counts.retried += 1;
        return;
      case 'forward':
        rows.replace({ ...fate.job, jobSequence, payloadText: fate.payloadText, dueMs: 0 });
        await durable();
        counts.forwarded += 1;
        onForward(fate.job.type);
        return;
      case 'park':
        await this.#park(row, fate);
    }
  }

  /** Where there is no room the job stays at its source, in its place among those under way, until there is. */
  async #park(row: JobRow, why: Parking): Promise<void> {
    const { rows, parked, counts, nowMs, durable } = this.#parts;
    const { jobSequence, dueMs: _, ...job } = row;
    const { cause, reason } = why;
    while (!parked.add({ ...job, parkedId: randomUUID(), parkedMs: nowMs(), cause, reason })) {
      await sleep(PARKING_PAUSE_MS, undefined, { signal: this.#stopping.signal, ref: false }).catch(() => undefined);
      if (this.#stopping.signal.aborted) return;
    }
    rows.remove(jobSequence);
    await durable();
    counts.park(why);
  }

  async #sleep(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wakeSleeper = resolve;
    });
    this.#wakeSleeper = null;
  }
}
