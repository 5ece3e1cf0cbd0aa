import type { Timekeeper } from '../../../scheduler/timekeeper.ts';

interface Timer {
  atMs: number; // monotonic
  readonly act: () => void;
}

/**
 * Both clocks and all timers of simulated schedulers. Timers go by the monotonic clock, as they do on a machine; the alarm
 * behaves as node-schedule's does: it is set for a span, and looks at the wall clock again when that is over.
 */
export class SimulatedTime implements Timekeeper {
  #wallMs: number;
  #monotonicMs = 1_000;
  readonly #timers = new Set<Timer>();
  #alarm: Timer | null = null;

  constructor(wallMs: number) {
    this.#wallMs = wallMs;
  }

  wallMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  wakeAt(wallMs: number, wake: () => void): void {
    this.cancelWake();
    const ring = (): void => {
      if (wallMs > this.#wallMs) this.wakeAt(wallMs, wake);
      else wake();
    };
    this.#alarm = this.#add(Math.max(0, wallMs - this.#wallMs), ring);
  }

  cancelWake(): void {
    if (this.#alarm !== null) this.#timers.delete(this.#alarm);
    this.#alarm = null;
  }

  every(periodMs: number, act: () => void): () => void {
    const timer: Timer = {
      atMs: this.#monotonicMs + periodMs,
      act: () => {
        timer.atMs += periodMs;
        this.#timers.add(timer);
        act();
      },
    };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  after(delayMs: number, act: () => void): () => void {
    const timer = this.#add(delayMs, act);
    return () => this.#timers.delete(timer);
  }

  /** Waits, as a handler would. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(delayMs, resolve);
    });
  }

  /** The operator, or NTP, sets the wall clock. */
  moveWallClock(byMs: number): void {
    this.#wallMs += byMs;
  }

  /** The host sleeps: only the wall clock goes on. */
  sleepHost(durationMs: number): void {
    this.#wallMs += durationMs;
  }

  /** The process stands still, as after SIGSTOP: both clocks go on, timers that are over wait. */
  freeze(durationMs: number): void {
    this.#wallMs += durationMs;
    this.#monotonicMs += durationMs;
  }

  /** Lets time pass. @param settle what a timer has set going has come to rest when it resolves */
  async pass(durationMs: number, settle: () => Promise<void>): Promise<void> {
    const endMs = this.#monotonicMs + durationMs;
    await settle();
    for (;;) {
      const next = [...this.#timers].reduce<Timer | null>(
        (first, timer) => (first === null || timer.atMs < first.atMs ? timer : first),
        null,
      );
      if (next === null || next.atMs > endMs) break;
      this.#advanceTo(Math.max(next.atMs, this.#monotonicMs));
      this.#timers.delete(next);
      next.act();
      await settle();
    }
    this.#advanceTo(endMs);
  }

  #advanceTo(monotonicMs: number): void {
    this.#wallMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
  }

  #add(delayMs: number, act: () => void): Timer {
    const timer: Timer = { atMs: this.#monotonicMs + delayMs, act };
    this.#timers.add(timer);
    return timer;
  }
}
