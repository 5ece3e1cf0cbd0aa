import { formatDecimal } from '../../core/money/decimal.ts';
import type { Instrument } from '../../core/money/instrument.ts';
import type { AccountTrade } from '../../core/ports/history.ts';
import { isByBudget } from '../../core/protocol/event-decoder.ts';
import {
  CancelReason,
  OrderFlag,
  OrderType,
  SelfTradePrevention,
  Side,
  TimeInForce,
} from '../../core/protocol/kinds.ts';
import { isProtected, isStop, type Order } from '../orders/order.ts';
import { formatAveragePrice, formatPrice, formatQuantity } from './formatting.ts';
import { FILL_OR_KILL, GOOD_TIL_DATE, IMMEDIATE_OR_CANCEL, MAKER_OR_CANCEL, SELF_TRADE_NAMES } from './order-terms.ts';
import { type AccountTradeJson, accountTradeJson } from './trade-json.ts';

/** What answers call the types of orders. Of stops these are not the names that they were asked for by: as on Gemini. */
export const ORDER_TYPE_TEXTS = {
  [OrderType.LIMIT]: 'exchange limit',
  [OrderType.MARKET]: 'exchange market',
  [OrderType.STOP_LIMIT]: 'stop-limit',
  [OrderType.STOP_MARKET]: 'stop-market',
} as const;

/** An order as clients of this API read it. Which fields are texts and which numbers is part of the contract. */
export interface OrderJson {
  readonly order_id: string;
  readonly id: string;
  readonly symbol: string; // lower case
  readonly exchange: 'gemini';
  readonly avg_execution_price: string;
  readonly side: 'buy' | 'sell';
  readonly type: (typeof ORDER_TYPE_TEXTS)[OrderType];
  readonly timestamp: string; // seconds
  readonly timestampms: number;
  readonly is_live: boolean; // it rests in the book, or waits for its stop price
  readonly is_cancelled: boolean;
  readonly is_hidden: false;
  readonly was_forced: false;
  readonly executed_amount: string;
  readonly remaining_amount: string;
  readonly client_order_id?: string;
  readonly reason?: string; // of a cancelled order
  readonly options: readonly string[];
  readonly price: string; // the limit; of a market or stop-market order its protection price
  readonly stop_price?: string; // of stops
  readonly original_amount: string; // as amended last; by total_spend: what was bought
  readonly total_spend?: string; // quote, of a market buy that was placed with one
  readonly remaining_spend?: string; // of it, what was not spent
  readonly expire_at?: number; // milliseconds, of good-til-date
  readonly self_trade_prevention?: string; // unless it is the usual one
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

/** Our word for what no client and no rule but time took away. */
export const EXPIRED_TEXT = 'Expired';

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
    type: ORDER_TYPE_TEXTS[order.orderType],
    timestamp: `${Math.floor(order.acceptedAtMs / 1_000)}`,
    timestampms: order.acceptedAtMs,
    is_live: order.status === 'RESTING' || order.status === 'WAITING',
    is_cancelled: order.status === 'CANCELLED' || order.status === 'EXPIRED',
    is_hidden: false,
    was_forced: false,
    executed_amount: formatQuantity(instrument, order.executedLots),
    remaining_amount: formatQuantity(instrument, order.remainingLots),
    ...(order.clientOrderId === '' ? {} : { client_order_id: order.clientOrderId }),
    ...closingReason(order),
    options: options(order),
    price: formatPrice(instrument, order.priceTicks),
    ...(isStop(order.orderType) ? { stop_price: formatPrice(instrument, order.stopPriceTicks) } : {}),
    original_amount: formatQuantity(instrument, order.quantityLots),
    ...(isByBudget(order.flags) ? spendFields(order, instrument) : {}),
    ...(order.timeInForce === TimeInForce.GTD ? { expire_at: order.expiresAtMs } : {}),
    ...(order.selfTradePrevention === SelfTradePrevention.CANCEL_NEWEST
      ? {}
      : { self_trade_prevention: SELF_TRADE_NAMES[order.selfTradePrevention] }),
    ...(trades === undefined ? {} : { trades: trades.map((trade) => accountTradeJson(trade, instrument)) }),
  };
}

function closingReason({ status, cancelReason }: Order): { readonly reason?: string } {
  if (cancelReason !== null) return { reason: cancelReasonText(cancelReason) };
  return status === 'EXPIRED' ? { reason: EXPIRED_TEXT } : {};
}

function spendFields({ budgetUnits, remainingUnits }: Order, { quote }: Instrument) {
  return {
    total_spend: formatDecimal(budgetUnits, quote.decimals),
    remaining_spend: formatDecimal(remainingUnits, quote.decimals),
  };
}

/** @returns the options that the order was placed with */
function options({ orderType, timeInForce, flags }: Order): string[] {
  if (isProtected(orderType)) return []; // it never rests, option or not
  const names = (flags & OrderFlag.POST_ONLY) !== 0 ? [MAKER_OR_CANCEL] : [];
  if (timeInForce === TimeInForce.IOC) names.push(IMMEDIATE_OR_CANCEL);
  if (timeInForce === TimeInForce.FOK) names.push(FILL_OR_KILL);
  if (timeInForce === TimeInForce.GTD) names.push(GOOD_TIL_DATE);
  return names;
}
