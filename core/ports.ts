import type { ExchangeEvent } from './protocol/event-decoder.ts';
import type { CancelReason, OrderType, SelfTradePrevention, Side, TimeInForce } from './protocol/kinds.ts';

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
  | { readonly outcome: 'REPEATED' } // released before, or never held: the tombstone stands either way
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
 * READONLY, MISCONF …). Nothing was written if `isOutcomeKnown`; else the caller must ask again by the operation's id.
 */
export class LedgerUnavailableError extends Error {
  override readonly name: string = 'LedgerUnavailableError';
  readonly code: string;
  readonly isOutcomeKnown: boolean;

  constructor(message: string, facts: { code: string; isOutcomeKnown: boolean; cause?: unknown }) {
    super(message, { cause: facts.cause });
    this.code = facts.code;
    this.isOutcomeKnown = facts.isOutcomeKnown;
  }
}

/**
 * What answers is not the ledger to go on with (empty, foreign, older, not persistent …): nothing is written until it is
 * again, or until it was rebuilt. `code` names why.
 */
export class LedgerPausedError extends LedgerUnavailableError {
  override readonly name = 'LedgerPausedError';

  constructor(code: string, message: string) {
    super(`the ledger is paused: ${message}`, { code, isOutcomeKnown: true });
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
  settle(batch: SettlementBatch): Promise<SettleAnswer>;
  credit(request: CreditRequest): Promise<CreditAnswer>;
  /** Takes a whole hold out of the ledger: a withdrawal that was held for is done. */
  debit(request: { readonly operationId: number; readonly timestampMs: number }): Promise<DebitAnswer>;
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

/**
 * All events of one partition after `beforeSequence` through `lastSequence`, in order. There may be none: a partition
 * in which nothing happens moves its watermark too, or every start would read the log from where it last traded.
 */
export interface EventBatch {
  readonly partition: number;
  readonly beforeSequence: number;
  readonly lastSequence: number; // above beforeSequence
  readonly events: readonly ExchangeEvent[];
}

/** Takes batches in order. Resolves once its effect and its watermark are durable; a rejection stops the partition. */
export interface EventConsumer {
  readonly name: string;
  /** Events that it is given at a time where there is a backlog; the feed's own number unless it says so. */
  readonly batchEvents?: number;
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
  /** @returns the key of an id, also when it was revoked: orders go on naming it */
  keyOf(keyId: number): ApiKey | undefined;
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

/** A key without its secret. */
export interface KeySummary {
  readonly keyId: number;
  readonly key: string;
  readonly accountId: number;
  readonly roles: readonly Role[];
  readonly revokedMs: number | null; // null while it is valid
}

/** Makes and takes away accounts and keys. What can't be done rejects with an Error whose `code` is INVALID_ACCOUNT. */
export interface AccountAdmin {
  listAccounts(): readonly Account[];
  /** @param name 1 to 64 printable ASCII characters, not taken yet */
  createAccount(name: string): Promise<Account>;
  /** @returns every key there ever was, oldest first */
  listKeys(): readonly KeySummary[];
  /** @returns the key with its secret, which nothing else ever tells */
  createKey(accountId: number, roles: readonly Role[]): Promise<ApiKey>;
  /** From now on requests with this key are those of an unknown one. Its orders stay. A repeat changes nothing. */
  revokeKey(key: string): Promise<KeySummary>;
}

// ---- History: every order and trade of the event log, in a store that a rebuild from the log gives again ----

/**
 * Where an order of the history is in its life. ARRIVING: it acts, while the rest of its command's events are still to
 * come. WAITING: a stop, not triggered yet. Orders that the core refused are never in the history.
 */
export type OrderStatus = 'ARRIVING' | 'WAITING' | 'RESTING' | 'FILLED' | 'CANCELLED' | 'EXPIRED';

/** An order as the events up to its partition's watermark say. */
export interface HistoryOrder {
  readonly orderId: number;
  readonly accountId: number;
  readonly keyId: number;
  readonly instrumentId: number;
  readonly side: Side;
  readonly orderType: OrderType;
  readonly timeInForce: TimeInForce;
  readonly selfTradePrevention: SelfTradePrevention;
  readonly flags: number; // OrderFlag bits
  readonly priceTicks: number; // the limit, as amended last
  readonly stopPriceTicks: number; // 0 for none
  readonly quantityLots: number; // as amended last; 0 when by budget
  readonly acceptedPriceTicks: number; // the limit it came with: a repeat of the request has the same
  readonly acceptedQuantityLots: number; // the quantity it came with
  readonly budgetUnits: bigint; // 0 unless by budget
  readonly expiresAtMs: number; // 0 for never
  readonly makerRatePpm: number;
  readonly takerRatePpm: number;
  readonly clientOrderId: string; // '' for none
  readonly acceptedSequence: number; // of its ACCEPTED event
  readonly lastSequence: number; // of the last event that changed it
  readonly createdMs: number;
  readonly closedMs: number | null; // null while it lives
  readonly status: OrderStatus;
  readonly remainingLots: number; // of a closed order: what was cancelled or expired; 0 when by budget
  readonly remainingUnits: bigint; // the same in quote units of an order by budget, else 0
  readonly executedLots: number;
  readonly executedUnits: bigint; // quote units of all its fills, fees apart
  readonly cancelReason: CancelReason | null;
  readonly slot: number; // in the core's pool while it rests or waits, else NOT_RESTING
  readonly generation: number; // 0 without a slot
}

/** What a client asks for when it places an order: a repeat of the request asks for the same. */
export type OrderRequest = Pick<
  HistoryOrder,
  | 'keyId'
  | 'clientOrderId'
  | 'instrumentId'
  | 'side'
  | 'orderType'
  | 'timeInForce'
  | 'selfTradePrevention'
  | 'flags'
  | 'priceTicks'
  | 'stopPriceTicks'
  | 'quantityLots'
  | 'budgetUnits'
  | 'expiresAtMs'
>;

/** What an order came with, and what its fills through some event executed, however many came after it. */
export interface OrderAsOf
  extends Pick<
    HistoryOrder,
    | 'orderId'
    | 'accountId'
    | 'keyId'
    | 'instrumentId'
    | 'side'
    | 'orderType'
    | 'timeInForce'
    | 'selfTradePrevention'
    | 'flags'
    | 'stopPriceTicks'
    | 'budgetUnits'
    | 'expiresAtMs'
    | 'clientOrderId'
    | 'acceptedSequence'
    | 'createdMs'
    | 'acceptedPriceTicks'
    | 'acceptedQuantityLots'
    | 'executedLots'
    | 'executedUnits'
  > {
  readonly isNewestOfClientOrderId: boolean; // by then its key had placed none after it under the same id
}

/** One side of a trade. */
export interface TradeSide {
  readonly orderId: number;
  readonly accountId: number;
  readonly feeUnits: bigint; // of `feeAssetId`
}

/** A trade, with both sides. Its price is the maker's. */
export interface HistoryTrade {
  readonly tradeId: number; // its event's sequence: rises with time, over all instruments
  readonly instrumentId: number;
  readonly timestampMs: number;
  readonly takerSide: Side;
  readonly priceTicks: number;
  readonly quantityLots: number;
  readonly notionalUnits: bigint; // quote units
  readonly feeAssetId: number; // of both fees
  readonly maker: TradeSide;
  readonly taker: TradeSide;
}

/** A trade as one of its two accounts sees it. An account on both sides of a trade would see it twice. */
export interface AccountTrade {
  readonly tradeId: number;
  readonly instrumentId: number;
  readonly timestampMs: number;
  readonly side: Side; // the account's own
  readonly isAggressor: boolean; // it took
  readonly priceTicks: number;
  readonly quantityLots: number;
  readonly notionalUnits: bigint;
  readonly feeUnits: bigint;
  readonly feeAssetId: number;
  readonly orderId: number;
  readonly clientOrderId: string; // '' for none
}

export interface VolumeSum {
  readonly lots: bigint;
  readonly notionalUnits: bigint;
  readonly trades: number;
}

/** What an account traded of an instrument on one day, UTC. */
export interface DailyVolume {
  readonly accountId: number;
  readonly instrumentId: number;
  readonly dayStartMs: number; // midnight, UTC
  readonly buyMaker: VolumeSum;
  readonly buyTaker: VolumeSum;
  readonly sellMaker: VolumeSum;
  readonly sellTaker: VolumeSum;
}

/**
 * Bounds of a list. Without `since…` it holds the newest; with it the oldest after the bound, so that a client that
 * passes the newest of each answer on gets everything. Always in the order newest first.
 */
export interface HistoryRange {
  readonly instrumentId?: number; // all when left out
  readonly sinceMs?: number; // at or after
  readonly limit: number; // 1 … MAX_HISTORY_ROWS
}

/** Rows that one call may ask for. */
export const MAX_HISTORY_ROWS = 1_000;

/**
 * Reads orders and trades. Everything is as of the history's watermarks, which run a little behind the core: an order
 * that was answered just now may be missing or older here. Calls reject with the store's error only.
 */
export interface HistoryStore {
  /** Watermark of each partition that the store can be read at. */
  watermarks(): Promise<readonly number[]>;
  order(orderId: number): Promise<HistoryOrder | undefined>;
  /** @returns the orders that a key placed under this id of its own, newest first, at most `limit` */
  ordersByClientOrderId(keyId: number, clientOrderId: string, limit: number): Promise<readonly HistoryOrder[]>;
  /**
   * @param request with a client order id
   * @param sinceMs exclusive
   * @param isPriceCompared whether the limit that the order came with must be the request's, too
   * @returns the newest order that came with these fields after that time, however it was amended since
   */
  repeatedOrder(request: OrderRequest, sinceMs: number, isPriceCompared: boolean): Promise<HistoryOrder | undefined>;
  /** @param which `closed`: only orders that are gone; `any`: those that live as well. By time of acceptance. */
  accountOrders(accountId: number, which: 'closed' | 'any', range: HistoryRange): Promise<readonly HistoryOrder[]>;
  /** The fills of up to MAX_HISTORY_ROWS orders, by order id, oldest first, of each its newest 500; no entry for none. */
  tradesOfOrders(orderIds: readonly number[]): Promise<ReadonlyMap<number, readonly AccountTrade[]>>;
  accountTrades(accountId: number, range: HistoryRange): Promise<readonly AccountTrade[]>;
  /** Everybody's trades of an instrument. `sinceTradeId`, exclusive, goes before `sinceMs`, which is exclusive here. */
  publicTrades(
    instrumentId: number,
    range: { readonly sinceTradeId?: number; readonly sinceMs?: number; readonly limit: number },
  ): Promise<readonly HistoryTrade[]>;
  /** @returns what the account traded from that day on, oldest day first, by instrument */
  dailyVolumes(accountId: number, sinceMs: number): Promise<readonly DailyVolume[]>;
  /**
   * Orders for a view that begins at an event which the watermarks have reached or passed.
   * @param orderIds any number; those that the store lacks are missing in the answer
   */
  ordersAsOf(orderIds: readonly number[], eventSequence: number): Promise<ReadonlyMap<number, OrderAsOf>>;
}
