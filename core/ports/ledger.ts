/** Why a balance changed; stands in every entry. */
export type EntryReason =
  | 'hold'
  | 'release'
  | 'fill'
  | 'fee'
  | 'cancel'
  | 'expire'
  | 'reduce'
  | 'amend'
  | 'reject'
  | 'deposit'
  | 'withdrawal'
  | 'rebuild'; // held was not what open orders need, and is from here on

/** A refusal of the ledger. `INSUFFICIENT_FUNDS` is the client's; the others tell of a retry, a race or a fault. */
export type HoldAnswer =
  | { readonly outcome: 'HELD' | 'REPEATED'; readonly availableUnits: bigint; readonly ledgerSequence: number }
  | { readonly outcome: 'INSUFFICIENT_FUNDS'; readonly availableUnits: bigint }
  | { readonly outcome: 'HOLD_DIFFERS'; readonly heldUnits: bigint } // the same id holds something else
  | { readonly outcome: 'RELEASED' } // a release of this id came first: its tombstone refuses the hold
  | { readonly outcome: 'BELOW_FLOOR' }; // an id from before this start: a process thought dead woke up

export type ReleaseAnswer =
  | { readonly outcome: 'RELEASED'; readonly units: bigint; readonly ledgerSequence: number }
  /** Released before, or never held: the tombstone stands either way, at that sequence or before it. */
  | { readonly outcome: 'REPEATED'; readonly ledgerSequence: number }
  | { readonly outcome: 'SETTLED' }; // settlement or a debit owns this hold already: nothing was moved

/** One change of one balance. The event sequence is its operation id: all legs of an event go in one call. */
export interface Leg {
  readonly eventSequence: number;
  readonly accountId: number;
  readonly assetId: number;
  readonly availableDeltaUnits: bigint;
  readonly heldDeltaUnits: bigint;
  readonly reason: EntryReason;
}

/**
 * Legs of consecutive events of one partition. Applies when `beforeSequence` ≤ watermark < `lastSequence`; events at
 * or below the watermark are trimmed, so that a repeat or a differently cut batch changes nothing.
 */
export interface SettlementBatch {
  readonly partition: number;
  readonly beforeSequence: number; // where the batch before this one ended; 0 at the very start
  readonly lastSequence: number;
  readonly timestampMs: number; // of the last event; 0 without events
  readonly legs: readonly Leg[]; // ascending by eventSequence; per event they add up to zero in every asset
  /** Command ids whose first event is in this batch, with it: their hold records end here. */
  readonly settledCommands: readonly { readonly commandId: number; readonly eventSequence: number }[];
}

export type SettleAnswer =
  | { readonly outcome: 'APPLIED' | 'REPEATED'; readonly watermark: number; readonly ledgerSequence: number }
  | { readonly outcome: 'GAP'; readonly watermark: number };

export interface CreditRequest {
  readonly operationId: number; // from the same source as command ids
  readonly accountId: number;
  readonly assetId: number;
  readonly units: bigint; // > 0
  readonly timestampMs: number;
}

export type CreditAnswer =
  | { readonly outcome: 'CREDITED' | 'REPEATED'; readonly availableUnits: bigint; readonly ledgerSequence: number }
  | { readonly outcome: 'CREDIT_DIFFERS' } // the same id credited something else
  | { readonly outcome: 'POOL_LIMIT'; readonly poolUnits: bigint }; // all accounts together would pass 2^63 - 1

export interface Balance {
  readonly assetId: number;
  readonly availableUnits: bigint;
  readonly heldUnits: bigint;
}

export interface BalancesAnswer {
  readonly balances: readonly Balance[];
  /** Settlement watermark of each partition that the balances were read at. */
  readonly watermarks: readonly number[];
}

export interface OpenHold {
  readonly commandId: number;
  readonly accountId: number;
  readonly assetId: number;
  readonly units: bigint;
}

/**
 * A withdrawal that was held for leaves the ledger: the hold's own units, whole. Its id is the hold's. A debited hold
 * can neither be released nor held again.
 */
