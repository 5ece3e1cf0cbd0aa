import type { Instrument } from '../../core/money/instrument.ts';
import type { HistoryOrder, OrderAsOf, OrderRequest, OrderStatus } from '../../core/ports/history.ts';
import { isByBudget } from '../../core/protocol/event-decoder.ts';
import {
  type CancelReason,
  OrderType,
  type SelfTradePrevention,
  type Side,
  type TimeInForce,
} from '../../core/protocol/kinds.ts';

/** An order as the events so far say. */
export interface Order {
  readonly orderId: number;
  readonly accountId: number;
  readonly keyId: number;
  readonly instrumentId: number;
  readonly side: Side;
  readonly orderType: OrderType;
  readonly timeInForce: TimeInForce;
  readonly selfTradePrevention: SelfTradePrevention;
  readonly flags: number; // OrderFlag bits
  readonly priceTicks: number; // as amended last, as is the quantity
  readonly stopPriceTicks: number; // 0 for none
  readonly quantityLots: number; // executed, decremented and remaining; by budget: executed
  readonly budgetUnits: bigint; // 0 unless by budget
  readonly expiresAtMs: number; // 0 for never
  readonly makerRatePpm: number;
  readonly takerRatePpm: number;
  readonly clientOrderId: string; // '' for none
  readonly acceptedAtMs: number;
  readonly acceptedSequence: number; // of its ACCEPTED event
  readonly status: OrderStatus;
  readonly remainingLots: number; // of a cancelled order: what was cancelled; 0 by budget
  readonly remainingUnits: bigint; // the same of an order by budget
  readonly executedLots: number;
  readonly executedTickLots: bigint; // sum over its fills of ticks × lots
  readonly cancelReason: CancelReason | null;
  readonly slot: number; // in the core's pool, while it rests
  readonly generation: number;
}

/** @returns the same text for a repeat of an order by the same key, and for nothing else. Fees are not the client's. */
export function repeatKey(order: OrderRequest): string {
  const { keyId, instrumentId, side, orderType, timeInForce, selfTradePrevention, flags, stopPriceTicks } = order;
  // A protection price is ours, and by the time of a repeat it is another one.
  const priceTicks = isProtected(orderType) ? 0 : order.priceTicks;
  const kind = `${keyId} ${instrumentId} ${side} ${orderType} ${timeInForce} ${selfTradePrevention} ${flags}`;
  const numbers = `${priceTicks} ${stopPriceTicks} ${order.quantityLots} ${order.budgetUnits} ${order.expiresAtMs}`;
  return `${kind} ${numbers} ${order.clientOrderId}`;
}

/** @returns whether such an order's limit is a protection price, which the gateway sets */
export function isProtected(orderType: OrderType): boolean {
  return orderType === OrderType.MARKET || orderType === OrderType.STOP_MARKET;
}

/** @returns whether such an order waits for a stop price */
export function isStop(orderType: OrderType): boolean {
  return orderType === OrderType.STOP_LIMIT || orderType === OrderType.STOP_MARKET;
}

/** @returns repeatKey of the request that the order came with, however it was amended since */
export function repeatKeyOfHistory(order: OrderAsOf | HistoryOrder): string {
  return repeatKey({ ...order, priceTicks: order.acceptedPriceTicks, quantityLots: order.acceptedQuantityLots });
}

/** An order that the view has forgotten, as the history tells it. */
export function orderOfHistory(order: HistoryOrder, { quoteUnitsPerTickLot }: Instrument): Order {
  const { createdMs, executedUnits, ...fields } = order;
  const quantityLots = isByBudget(order.flags) ? order.executedLots : order.quantityLots;
  const executedTickLots = executedUnits / quoteUnitsPerTickLot;
  return { ...fields, quantityLots, acceptedAtMs: createdMs, executedTickLots };
}

export function isClosed(order: Order): boolean {
  return order.status === 'FILLED' || order.status === 'CANCELLED' || order.status === 'EXPIRED';
}

/** @returns what a key's own order id is looked up by */
export function clientKey(keyId: number, clientOrderId: string): string {
  return `${keyId} ${clientOrderId}`;
}
