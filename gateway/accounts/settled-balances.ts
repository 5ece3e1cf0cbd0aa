import { setTimeout as sleep } from 'node:timers/promises';
import type { Balance, Ledger } from '../../core/ports.ts';
import type { AccountSequences } from './account-sequences.ts';

const LONGEST_WAIT_MS = 1_000;
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 50;

/** Balances in which an account finds its own latest trades. */
export class SettledBalances {
  readonly #ledger: Ledger;
  readonly #sequences: AccountSequences;

  constructor(ledger: Ledger, sequences: AccountSequences) {
    this.#ledger = ledger;
    this.#sequences = sequences;
  }

  /**
   * Waits up to a second until settlement has passed every event that the account had when it asked; a settlement that
   * lags further behind is not waited for, since older balances are better than none.
   */
  async read(accountId: number): Promise<readonly Balance[]> {
    const wanted = this.#sequences.newest(accountId);
    const endMs = performance.now() + LONGEST_WAIT_MS;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      const { balances, watermarks } = await this.#ledger.balances(accountId);
      const isCurrent = wanted.every((sequence, partition) => (watermarks[partition] ?? 0) >= sequence);
      if (isCurrent || performance.now() >= endMs) return balances;
      await sleep(pauseMs);
    }
  }
}