export type DebitAnswer =
  | { readonly outcome: 'DEBITED' | 'REPEATED'; readonly units: bigint; readonly ledgerSequence: number }
  | { readonly outcome: 'NOT_HELD' }; // there is no such hold, or it was given back

/**
 * The ledger can't be asked now. `code` is a word for programs: AWAY, or what the server says of itself (BUSY, OOM,
 * READONLY, MISCONF …). Nothing was written if `isOutcomeKnown`; else the caller must ask again by the operation's id. To go
 * on asking is in vain if `isForGood`.
 */
export class LedgerUnavailableError extends Error {
  override readonly name: string = 'LedgerUnavailableError';
  readonly code: string;
  readonly isOutcomeKnown: boolean;
  readonly isForGood: boolean;

  constructor(message: string, facts: { code: string; isOutcomeKnown: boolean; isForGood?: boolean; cause?: unknown }) {
    super(message, { cause: facts.cause });
    this.code = facts.code;
    this.isForGood = facts.isForGood ?? false;
    this.isOutcomeKnown = facts.isOutcomeKnown;
  }
}

/**
 * What answers is not the ledger to go on with (empty, foreign, older, not persistent …): nothing is written until it is
 * again, or until it was rebuilt. `code` names why.
 */
export class LedgerPausedError extends LedgerUnavailableError {
  override readonly name: string = 'LedgerPausedError';

  constructor(code: string, message: string, isForGood = false) {
    super(`the ledger is paused: ${message}`, { code, isOutcomeKnown: true, isForGood });
  }
}

/**
 * Another start has the ledger: a later one of the same data folder, or one of a copy of it. Nothing was written, and
 * nothing that this one writes is taken any more: it must end.
 */
export class StaleWriterError extends LedgerPausedError {
  override readonly name = 'StaleWriterError';

  /** @param floor first command id of the start that has it */
  constructor(floor: number) {
    super(
      'STALE_WRITER',
      `a later start of this data folder, or of a copy of it, has the ledger (commands from ${floor} on). Go on there; ` +
        'this folder takes the ledger back only by `ledger rebuild --replace`, and what was done there since is lost then',
      true,
    );
  }
}

/**
 * Each call is atomic, applied at most once by its id, and answered when durable. A refusal has written nothing. A ledger
 * on a server rejects with LedgerUnavailableError while it can't be asked.
 */
export interface Ledger {
  /** Moves units from available to held under a command id. A repeat returns the first answer. */
  hold(request: {
    readonly commandId: number;
    readonly accountId: number;
    readonly assetId: number;
    readonly units: bigint; // > 0
    readonly timestampMs: number;
  }): Promise<HoldAnswer>;
  /** Gives a whole hold back that no command used. Releasing an unknown id leaves a tombstone that refuses it later. */
  release(commandId: number, timestampMs: number): Promise<ReleaseAnswer>;
  /**
   * The same, however long the ledger can't be asked: for whoever gives a hold up and has nobody to tell.
   * @throws LedgerUnavailableError only when the ledger was closed, or is another start's
   */
  abandon(commandId: number, timestampMs: number): Promise<ReleaseAnswer>;
  settle(batch: SettlementBatch): Promise<SettleAnswer>;
  credit(request: CreditRequest): Promise<CreditAnswer>;
  /** Takes a whole hold out of the ledger: a withdrawal that was held for is done. */
  debit(request: { readonly operationId: number; readonly timestampMs: number }): Promise<DebitAnswer>;
  balances(accountId: number): Promise<BalancesAnswer>;
  /** Settlement watermark of each partition: all its events up to there are in the balances. */
  watermarks(): Promise<readonly number[]>;
  /** Holds whose commands settlement has not met and whose ids lie below the bound: orphans, once it has caught up. */
  openHoldsBelow(commandId: number): Promise<readonly OpenHold[]>;
  /**
   * The start that begins with this command id has the ledger from now on: holds below it are refused, and so is every
   * call of whoever belongs to an earlier start.
   * @throws StaleWriterError when a later start has it; this one is given nothing any more
   */
  raiseFloor(commandId: number): Promise<void>;
  /** Highest change sequence given out. */
  ledgerSequence(): Promise<number>;
}
