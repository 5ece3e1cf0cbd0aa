import type { Instrument } from '../../core/money/instrument.ts';
import { CancelReason, OrderFlag, Side, TimeInForce } from '../../core/protocol/kinds.ts';
import type { Order } from '../orders/order.ts';
import { formatAveragePrice, formatPrice, formatQuantity } from './formatting.ts';

/** An order as clients of this API read it. Which fields are texts and which numbers is part of the contract. */
export interface OrderJson {
  readonly order_id: string;
  readonly id: string;
  readonly symbol: string; // lower case
  readonly exchange: 'gemini';
  readonly avg_execution_price: string;
  readonly side: 'buy' | 'sell';
  readonly type: 'exchange limit';
  readonly timestamp: string; // seconds
  readonly timestampms: number;
  readonly is_live: boolean;
  readonly is_cancelled: boolean;
  readonly is_hidden: false;
  readonly was_forced: false;
  readonly executed_amount: string;
  readonly remaining_amount: string;
  readonly client_order_id?: string;
  readonly reason?: string; // of a cancelled order
  readonly options: readonly string[];
  readonly price: string;
  readonly original_amount: string;
}

const REASONS: Readonly<Record<CancelReason, string>> = {
  [CancelReason.REQUESTED]: 'Requested',
  [CancelReason.IMMEDIATE_OR_CANCEL]: 'ImmediateOrCancelWouldPost',
  [CancelReason.FILL_OR_KILL]: 'FillOrKillWouldNotFill',
  [CancelReason.POST_ONLY]: 'MakerOrCancelWouldTake',
  [CancelReason.SELF_TRADE]: 'SelfCrossPrevented',
};

export function orderJson(order: Order, instrument: Instrument): OrderJson {
  const orderId = `${order.orderId}`;
  return {
    order_id: orderId,
    id: orderId,
    symbol: instrument.symbol,
    exchange: 'gemini',
    avg_execution_price: formatAveragePrice(instrument, order.executedTickLots, order.executedLots),
    side: order.side === Side.BUY ? 'buy' : 'sell',
    type: 'exchange limit',
    timestamp: `${Math.floor(order.acceptedAtMs / 1_000)}`,
    timestampms: order.acceptedAtMs,
    is_live: order.status === 'RESTING',
    is_cancelled: order.status === 'CANCELLED',
    is_hidden: false,
    was_forced: false,
    executed_amount: formatQuantity(instrument, order.executedLots),
    remaining_amount: formatQuantity(instrument, order.remainingLots),
    ...(order.clientOrderId === '' ? {} : { client_order_id: order.clientOrderId }),
    ...(order.cancelReason === null ? {} : { reason: REASONS[order.cancelReason] }),
    options: options(order),
    price: formatPrice(instrument, order.priceTicks),
    original_amount: formatQuantity(instrument, order.quantityLots),
  };
}

function options({ timeInForce, flags }: Order): string[] {
  if ((flags & OrderFlag.POST_ONLY) !== 0) return ['maker-or-cancel'];
  if (timeInForce === TimeInForce.IOC) return ['immediate-or-cancel'];
  if (timeInForce === TimeInForce.FOK) return ['fill-or-kill'];
  return [];
}
