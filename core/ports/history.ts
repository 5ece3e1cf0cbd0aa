import type { CancelReason, OrderType, SelfTradePrevention, Side, TimeInForce } from '../protocol/kinds.ts';

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
