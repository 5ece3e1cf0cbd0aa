import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { JobStore, LeaseState, LostRun } from '../core/ports/job-store.ts';
import type { Timekeeper } from './timekeeper.ts';

/**
 * Who schedules. The holder of the lease raises its beat; whoever sees a beat stand still for the whole lease, by its own
 * monotonic clock, takes over with a higher token. No wall clock is compared, so that one that is moved ends no lease. A
 * holder whose process is gone on this host is not waited for.
 */
export class LeaseWatch {
  readonly holder: string;
  readonly #store: JobStore;
  readonly #time: Timekeeper;
  readonly #leaseMs: number;
  readonly #host = `${hostname()}/${pidNamespace()}/`;
  #seen: { readonly lease: LeaseState; readonly sinceMs: number } | null = null;

  constructor(store: JobStore, time: Timekeeper, leaseMs: number) {
    this.#store = store;
    this.#time = time;
    this.#leaseMs = leaseMs;
    this.holder = `${this.#host}${process.pid}`;
  }

  /**
   * Takes the lease if nobody holds it.
   * @returns null while somebody does; what was seen of the lease before it was taken
   * @throws DatabaseError
   */
  async tryTake(): Promise<{ before: LeaseState; token: number; lost: readonly LostRun[] } | null> {
    const lease = await this.#store.readLease();
    if (this.#seen === null || this.#seen.lease.beat !== lease.beat || this.#seen.lease.token !== lease.token)
      this.#seen = { lease, sinceMs: this.#time.monotonicMs() };
    const isSilent = this.#time.monotonicMs() - this.#seen.sinceMs >= this.#leaseMs;
    if (lease.holder !== null && !isSilent && !this.#isGone(lease)) return null;
    const taken = await this.#store.takeLease(lease, this.holder, process.pid, this.#time.wallMs());
    this.#seen = null;
    return taken === null ? null : { before: lease, ...taken };
  }

  #isGone({ holder, pid }: LeaseState): boolean {
    if (holder === null || !holder.startsWith(this.#host)) return false;
    try {
      process.kill(pid, 0);
      return false;
    } catch (error) {
      return (error as { code?: string }).code === 'ESRCH';
    }
  }
}

/** Process ids mean something within one namespace only: containers that share a folder have one each. */
function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '-';
  }
}
