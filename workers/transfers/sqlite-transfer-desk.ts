import { fail } from '../../core/assert.ts';
import { MAX_POOL_UNITS } from '../../core/money/asset.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { Ledger } from '../../core/ports/ledger.ts';
import {
  type DepositRequest,
  type EntryArchive,
  type Transfer,
  type TransferAnswer,
  type TransferDecision,
  type TransferDesk,
  TransferFailure,
  type TransferKind,
  type TransferQuery,
  transferWaitsFor,
  type WithdrawalRequest,
} from '../../core/ports/transfers.ts';
import { TransferLedger } from './transfer-ledger.ts';
import type { NewTransfer, TransferStore } from './transfer-store.ts';

/** The ledger can't be reached: the transfer is taken, and is finished as soon as it can be. */
export class TransferOpenError extends Error {
  override readonly name = 'TransferOpenError';
  readonly code = 'TRANSFER_OPEN';

  constructor(transferId: number, cause: unknown) {
    super(`transfer ${transferId} is taken and not finished yet: it will be, ask for it later`, { cause });
  }
}

/** The exchange is stopping: nothing was taken. */
export class TransferDeskClosedError extends Error {
  override readonly name = 'TransferDeskClosedError';
  readonly code = 'CLOSED';
}

export interface TransferDeskParts {
  readonly store: TransferStore;
  readonly ledger: Ledger;
  readonly archive: EntryArchive;
  /** Where command ids come from. */
  readonly ids: { next(): number };
  readonly clock: Clock;
}

/**
 * Deposits and withdrawals as rows that change by conditional updates alone. Each step is written before the ledger is
 * asked, and the ledger knows every transfer by its id: whoever finishes one, however often, from its row alone, moves
 * its money once. The steps of one transfer are taken one after the other, so that a refusal of the ledger is never
 * written over by a later consent.
 */
