import { formatDecimal } from '../../core/money/decimal.ts';
import { fillFeeUnits } from '../../core/money/fee.ts';
import { type Instrument, notionalUnits } from '../../core/money/instrument.ts';
import { type FilledEvent, isByBudget, type RejectedEvent } from '../../core/protocol/event-decoder.ts';
import { OrderType, RejectReason, Side } from '../../core/protocol/kinds.ts';
import { isStop, type Order } from '../orders/order.ts';
import { formatPrice, formatQuantity } from '../rest/formatting.ts';
import { ORDER_TYPE_TEXTS, orderJson } from '../rest/order-json.ts';

const SIDE_TEXTS = { [Side.BUY]: 'buy', [Side.SELL]: 'sell' } as const;

export const ORDER_EVENT_TYPES = [
  'initial',
  'accepted',
  'rejected',
  'booked', // it rests in the book, or waits as a stop
  'fill',
  'cancelled',
  'cancel_rejected',
  'closed',
  // Ours: what this API has no orders for.
  'triggered', // the stop price was reached: what comes of it follows
  'amended', // it keeps its place, or leaves it: then what comes of it follows
  'amend_rejected',
  'reduced', // by self-trade prevention
] as const;
export type OrderEventType = (typeof ORDER_EVENT_TYPES)[number];

/** Fields of one event, without those that belong to the socket. Which are texts and which numbers is part of the API. */
export type OrderEventFields = Readonly<Record<string, unknown>>;

/** @returns the order's fields as every event of it carries them, as the order is now */
export function orderFields(order: Order, instrument: Instrument, apiSession: string): OrderEventFields {
  const json = orderJson(order, instrument);
  const [behavior] = json.options;
  return {
    order_id: json.order_id,
    api_session: apiSession,
    ...(json.client_order_id === undefined ? {} : { client_order_id: json.client_order_id }),
    symbol: json.symbol,
    side: json.side,
    ...(behavior === undefined ? {} : { behavior }),
    order_type: orderTypeText(order),
    timestamp: json.timestamp,
    timestampms: json.timestampms,
    is_live: json.is_live,
    is_cancelled: json.is_cancelled,
    is_hidden: json.is_hidden,
    avg_execution_price: json.avg_execution_price,
    executed_amount: json.executed_amount,
    remaining_amount: json.remaining_amount,
    original_amount: json.original_amount,
    price: json.price,
    ...(json.stop_price === undefined ? {} : { stop_price: json.stop_price }),
    ...(json.total_spend === undefined ? {} : { total_spend: json.total_spend, remaining_spend: json.remaining_spend }),
    ...(json.expire_at === undefined ? {} : { expire_at: json.expire_at }),
    ...(json.self_trade_prevention === undefined ? {} : { self_trade_prevention: json.self_trade_prevention }),
  };
}

function orderTypeText({ orderType, side }: Pick<Order, 'orderType' | 'side'>): string {
  return orderType === OrderType.MARKET ? `market ${SIDE_TEXTS[side]}` : ORDER_TYPE_TEXTS[orderType];
}

/** @returns what one side of a trade gets to know of it */
export function fillField(fill: FilledEvent, instrument: Instrument, isMaker: boolean): unknown {
  const { quote } = instrument;
  const ratePpm = isMaker ? fill.makerMakerRatePpm : fill.takerTakerRatePpm;
  const feeUnits = fillFeeUnits(notionalUnits(instrument, fill.priceTicks, fill.quantityLots), ratePpm);
  return {
    trade_id: `${fill.eventSequence}`,
    liquidity: isMaker ? 'Maker' : 'Taker',
    price: formatPrice(instrument, fill.priceTicks),
    amount: formatQuantity(instrument, fill.quantityLots),
    fee: formatDecimal(feeUnits, quote.decimals),
    fee_currency: quote.code,
  };
}

/** An order that the core refused was never in any book, nor is it in the view: its event says all that is known. */
export function rejectedFields(event: RejectedEvent, instrument: Instrument, apiSession: string): OrderEventFields {
  return {
    order_id: `${event.orderId}`,
    api_session: apiSession,
    symbol: instrument.symbol,
    side: SIDE_TEXTS[event.side],
    order_type: orderTypeText(event),
    timestamp: `${Math.floor(event.timestampMs / 1_000)}`,
    timestampms: event.timestampMs,
    is_live: false,
    is_cancelled: false,
    is_hidden: false,
    avg_execution_price: '0.00',
    executed_amount: '0',
    remaining_amount: '0',
    original_amount: formatQuantity(instrument, event.remainingBeforeLots),
    ...(isByBudget(event.flags)
      ? { total_spend: formatDecimal(event.remainingBeforeUnits, instrument.quote.decimals) }
      : {}),
    price: formatPrice(instrument, event.priceTicks),
    ...(isStop(event.orderType) ? { stop_price: formatPrice(instrument, event.stopPriceTicks) } : {}),
    reason: rejectReasonText(event.reason),
  };
}

/** @returns the word that the same refusal has as an answer */
export function rejectReasonText(reason: RejectReason): string {
  switch (reason) {
    case RejectReason.PRICE_OUT_OF_RANGE:
      return 'InvalidPrice';
    case RejectReason.QUANTITY_OUT_OF_RANGE:
    case RejectReason.LEVEL_FULL:
    case RejectReason.QUANTITY_BELOW_FILLED:
      return 'InvalidQuantity';
    case RejectReason.INSTRUMENT_HALTED:
    case RejectReason.INSTRUMENT_CANCEL_ONLY:
    case RejectReason.INSTRUMENT_POST_ONLY:
      return 'MarketNotOpen';
    case RejectReason.BOOK_FULL:
    case RejectReason.LEVELS_FULL:
      return 'Maintenance';
    case RejectReason.UNKNOWN_ORDER:
      return 'OrderNotFound';
    case RejectReason.STOP_PRICE_OUT_OF_RANGE:
      return 'InvalidStopPrice';
    case RejectReason.EXPIRY_OUT_OF_RANGE:
      return 'InvalidTimestampInPayload';
    default:
      return 'System';
  }
}
