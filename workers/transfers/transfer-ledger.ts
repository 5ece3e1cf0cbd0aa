import { fail } from '../../core/assert.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { Ledger } from '../../core/ports/ledger.ts';
import { type EntryArchive, type Transfer, TransferFailure } from '../../core/ports/transfers.ts';
import type { TransferStore } from './transfer-store.ts';

/**
 * The ledger's part of a transfer: what its row has decided is asked of the ledger under the transfer's id, and what the
 * ledger answers becomes the next state. Each step may be repeated from the row alone, after any crash.
 */
export class TransferLedger {
  readonly #store: TransferStore;
  readonly #ledger: Ledger;
  readonly #archive: EntryArchive;
  readonly #clock: Clock;

  constructor(store: TransferStore, ledger: Ledger, archive: EntryArchive, clock: Clock) {
    this.#store = store;
    this.#ledger = ledger;
    this.#archive = archive;
    this.#clock = clock;
  }

  /**
   * @param transfer one that waits for the ledger; not two steps of one transfer at a time
   * @returns the pool's units when they left no room for a deposit, which has failed then
   * @throws what the ledger rejects with: its outcome is unknown, and the row is as it was
   */
  finish(transfer: Transfer): Promise<bigint | undefined> {
    if (transfer.kind === 'deposit') return this.#credit(transfer);
    if (transfer.state === 'start') return this.#hold(transfer);
    return transfer.decision === 'confirm' ? this.#debit(transfer) : this.#release(transfer);
  }

  async #credit(transfer: Transfer): Promise<bigint | undefined> {
    const answer = await this.#ledger.credit(this.#movement(transfer));
    switch (answer.outcome) {
      case 'CREDITED':
      case 'REPEATED':
        await this.#archive.archivedThrough(answer.ledgerSequence);
        await this.#store.advance(transfer.transferId, 'pending', 'done', {}, this.#clock.nowMs());
        return undefined;
      case 'POOL_LIMIT':
        await this.#fail(transfer, TransferFailure.POOL_LIMIT);
        return answer.poolUnits;
      case 'CREDIT_DIFFERS':
        return fail(`deposit ${transfer.transferId} was credited otherwise`);
    }
  }

  async #hold(transfer: Transfer): Promise<undefined> {
    const { operationId, ...movement } = this.#movement(transfer);
    const answer = await this.#ledger.hold({ commandId: operationId, ...movement });
    switch (answer.outcome) {
      case 'HELD':
      case 'REPEATED':
        await this.#archive.archivedThrough(answer.ledgerSequence);
        await this.#store.advance(operationId, 'start', 'pending', {}, this.#clock.nowMs());
        return undefined;
      case 'INSUFFICIENT_FUNDS':
        await this.#fail(transfer, TransferFailure.INSUFFICIENT_FUNDS);
        return undefined;
      case 'BELOW_FLOOR': // of an earlier start, held or not: its client was promised nothing and may ask again
      case 'RELEASED':
        await this.#giveBack(operationId);
        await this.#fail(transfer, TransferFailure.INTERRUPTED);
        return undefined;
      case 'HOLD_DIFFERS':
        return fail(`withdrawal ${operationId} is held otherwise`);
    }
  }

  async #debit(transfer: Transfer): Promise<undefined> {
    const { transferId, units } = transfer;
    const answer = await this.#ledger.debit({ operationId: transferId, timestampMs: this.#clock.nowMs() });
    if (answer.outcome === 'NOT_HELD') fail(`withdrawal ${transferId} is confirmed, and nothing is held for it`);
    if (answer.units !== units) fail(`withdrawal ${transferId} of ${units} units was debited with ${answer.units}`);
    await this.#archive.archivedThrough(answer.ledgerSequence);
    await this.#store.advance(transferId, 'pending', 'done', {}, this.#clock.nowMs());
    return undefined;
  }

  async #release({ transferId, failure }: Transfer): Promise<undefined> {
    await this.#giveBack(transferId);
    await this.#store.advance(transferId, 'pending', 'failed', { failure }, this.#clock.nowMs());
    return undefined;
  }

  /** A row says failed only when the archive has the release: also of one that came before a crash. */
  async #giveBack(transferId: number): Promise<void> {
    const answer = await this.#ledger.release(transferId, this.#clock.nowMs());
    if (answer.outcome === 'SETTLED') fail(`withdrawal ${transferId} has failed, and the ledger has debited it`);
    await this.#archive.archivedThrough(answer.ledgerSequence);
  }

  /** By a reason of ours: the request came to nothing, and its key may be used again. */
  async #fail({ transferId, state }: Transfer, failure: string): Promise<void> {
    await this.#store.advance(transferId, state, 'failed', { failure, freesKey: true }, this.#clock.nowMs());
  }

  #movement({ transferId, accountId, assetId, units }: Transfer) {
    return { operationId: transferId, accountId, assetId, units, timestampMs: this.#clock.nowMs() };
  }
}