export class SqliteTransferDesk implements TransferDesk {
  /** Told of a transfer that the ledger kept waiting. */
  onStuck: (transferId: number) => void = () => {};
  readonly #store: TransferStore;
  readonly #ledger: Ledger;
  readonly #steps: TransferLedger;
  readonly #ids: TransferDeskParts['ids'];
  readonly #clock: Clock;
  readonly #turns = new Map<number, Promise<unknown>>(); // by transfer id: the last step asked for
  readonly #underWay = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor({ store, ledger, archive, ids, clock }: TransferDeskParts) {
    this.#store = store;
    this.#ledger = ledger;
    this.#steps = new TransferLedger(store, ledger, archive, clock);
    this.#ids = ids;
    this.#clock = clock;
  }

  submitDeposit(request: DepositRequest): Promise<TransferAnswer> {
    if (request.clientKey === '') fail('a deposit without a key');
    return this.#track(() => this.#take({ ...request, memo: '', kind: 'deposit' }));
  }

  requestWithdrawal(request: WithdrawalRequest): Promise<TransferAnswer> {
    return this.#track(() => this.#request(request));
  }

  confirm(kind: TransferKind, transferId: number): Promise<TransferAnswer> {
    return this.#decide(kind, transferId, 'confirm', '');
  }

  fail(kind: TransferKind, transferId: number, failure: string): Promise<TransferAnswer> {
    return this.#decide(kind, transferId, 'fail', failure);
  }

  async find(kind: TransferKind, transferId: number): Promise<Transfer | undefined> {
    const transfer = await this.#store.find(transferId);
    return transfer?.kind === kind ? transfer : undefined;
  }

  list(query: TransferQuery): Promise<readonly Transfer[]> {
    return this.#store.list(query);
  }

  /** Takes a stuck transfer to where only the operator can take it further. @throws TransferOpenError */
  async finish(transferId: number): Promise<void> {
    await this.#track(() =>
      this.#inTurn(transferId, async (transfer) => {
        await this.#finish(transfer);
      }),
    );
  }

  /** Takes nothing more. @returns when what was taken is answered; it can be closed twice */
  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }

  async #request(request: WithdrawalRequest): Promise<TransferAnswer> {
    // Looked at before a row is written: refusals leave none. The hold decides in the end.
    const availableUnits = await this.#availableUnits(request);
    if (availableUnits < request.units && !(await this.#isKnown(request)))
      return { outcome: 'INSUFFICIENT_FUNDS', availableUnits };
    const taken = await this.#take({ ...request, txHash: '', kind: 'withdrawal' });
    if (taken.outcome !== 'TAKEN' && taken.outcome !== 'REPEATED') return taken;
    const transfer = await this.#inTurn(taken.transfer.transferId, async (found) => {
      await this.#finish(found);
      return this.#again(found);
    });
    if (transfer.failure === TransferFailure.INSUFFICIENT_FUNDS)
      return { outcome: 'INSUFFICIENT_FUNDS', availableUnits: await this.#availableUnits(request) };
    // One of an earlier start that was not held has given its key back: this request is the first again.
    if (transfer.failure === TransferFailure.INTERRUPTED) return this.#request(request);
    return { outcome: taken.outcome, transfer };
  }

  /** Asked after the balance: whatever a transfer of this key has taken from it is a row by now. */
  async #isKnown({ accountId, clientKey }: WithdrawalRequest): Promise<boolean> {
    return (await this.#store.findByKey({ kind: 'withdrawal', accountId, clientKey })) !== undefined;
  }

  async #availableUnits({ accountId, assetId }: WithdrawalRequest): Promise<bigint> {
    const { balances } = await this.#ledger.balances(accountId);
    return balances.find((balance) => balance.assetId === assetId)?.availableUnits ?? 0n;
  }

  async #take(request: Omit<NewTransfer, 'transferId' | 'nowMs'>): Promise<TransferAnswer> {
    if (request.units < 1n || request.units > MAX_POOL_UNITS) fail(`${request.kind} of ${request.units} units`);
    const transferId = this.#ids.next();
    const isNew = await this.#store.insert({ ...request, transferId, nowMs: this.#clock.nowMs() });
    const transfer = isNew ? await this.#store.find(transferId) : await this.#store.findByKey(request);
    // The key's owner gave it back between the two: as if this request had come before that.
    if (transfer === undefined) return this.#take(request);
    if (isNew) return { outcome: 'TAKEN', transfer };
    return { outcome: isSameRequest(transfer, request) ? 'REPEATED' : 'KEY_REUSED', transfer };
  }

  #decide(
    kind: TransferKind,
    transferId: number,
    decision: TransferDecision,
    failure: string,
  ): Promise<TransferAnswer> {
    return this.#track(async () => {
      if ((await this.find(kind, transferId)) === undefined) return { outcome: 'NOT_FOUND' };
      return this.#inTurn(transferId, (transfer) => this.#decideInTurn(transfer, decision, failure));
    });
  }

  async #decideInTurn(transfer: Transfer, decision: TransferDecision, failure: string): Promise<TransferAnswer> {
    const { transferId, kind, state } = transfer;
    const isDecidedSo = transfer.decision === decision;
    if (transferWaitsFor(transfer) === 'operator') {
      const isDone = kind === 'deposit' && decision === 'fail'; // nothing of it is in the ledger
      const to = isDone ? 'failed' : 'pending';
      await this.#store.advance(transferId, state, to, { decision, failure }, this.#clock.nowMs());
    } else if (!isDecidedSo) {
      return { outcome: 'WRONG_STATE', transfer };
    }
    const decided = await this.#again(transfer);
    if (decided.decision !== decision) return { outcome: 'WRONG_STATE', transfer: decided };
    const poolUnits = await this.#finish(decided);
    const finished = await this.#again(transfer);
    if (poolUnits !== undefined) return { outcome: 'POOL_LIMIT', transfer: finished, poolUnits };
    if (finished.failure === TransferFailure.POOL_LIMIT) return { outcome: 'WRONG_STATE', transfer: finished };
    return { outcome: isDecidedSo ? 'REPEATED' : 'TAKEN', transfer: finished };
  }

  /** @returns the pool's units when they left no room for a deposit */
  async #finish(transfer: Transfer): Promise<bigint | undefined> {
    if (transferWaitsFor(transfer) !== 'ledger') return undefined;
    try {
      return await this.#steps.finish(transfer);
    } catch (cause) {
      this.onStuck(transfer.transferId);
      throw new TransferOpenError(transfer.transferId, cause);
    }
  }

  async #again({ transferId }: Transfer): Promise<Transfer> {
    return (await this.#store.find(transferId)) ?? fail(`transfer ${transferId} is gone`);
  }

  /** Runs steps of one transfer one after the other, each on the row that the one before left. */
  async #inTurn<Result>(transferId: number, act: (transfer: Transfer) => Promise<Result>): Promise<Result> {
    const before = this.#turns.get(transferId) ?? Promise.resolve();
    const result = before.then(async () => {
      const transfer = await this.#store.find(transferId);
      return act(transfer ?? fail(`transfer ${transferId} is gone`));
    });
    const turn = result.catch(() => undefined); // its own caller is told
    this.#turns.set(transferId, turn);
    try {
      return await result;
    } finally {
      if (this.#turns.get(transferId) === turn) this.#turns.delete(transferId);
    }
  }

  async #track<Result>(act: () => Promise<Result>): Promise<Result> {
    if (this.#isClosed) throw new TransferDeskClosedError('the exchange is stopping: nothing was taken');
    const running = act();
    this.#underWay.add(running);
    try {
      return await running;
    } finally {
      this.#underWay.delete(running);
    }
  }
}

function isSameRequest(transfer: Transfer, request: Omit<NewTransfer, 'transferId' | 'nowMs'>): boolean {
  const fields = ['accountId', 'assetId', 'units', 'network', 'address', 'memo', 'txHash'] as const;
  return fields.every((field) => transfer[field] === request[field]);
}
