import { MAX_PRICE_TICKS, MAX_QUANTITY_LOTS } from '../../core/money/instrument.ts';
import type { AmendOrderFields, NewOrderFields } from '../../core/protocol/command-encoder.ts';
import {
  InstrumentState,
  OrderFlag,
  OrderType,
  RejectReason,
  SelfTradePrevention,
  Side,
  TimeInForce,
} from '../../core/protocol/kinds.ts';
import type { RestingOrder } from './reference-events.ts';
import type { ReferenceMarket } from './reference-market.ts';

/** How much room the whole exchange has left. */
export interface ReferenceRoom {
  readonly orders: number;
  readonly levels: number;
}

/** The checks of a new order, in the order that decides which reason it gets. */
export function refusalOfOrder(
  market: ReferenceMarket | undefined,
  order: NewOrderFields,
  timestampMs: number,
  room: ReferenceRoom,
): RejectReason {
  if (market === undefined) return RejectReason.UNKNOWN_INSTRUMENT;
  if (!isWellFormed(order)) return RejectReason.MALFORMED;
  const refusal = refusalByState(market.state, order.flags === OrderFlag.POST_ONLY);
  if (refusal !== RejectReason.NONE) return refusal;
  if (!isPrice(order.priceTicks)) return RejectReason.PRICE_OUT_OF_RANGE;
  if (order.flags === OrderFlag.BY_BUDGET)
    return order.budgetUnits > 0n ? RejectReason.NONE : RejectReason.QUANTITY_OUT_OF_RANGE;
  if (!isQuantity(market, order.quantityLots)) return RejectReason.QUANTITY_OUT_OF_RANGE;
  if (
    order.timeInForce === TimeInForce.GTD &&
    !(Number.isSafeInteger(order.expiresAtMs) && order.expiresAtMs > timestampMs)
  )
    return RejectReason.EXPIRY_OUT_OF_RANGE;
  const isStop = order.orderType === OrderType.STOP_LIMIT || order.orderType === OrderType.STOP_MARKET;
  if (isStop && !isPrice(order.stopPriceTicks)) return RejectReason.STOP_PRICE_OUT_OF_RANGE;
  if (!isStop && !mayRest(order)) return RejectReason.NONE;

  if (room.orders === 0) return RejectReason.BOOK_FULL;
  if (!isStop) return refusalToRest(market, order, order.quantityLots, room, null);
  const levelExists = market.waiting[order.side].some(
    ({ command }) => command.order.stopPriceTicks === order.stopPriceTicks,
  );
  return levelExists || room.levels > 0 ? RejectReason.NONE : RejectReason.LEVELS_FULL;
}

/**
 * Whether the book has room for an order, slots aside.
 * @param moving the order that would move there, still in its place; null for one that is not in the book
 */
export function refusalToRest(
  market: ReferenceMarket,
  order: Pick<NewOrderFields, 'side' | 'priceTicks'>,
  lots: number,
  room: ReferenceRoom,
  moving: RestingOrder | null,
): RejectReason {
  const ownSide = market.resting[order.side];
  const levelExists = ownSide.some(({ command }) => command.order.priceTicks === order.priceTicks);
  if (!levelExists && room.levels === 0) return RejectReason.LEVELS_FULL;
  // A sum of two integers up to 2^53 - 1 may round: BigInt says it exactly.
  const others = ownSide.filter((resting) => resting !== moving);
  const sideLots = others.reduce((sum, { remainingLots }) => sum + BigInt(remainingLots), 0n);
  return sideLots + BigInt(lots) > BigInt(MAX_QUANTITY_LOTS) ? RejectReason.LEVEL_FULL : RejectReason.NONE;
}

export function refusalOfAmend(
  market: ReferenceMarket,
  found: RestingOrder,
  amend: AmendOrderFields,
  room: ReferenceRoom,
): RejectReason {
  const { order } = found.command;
  const onlyShrinks = amend.priceTicks === order.priceTicks && amend.quantityLots <= found.totalLots;
  const refusal = refusalByState(market.state, (order.flags & OrderFlag.POST_ONLY) !== 0);
  const isAllowed = refusal === RejectReason.NONE || (onlyShrinks && market.state !== InstrumentState.HALTED);
  if (!isAllowed) return refusal;
  if (amend.side !== order.side) return RejectReason.MALFORMED;
  if (!isPrice(amend.priceTicks)) return RejectReason.PRICE_OUT_OF_RANGE;
  if (!isQuantity(market, amend.quantityLots)) return RejectReason.QUANTITY_OUT_OF_RANGE;
  const filledLots = found.totalLots - found.remainingLots;
  if (amend.quantityLots <= filledLots) return RejectReason.QUANTITY_BELOW_FILLED;
  if (onlyShrinks || market.isWaiting(found)) return RejectReason.NONE;
  return refusalToRest(
    market,
    { ...order, priceTicks: amend.priceTicks },
    amend.quantityLots - filledLots,
    room,
    found,
  );
}

export function mayRest({ timeInForce }: NewOrderFields): boolean {
  return timeInForce === TimeInForce.GTC || timeInForce === TimeInForce.GTD;
}

export function isPrice(priceTicks: number): boolean {
  return priceTicks >= 1 && priceTicks <= MAX_PRICE_TICKS;
}

export function has(set: Readonly<Record<string, number>>, value: number): boolean {
  return Object.values(set).includes(value);
}

function isQuantity(market: ReferenceMarket, lots: number): boolean {
  return Number.isInteger(lots) && lots >= market.minQuantityLots && lots <= market.maxQuantityLots;
}

function isWellFormed(order: NewOrderFields): boolean {
  if (!has(Side, order.side) || !has(OrderType, order.orderType)) return false;
  if (!has(TimeInForce, order.timeInForce) || !has(SelfTradePrevention, order.selfTradePrevention)) return false;
  const isMarket = order.orderType === OrderType.MARKET || order.orderType === OrderType.STOP_MARKET;
  if (isMarket && mayRest(order)) return false;
  switch (order.flags) {
    case 0:
      return true;
    case OrderFlag.POST_ONLY:
      return order.orderType === OrderType.LIMIT && mayRest(order);
    case OrderFlag.BY_BUDGET:
      return (
        order.orderType === OrderType.MARKET &&
        order.side === Side.BUY &&
        order.timeInForce === TimeInForce.IOC &&
        order.quantityLots === 0
      );
    default:
      return false;
  }
}

function refusalByState(state: InstrumentState, isPostOnly: boolean): RejectReason {
  if (state === InstrumentState.HALTED) return RejectReason.INSTRUMENT_HALTED;
  if (state === InstrumentState.CANCEL_ONLY) return RejectReason.INSTRUMENT_CANCEL_ONLY;
  if (state === InstrumentState.POST_ONLY && !isPostOnly) return RejectReason.INSTRUMENT_POST_ONLY;
  return RejectReason.NONE;
}
