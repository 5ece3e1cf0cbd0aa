import type { Balance, BalancesAnswer, Ledger } from '../../core/ports/ledger.ts';
import type { AccountSequences } from './account-sequences.ts';
import { untilReached } from './current-history.ts';

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
    let answer: BalancesAnswer = { balances: [], watermarks: [] };
    await untilReached(this.#sequences.newest(accountId), async () => {
      answer = await this.#ledger.balances(accountId);
      return answer.watermarks;
    });
    return answer.balances;
  }
}
