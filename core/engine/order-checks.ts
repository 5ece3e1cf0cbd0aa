import type { BookMemory } from '../book/order-book.ts';
import type { OrderPool } from '../book/order-pool.ts';
import * as orderRecord from '../book/order-record.ts';
import { sideOfHead } from '../book/order-record.ts';
import * as instrument from '../money/instrument.ts';
import * as commandRecord from '../protocol/command-record.ts';
import * as kinds from '../protocol/kinds.ts';
import type { RecordWindow } from '../protocol/record-window.ts';
import type { Market } from './market.ts';
import type { CommandContext } from './order-events.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { ORDER, ORDER_NUMBERS, ORDER_WORDS, TERMS, TERMS_NUMBERS } = orderRecord;
const { MAX_PRICE_TICKS, MAX_QUANTITY_LOTS } = instrument;
const { AMEND_ORDER, COMMAND, NEW_ORDER } = commandRecord;
const { InstrumentState, OrderFlag, OrderType, RejectReason, SelfTradePrevention, Side, TimeInForce } = kinds;
type InstrumentState = kinds.InstrumentState;
type RejectReason = kinds.RejectReason;
type Side = kinds.Side;

/**
 * @param context for the time
 * @returns why a new order is refused, or NONE: the first check that fails, in the order in which they stand here
 */
export function refusalOfOrder(
  memory: BookMemory,
  market: Market | undefined,
  command: RecordWindow,
  at: number,
  context: CommandContext,
): RejectReason {
  if (market === undefined) return RejectReason.UNKNOWN_INSTRUMENT;
  if (!isWellFormed(market, command, at)) return RejectReason.MALFORMED;
  const flags = command.u8[at + NEW_ORDER.FLAGS]!;
  if (market.state !== InstrumentState.TRADING) {
    const refusal = refusalByState(market.state, (flags & OrderFlag.POST_ONLY) !== 0);
    if (refusal !== RejectReason.NONE) return refusal;
  }
  const priceTicks = command.i32[(at + NEW_ORDER.PRICE_TICKS) >> 2]!;
  if (!isPrice(priceTicks)) return RejectReason.PRICE_OUT_OF_RANGE;
  if ((flags & OrderFlag.BY_BUDGET) !== 0)
    return command.i64[(at + NEW_ORDER.BUDGET_UNITS) >> 3]! > 0n
      ? RejectReason.NONE
      : RejectReason.QUANTITY_OUT_OF_RANGE;
  const lots = command.f64[(at + NEW_ORDER.QUANTITY_LOTS) >> 3]!;
  if (!isQuantity(market, command.f64, (at + NEW_ORDER.QUANTITY_LOTS) >> 3)) return RejectReason.QUANTITY_OUT_OF_RANGE;
  const timeInForce = command.u8[at + NEW_ORDER.TIME_IN_FORCE]!;
  if (timeInForce === TimeInForce.GTD) {
    const expiresAtMs = command.f64[(at + NEW_ORDER.EXPIRES_AT_MS) >> 3]!;
    if (!(Number.isSafeInteger(expiresAtMs) && expiresAtMs > context.timestampMs))
      return RejectReason.EXPIRY_OUT_OF_RANGE;
  }
  // Room is asked for before anything happens, even if it would not be needed: what is accepted can always rest or wait.
  const side = command.u8[at + COMMAND.SIDE] as Side;
  if (command.u8[at + NEW_ORDER.ORDER_TYPE]! >= OrderType.STOP_LIMIT) {
    const stopTicks = command.i32[(at + NEW_ORDER.STOP_PRICE_TICKS) >> 2]!;
    if (!isPrice(stopTicks)) return RejectReason.STOP_PRICE_OUT_OF_RANGE;
    return market.stopBook(memory).refusalToWait(side, stopTicks);
  }
  if (!mayRest(timeInForce)) return RejectReason.NONE;
  const { book } = market;
  const refusal = book.refusalOfPlace(side, priceTicks);
  if (refusal !== RejectReason.NONE) return refusal;
  const sideLots = side === Side.BUY ? book.bidLots : book.askLots;
  return sideLots > MAX_QUANTITY_LOTS - lots ? RejectReason.LEVEL_FULL : RejectReason.NONE;
}

/**
 * @param command names a live order
 * @param isSmaller whether it only gets smaller, or stays as it is
 * @returns why it is not amended, or NONE
 */
