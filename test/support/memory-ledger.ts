import type {
  Balance,
  BalancesAnswer,
  CreditAnswer,
  CreditRequest,
  DebitAnswer,
  HoldAnswer,
  Ledger,
  OpenHold,
  ReleaseAnswer,
  SettleAnswer,
} from '../../core/ports/ledger.ts';

type HoldRequest = Parameters<Ledger['hold']>[0];

/**
 * Balances in memory for the inline exchange only: holds and releases are real, settlement is a number that the test
 * sets. What ledgers really do is tested on the real ones.
 */
export class MemoryLedger implements Ledger {
  readonly holds = new Map<number, HoldRequest>();
  readonly released = new Set<number>();
  /** Answers of `watermarks`, by partition. */
  readonly settled: number[];
  /** What a hold waits for: lets a test keep holds on their way, or fail them. */
  gate: Promise<void> = Promise.resolve();
  /** Replaces the answer of every hold. */
  holdAnswer: HoldAnswer | null = null;
  #sequence = 0;
  readonly #balances = new Map<string, { availableUnits: bigint; heldUnits: bigint }>();

  constructor(partitionCount: number) {
    this.settled = new Array<number>(partitionCount).fill(0);
  }

  async hold(request: HoldRequest): Promise<HoldAnswer> {
    await this.gate;
    if (this.holdAnswer !== null) return this.holdAnswer;
    if (this.released.has(request.commandId)) return { outcome: 'RELEASED' };
    const balance = this.#balance(request.accountId, request.assetId);
    const { availableUnits } = balance;
    if (availableUnits < request.units) return { outcome: 'INSUFFICIENT_FUNDS', availableUnits };
    balance.availableUnits -= request.units;
    balance.heldUnits += request.units;
    this.holds.set(request.commandId, request);
    return { outcome: 'HELD', availableUnits: balance.availableUnits, ledgerSequence: this.#nextSequence() };
  }

  abandon(commandId: number): Promise<ReleaseAnswer> {
    return this.release(commandId);
  }

  async release(commandId: number): Promise<ReleaseAnswer> {
    this.released.add(commandId);
    const held = this.holds.get(commandId);
    if (held === undefined) return { outcome: 'REPEATED', ledgerSequence: this.#nextSequence() };
    this.holds.delete(commandId);
    const balance = this.#balance(held.accountId, held.assetId);
    balance.availableUnits += held.units;
    balance.heldUnits -= held.units;
    return { outcome: 'RELEASED', units: held.units, ledgerSequence: this.#nextSequence() };
  }

  async settle(): Promise<SettleAnswer> {
    throw new Error('the inline exchange has no settlement');
  }

  async credit({ accountId, assetId, units }: CreditRequest): Promise<CreditAnswer> {
    const balance = this.#balance(accountId, assetId);
    balance.availableUnits += units;
    return { outcome: 'CREDITED', availableUnits: balance.availableUnits, ledgerSequence: this.#nextSequence() };
  }

  async debit({ operationId }: { readonly operationId: number }): Promise<DebitAnswer> {
    const held = this.holds.get(operationId);
    if (held === undefined) return { outcome: 'NOT_HELD' };
    this.holds.delete(operationId);
    this.released.add(operationId);
    this.#balance(held.accountId, held.assetId).heldUnits -= held.units;
    return { outcome: 'DEBITED', units: held.units, ledgerSequence: this.#nextSequence() };
  }

  async balances(accountId: number): Promise<BalancesAnswer> {
    const balances: Balance[] = [];
    for (const [key, balance] of this.#balances) {
      const [account, assetId] = key.split(' ').map(Number) as [number, number];
      if (account === accountId) balances.push({ assetId, ...balance });
    }
    return { balances, watermarks: [...this.settled] };
  }

  async watermarks(): Promise<readonly number[]> {
    return this.settled;
  }

  async openHoldsBelow(commandId: number): Promise<readonly OpenHold[]> {
    return [...this.holds.values()].filter((hold) => hold.commandId < commandId);
  }

  async raiseFloor(): Promise<void> {}

  async ledgerSequence(): Promise<number> {
    return this.#sequence;
  }

  #balance(accountId: number, assetId: number): { availableUnits: bigint; heldUnits: bigint } {
    const key = `${accountId} ${assetId}`;
    let balance = this.#balances.get(key);
    if (balance === undefined) {
      balance = { availableUnits: 0n, heldUnits: 0n };
      this.#balances.set(key, balance);
    }
    return balance;
  }

  #nextSequence(): number {
    this.#sequence += 1;
    return this.#sequence;
  }
}
