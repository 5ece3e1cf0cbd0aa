import type { Instrument } from '../../core/money/instrument.ts';
import type { AccountTrade } from '../../core/ports.ts';
import { CancelReason, OrderFlag, OrderType, Side, TimeInForce } from '../../core/protocol/kinds.ts';
import type { Order } from '../orders/order.ts';
import { formatAveragePrice, formatPrice, formatQuantity } from './formatting.ts';
import { type AccountTradeJson, accountTradeJson } from './trade-json.ts';

/** An order as clients of this API read it. Which fields are texts and which numbers is part of the contract. */
export interface OrderJson {
  readonly order_id: string;
  readonly id: string;
  readonly symbol: string; // lower case
  readonly exchange: 'gemini';
  readonly avg_execution_price: string;
  readonly side: 'buy' | 'sell';
  readonly type: 'exchange limit' | 'exchange market';
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
  readonly price: string; // the limit; of a market order its protection price
  readonly original_amount: string;
  readonly trades?: readonly AccountTradeJson[];
}

const REASONS: Readonly<Record<CancelReason, string>> = {
  [CancelReason.REQUESTED]: 'Requested',
  [CancelReason.IMMEDIATE_OR_CANCEL]: 'ImmediateOrCancelWouldPost',
  [CancelReason.FILL_OR_KILL]: 'FillOrKillWouldNotFill',
  [CancelReason.POST_ONLY]: 'MakerOrCancelWouldTake',
  [CancelReason.SELF_TRADE]: 'SelfCrossPrevented',
  [CancelReason.MARKET_REMAINDER]: 'ExceedsPriceLimits',
  [CancelReason.MASS_CANCELLED]: 'Requested',
  [CancelReason.BUDGET_REMAINDER]: 'ImmediateOrCancelWouldPost',
  [CancelReason.BOOK_FULL]: 'TradingClosed',
  [CancelReason.PRICE_BAND]: 'ExceedsPriceLimits',
};

/** @returns Gemini's word for why an order was cancelled */
export function cancelReasonText(reason: CancelReason): string {
  return REASONS[reason];
}

/** @param trades all fills of the order, to be shown with it; left out when nobody asked for them */
export function orderJson(order: Order, instrument: Instrument, trades?: readonly AccountTrade[]): OrderJson {
  const orderId = `${order.orderId}`;
  return {
    order_id: orderId,
    id: orderId,
    symbol: instrument.symbol,
    exchange: 'gemini',
    avg_execution_price: formatAveragePrice(instrument, order.executedTickLots, order.executedLots),
    side: order.side === Side.BUY ? 'buy' : 'sell',
    type: order.orderType === OrderType.MARKET ? 'exchange market' : 'exchange limit',
    timestamp: `${Math.floor(order.acceptedAtMs / 1_000)}`,
    timestampms: order.acceptedAtMs,
    is_live: order.status === 'RESTING' || order.status === 'WAITING',
    is_cancelled: order.status === 'CANCELLED' || order.status === 'EXPIRED',
    is_hidden: false,
    was_forced: false,
    executed_amount: formatQuantity(instrument, order.executedLots),
    remaining_amount: formatQuantity(instrument, order.remainingLots),
    ...(order.clientOrderId === '' ? {} : { client_order_id: order.clientOrderId }),
    ...(order.cancelReason === null ? {} : { reason: cancelReasonText(order.cancelReason) }),
    options: options(order),
    price: formatPrice(instrument, order.priceTicks),
    original_amount: formatQuantity(instrument, order.quantityLots),
    ...(trades === undefined ? {} : { trades: trades.map((trade) => accountTradeJson(trade, instrument)) }),
  };
}

/** @returns the option that the order was placed with, if any */
function options({ orderType, timeInForce, flags }: Order): string[] {
  if (orderType === OrderType.MARKET) return []; // it never rests, option or not
  if ((flags & OrderFlag.POST_ONLY) !== 0) return ['maker-or-cancel'];
  if (timeInForce === TimeInForce.IOC) return ['immediate-or-cancel'];
  if (timeInForce === TimeInForce.FOK) return ['fill-or-kill'];
  return [];
}
