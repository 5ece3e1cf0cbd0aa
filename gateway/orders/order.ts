import type { NewOrderFields } from '../../core/protocol/command-encoder.ts';
import type { CancelReason, Side, TimeInForce } from '../../core/protocol/kinds.ts';

/** Where an order is in its life. ARRIVING: accepted, while the rest of its own command's events are still to come. */
export type OrderStatus = 'ARRIVING' | 'RESTING' | 'FILLED' | 'CANCELLED';

/** An order as the events so far say. */
export interface Order {
  readonly orderId: number;
  readonly accountId: number;
  readonly keyId: number;
  readonly instrumentId: number;
  readonly side: Side;
  readonly timeInForce: TimeInForce;
  readonly flags: number; // OrderFlag bits
  readonly priceTicks: number;
  readonly quantityLots: number;
  readonly clientOrderId: string; // '' for none
  readonly acceptedAtMs: number;
  readonly status: OrderStatus;
  readonly remainingLots: number; // of a cancelled order: what was cancelled
  readonly executedLots: number;
  readonly executedTickLots: bigint; // sum over its fills of ticks × lots
  readonly cancelReason: CancelReason | null;
  readonly slot: number; // in the core's pool, while it rests
  readonly generation: number;
}

/** The fields of which a repeat must equal the first, beside key and client order id. Fees are not the client's. */
type RepeatedFields = Pick<
  NewOrderFields,
  | 'keyId'
  | 'clientOrderId'
  | 'instrumentId'
  | 'side'
  | 'orderType'
  | 'timeInForce'
  | 'flags'
  | 'priceTicks'
  | 'stopPriceTicks'
  | 'quantityLots'
  | 'budgetUnits'
  | 'expiresAtMs'
>;

/** @returns the same text for a repeat of an order by the same key, and for nothing else */
export function repeatKey(order: RepeatedFields): string {
  const { keyId, instrumentId, side, orderType, timeInForce, flags, priceTicks, stopPriceTicks } = order;
  const numbers = `${keyId} ${instrumentId} ${side} ${orderType} ${timeInForce} ${flags} ${priceTicks} ${stopPriceTicks}`;
  return `${numbers} ${order.quantityLots} ${order.budgetUnits} ${order.expiresAtMs} ${order.clientOrderId}`;
}

/** @returns what a key's own order id is looked up by */
export function clientKey(keyId: number, clientOrderId: string): string {
  return `${keyId} ${clientOrderId}`;
}
