import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkDatabase } from '../../storage/work-database.ts';
import type { ParkedStore } from '../parked-store.ts';
import type { Delivery } from './job-channel.ts';
import { readParked } from './job-message.ts';

const ROOM_PAUSE_MS = 500;

/**
 * Brings parked jobs from the broker into the store, where operators can list and keep them in peace. While the store has
 * no room they stay in their queue; when that is full too, at their sources.
 */
export class ParkedCollector {
  readonly #work: WorkDatabase;
  readonly #store: ParkedStore;
  readonly #nowMs: () => number;
  #last: Promise<void> = Promise.resolve();

  constructor(work: WorkDatabase, store: ParkedStore, nowMs: () => number) {
    this.#work = work;
    this.#store = store;
    this.#nowMs = nowMs;
  }

  /** One after the other, in the order in which they were parked. */
  collect(delivery: Delivery): Promise<void> {
    const collected = this.#last.then(() => this.#keep(delivery));
    this.#last = collected.catch(() => undefined); // its own caller is told
    return collected;
  }

  async #keep(delivery: Delivery): Promise<void> {
    const parked = readParked(delivery.message, this.#nowMs());
    if ((await this.#store.find(parked.parkedId)) === undefined) {
      while (!this.#store.add(parked)) {
        await sleep(ROOM_PAUSE_MS, undefined, { signal: delivery.stopping, ref: false }).catch(() => undefined);
        if (delivery.stopping.aborted || !delivery.isOurs()) return;
      }
      await this.#work.commits.durable();
    }
    delivery.acknowledge();
  }
}
