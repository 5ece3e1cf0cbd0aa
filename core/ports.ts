import type { ExchangeEvent } from './protocol/event-decoder.ts';

/**
 * What the core's neighbours offer each other: interfaces only. `main.ts` fills them with real adapters, so that
 * gateway, workers and scheduler meet here and nowhere else. Amounts are bigint in the asset's smallest unit.
 */

/** Wall time for commands: anchored once, then monotonic. */
export interface Clock {
  /** @returns milliseconds since 1970, whole, never less than any value returned before */
  nowMs(): number;
}

// ---- Ledger: every balance, moved atomically, each operation applied at most once by its id (design: "Ledger") ----

/** Why a balance changed; stands in every entry. */
export type EntryReason = 'hold' | 'release' | 'fill' | 'fee' | 'cancel' | 'reject' | 'deposit' | 'withdrawal';

/** A refusal of the ledger. `INSUFFICIENT_FUNDS` is the client's; the others tell of a retry, a race or a fault. */
export type HoldAnswer =
  | { readonly outcome: 'HELD' | 'REPEATED'; readonly availableUnits: bigint; readonly ledgerSequence: number }
  | { readonly outcome: 'INSUFFICIENT_FUNDS'; readonly availableUnits: bigint }
  | { readonly outcome: 'HOLD_DIFFERS'; readonly heldUnits: bigint } // the same id holds something else
  | { readonly outcome: 'RELEASED' } // a release of this id came first: its tombstone refuses the hold
  | { readonly outcome: 'BELOW_FLOOR' }; // an id from before this start: a process thought dead woke up

export type ReleaseAnswer =
  | { readonly outcome: 'RELEASED'; readonly units: bigint; readonly ledgerSequence: number }
  | { readonly outcome: 'REPEATED' } // released before, or never held: the tombstone stands either way
  | { readonly outcome: 'SETTLED' }; // settlement owns this hold already: nothing was moved

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
  readonly beforeSequence: number; // the partition's event before the first of this batch; 0 at the very start
  readonly lastSequence: number;
  readonly timestampMs: number; // of the last event
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

/** Each call is atomic, applied at most once by its id, and answered when durable. A refusal has written nothing. */
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
  settle(batch: SettlementBatch): Promise<SettleAnswer>;
  credit(request: CreditRequest): Promise<CreditAnswer>;
  balances(accountId: number): Promise<BalancesAnswer>;
  /** Settlement watermark of each partition: all its events up to there are in the balances. */
  watermarks(): Promise<readonly number[]>;
  /** Holds whose commands settlement has not met and whose ids lie below the bound: orphans, once it has caught up. */
  openHoldsBelow(commandId: number): Promise<readonly OpenHold[]>;
  /** Refuses from now on every hold below this id: the first command id of the present start. */
  raiseFloor(commandId: number): Promise<void>;
  /** Highest change sequence given out. */
  ledgerSequence(): Promise<number>;
}

// ---- Event feed: ordered events by partition ----

/** Consecutive events of one partition, in order. */
export interface EventBatch {
  readonly partition: number;
  readonly beforeSequence: number;
  readonly events: readonly ExchangeEvent[]; // at least one
}

/** Takes batches in order. Resolves once its effect and its watermark are durable; a rejection stops the partition. */
export interface EventConsumer {
  readonly name: string;
  /** Highest sequence of each partition whose effect is durable: where the feed begins. */
  watermarks(): Promise<readonly number[]>;
  consume(batch: EventBatch): Promise<void>;
}

export interface EventFeed {
  /** Delivers everything after the consumer's watermarks, then what comes, until `stop`. */
  subscribe(consumer: EventConsumer): void;
  /** @returns once every consumer has all events up to that sequence; rejects when a consumer has failed */
  settledThrough(eventSequence: number): Promise<void>;
  stop(): Promise<void>;
}

/** Partition of an event: its instrument's, or 0 for what belongs to no instrument. */
export function partitionOf(event: ExchangeEvent, partitionCount: number): number {
  return 'instrumentId' in event ? event.instrumentId % partitionCount : 0;
}

// ---- Keys and accounts ----

export type Role = 'trader' | 'fundManager' | 'auditor';

export interface ApiKey {
  readonly keyId: number; // ≥ 1
  readonly key: string; // 'account-…'
  readonly secret: string;
  readonly accountId: number;
  readonly accountName: string;
  readonly roles: readonly Role[];
}

/** A nonce: 10^-9 units of what the client sent, so that 19 digits and 9 decimals fit exactly. -1n before the first. */
export type NonceNanos = bigint;

export interface KeyStore {
  /** @returns the key and the highest nonce it has used, from memory */
  find(key: string): { readonly apiKey: ApiKey; readonly lastNonce: NonceNanos } | undefined;
  /**
   * Uses up a nonce: checks and remembers it at once, so that two requests of one turn can't share one.
   * @returns null when it does not rise above the last; else a promise that resolves when it is durable
   */
  useNonce(keyId: number, nonce: NonceNanos): Promise<void> | null;
}

export interface Account {
  readonly accountId: number;
  readonly name: string;
  readonly createdMs: number;
}