export function refusalOfAmend(
  orders: OrderPool,
  market: Market,
  command: RecordWindow,
  at: number,
  isSmaller: boolean,
  isUntriggered: boolean,
): RejectReason {
  const slot = command.i32[(at + AMEND_ORDER.SLOT) >> 2]!;
  const typeWord = orders.orderU32[slot * ORDER_WORDS + ORDER.TYPE_WORD]!;
  if (market.state === InstrumentState.HALTED || (market.state !== InstrumentState.TRADING && !isSmaller)) {
    const refusal = refusalByState(market.state, ((typeWord >>> 24) & OrderFlag.POST_ONLY) !== 0);
    if (refusal !== RejectReason.NONE) return refusal;
  }
  const side = sideOfHead(orders.orderI32[slot * ORDER_WORDS + ORDER.HEAD]!);
  if (command.u8[at + COMMAND.SIDE] !== side) return RejectReason.MALFORMED;
  const limitTicks = command.i32[(at + AMEND_ORDER.PRICE_TICKS) >> 2]!;
  if (!isPrice(limitTicks)) return RejectReason.PRICE_OUT_OF_RANGE;
  const totalLots = command.f64[(at + AMEND_ORDER.QUANTITY_LOTS) >> 3]!;
  if (!isQuantity(market, command.f64, (at + AMEND_ORDER.QUANTITY_LOTS) >> 3))
    return RejectReason.QUANTITY_OUT_OF_RANGE;
  const remainingLots = orders.orderF64[slot * ORDER_NUMBERS + ORDER.RESTING_LOTS]!;
  const goneLots = orders.terms[slot * TERMS_NUMBERS + TERMS.TOTAL_LOTS]! - remainingLots;
  if (totalLots <= goneLots) return RejectReason.QUANTITY_BELOW_FILLED;
  if (isSmaller || isUntriggered) return RejectReason.NONE;
  const { book } = market;
  const refusal = book.refusalOfMove(side, limitTicks);
  if (refusal !== RejectReason.NONE) return refusal;
  const otherLots = (side === Side.BUY ? book.bidLots : book.askLots) - remainingLots;
  return otherLots > MAX_QUANTITY_LOTS - (totalLots - goneLots) ? RejectReason.LEVEL_FULL : RejectReason.NONE;
}

/**
 * Bits of the word at the order type that a plain limit order may have: time in force, all four of its numbers. Most
 * orders are such, and are well formed by this alone.
 */
const PLAIN_LIMIT_BITS = 0x0300;

/** Whether every field is of its set, and all of them together make an order that there is. */
function isWellFormed(market: Market, command: RecordWindow, at: number): boolean {
  const side = command.u8[at + COMMAND.SIDE]!;
  const orderType = command.u8[at + NEW_ORDER.ORDER_TYPE]!;
  const timeInForce = command.u8[at + NEW_ORDER.TIME_IN_FORCE]!;
  const flags = command.u8[at + NEW_ORDER.FLAGS]!;
  if ((command.u32[(at + NEW_ORDER.ORDER_TYPE) >> 2]! & ~PLAIN_LIMIT_BITS) === 0) return side <= Side.SELL;
  if (
    side > Side.SELL ||
    orderType > OrderType.STOP_MARKET ||
    timeInForce > TimeInForce.GTD ||
    command.u8[at + NEW_ORDER.SELF_TRADE_PREVENTION]! > SelfTradePrevention.DECREMENT
  )
    return false;
  switch (orderType) {
    case OrderType.LIMIT:
      return flags === 0 || (flags === OrderFlag.POST_ONLY && mayRest(timeInForce));
    case OrderType.STOP_LIMIT:
      return flags === 0;
    case OrderType.STOP_MARKET:
      return flags === 0 && !mayRest(timeInForce);
    default:
      if (flags !== OrderFlag.BY_BUDGET) return flags === 0 && !mayRest(timeInForce);
      return (
        side === Side.BUY &&
        timeInForce === TimeInForce.IOC &&
        command.f64[(at + NEW_ORDER.QUANTITY_LOTS) >> 3] === 0 &&
        market.quoteUnitsPerTickLot > 0n
      );
  }
}

function mayRest(timeInForce: number): boolean {
  return timeInForce === TimeInForce.GTC || timeInForce === TimeInForce.GTD;
}

function isPrice(priceTicks: number): boolean {
  return priceTicks >= 1 && priceTicks <= MAX_PRICE_TICKS;
}

/** Written so that a NaN fails it too. @param numbers the lots stand there: as an argument they could cost an object */
function isQuantity({ minQuantityLots, maxQuantityLots }: Market, numbers: Float64Array, index: number): boolean {
  const lots = numbers[index]!;
  return lots >= minQuantityLots && lots <= maxQuantityLots && Math.floor(lots) === lots;
}

function refusalByState(state: InstrumentState, isPostOnly: boolean): RejectReason {
  switch (state) {
    case InstrumentState.TRADING:
      return RejectReason.NONE;
    case InstrumentState.HALTED:
      return RejectReason.INSTRUMENT_HALTED;
    case InstrumentState.CANCEL_ONLY:
      return RejectReason.INSTRUMENT_CANCEL_ONLY;
    case InstrumentState.POST_ONLY:
      return isPostOnly ? RejectReason.NONE : RejectReason.INSTRUMENT_POST_ONLY;
  }
}
