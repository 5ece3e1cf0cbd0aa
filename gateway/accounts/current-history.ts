import { setTimeout as sleep } from 'node:timers/promises';
import type { HistoryStore } from '../../core/ports/history.ts';
import type { AccountSequences } from './account-sequences.ts';

const LONGEST_WAIT_MS = 1_000;
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 50;

/**
 * Waits, up to a second, until a reader of events has come as far as it must. One that lags further behind is not waited
 * for: what it has is better than nothing.
 * @param wanted sequence by partition
 * @param watermarks of the reader, now
 * @returns whether it has come that far
 */
export async function untilReached(
  wanted: Float64Array,
  watermarks: () => Promise<readonly number[]>,
): Promise<boolean> {
  const endMs = performance.now() + LONGEST_WAIT_MS;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    const reached = await watermarks();
    if (wanted.every((sequence, partition) => (reached[partition] ?? 0) >= sequence)) return true;
    if (performance.now() >= endMs) return false;
    await sleep(pauseMs);
  }
}

/** A history in which an account finds its own latest orders and trades. */
export class CurrentHistory {
  readonly store: HistoryStore;
  readonly #sequences: AccountSequences;

  constructor(store: HistoryStore, sequences: AccountSequences) {
    this.store = store;
    this.#sequences = sequences;
  }

  /** @returns the store, once it has every event that the account has now, or a second has passed */
  async of(accountId: number): Promise<HistoryStore> {
    await untilReached(this.#sequences.newest(accountId), () => this.store.watermarks());
    return this.store;
  }

  /** @returns the store, once it has the instrument's event of that sequence, or a second has passed */
  async ofInstrument(instrumentId: number, eventSequence: number): Promise<HistoryStore> {
    await this.hasReached(instrumentId, eventSequence);
    return this.store;
  }

  /** Waits like `ofInstrument`. @returns whether the store has that event by then */
  hasReached(instrumentId: number, eventSequence: number): Promise<boolean> {
    const wanted = new Float64Array(this.#sequences.partitionCount);
    wanted[instrumentId % wanted.length] = eventSequence;
    return untilReached(wanted, () => this.store.watermarks());
  }
}
