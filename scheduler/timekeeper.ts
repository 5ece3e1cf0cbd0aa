import nodeSchedule, { type Job as Alarm } from 'node-schedule';

/** Both clocks and the timers of a scheduler. */
export interface Timekeeper {
  /** The wall clock: may be moved at any time. */
  wallMs(): number;
  /** Since some start; goes on evenly whatever the wall clock does. May stand still while the host sleeps. */
  monotonicMs(): number;
  /** One alarm at a time: a later call replaces the one before. May come late after the wall clock was moved. */
  wakeAt(wallMs: number, wake: () => void): void;
  cancelWake(): void;
  /** @returns what ends it */
  every(periodMs: number, act: () => void): () => void;
  /** @returns what cancels it */
  after(delayMs: number, act: () => void): () => void;
}

let alarms = 0;

/**
 * The machine's clocks. The alarm is a date job of node-schedule, which keeps long spans and asks the wall clock again
 * before it rings; one date at a time, armed anew after every step, it has nothing to ring in a burst. What it can't do,
 * notice that the clock was moved, is the clock watch's work.
 */
export class SystemTimekeeper implements Timekeeper {
  readonly #name = `ringbook scheduler ${++alarms}`;
  #alarm: Alarm | null = null;
  #immediate: NodeJS.Immediate | null = null;

  wallMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }

  wakeAt(wallMs: number, wake: () => void): void {
    this.cancelWake();
    this.#alarm = nodeSchedule.scheduleJob(this.#name, new Date(wallMs), wake) as Alarm | null;
    if (this.#alarm === null)
      this.#immediate = setImmediate(wake); // a date that is past is not taken
    else this.#alarm.on('error', rethrow);
  }

  cancelWake(): void {
    this.#alarm?.cancel();
    this.#alarm = null;
    if (this.#immediate !== null) clearImmediate(this.#immediate);
    this.#immediate = null;
  }

  every(periodMs: number, act: () => void): () => void {
    const timer = setInterval(act, periodMs);
    return () => clearInterval(timer);
  }

  after(delayMs: number, act: () => void): () => void {
    // Timers take 2^31 - 1 ms at most, and run longer ones at once.
    const timer = setTimeout(act, Math.min(delayMs, 2 ** 31 - 1));
    return () => clearTimeout(timer);
  }
}

/** Our own wake-up never throws; if it does, that is a programmer's error and no job's. */
function rethrow(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}
