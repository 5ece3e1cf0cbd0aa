import { formatDecimal } from '../../core/money/decimal.ts';
import { fillFeeUnits } from '../../core/money/fee.ts';
import { type Instrument, notionalUnits } from '../../core/money/instrument.ts';
import type { FilledEvent, RejectedEvent } from '../../core/protocol/event-decoder.ts';
import { OrderType, RejectReason, Side } from '../../core/protocol/kinds.ts';
import type { Order } from '../orders/order.ts';
import { formatPrice, formatQuantity } from '../rest/formatting.ts';
import { orderJson } from '../rest/order-json.ts';

export const ORDER_EVENT_TYPES = [
  'initial',
  'accepted',
  'rejected',
  'booked',
  'fill',
  'cancelled',
  'cancel_rejected',
  'closed',
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
    order_type: order.orderType === OrderType.MARKET ? `market ${json.side}` : json.type,
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
  };
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
    side: event.side === Side.BUY ? 'buy' : 'sell',
    order_type: 'exchange limit',
    timestamp: `${Math.floor(event.timestampMs / 1_000)}`,
    timestampms: event.timestampMs,
    is_live: false,
    is_cancelled: false,
    is_hidden: false,
    avg_execution_price: '0.00',
    executed_amount: '0',
    remaining_amount: '0',
    original_amount: formatQuantity(instrument, event.remainingBeforeLots),
    price: formatPrice(instrument, event.priceTicks),
    reason: rejectReasonText(event.reason),
  };
}

function rejectReasonText(reason: RejectReason): string {
  switch (reason) {
    case RejectReason.PRICE_OUT_OF_RANGE:
      return 'InvalidPrice';
    case RejectReason.QUANTITY_OUT_OF_RANGE:
    case RejectReason.LEVEL_FULL:
      return 'InvalidQuantity';
    case RejectReason.INSTRUMENT_HALTED:
    case RejectReason.INSTRUMENT_CANCEL_ONLY:
    case RejectReason.INSTRUMENT_POST_ONLY:
      return 'MarketNotOpen';
    case RejectReason.BOOK_FULL:
    case RejectReason.LEVELS_FULL:
      return 'Maintenance';
    default:
      return 'System';
  }
}
