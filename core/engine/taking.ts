import * as levelRecord from '../book/level-record.ts';
import type { BookMemory } from '../book/order-book.ts';
import * as orderRecord from '../book/order-record.ts';
import * as commandRecord from '../protocol/command-record.ts';
import * as eventRecord from '../protocol/event-record.ts';
import * as kinds from '../protocol/kinds.ts';
import type { RecordWindow } from '../protocol/record-window.ts';
import type { Market } from './market.ts';
import type { OrderEvents } from './order-events.ts';
import type { RestingOrders } from './resting-orders.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { LEVEL, LEVEL_WORDS } = levelRecord;
const { ORDER, ORDER_NUMBERS, ORDER_WORDS, NIL } = orderRecord;
const { COMMAND, NEW_ORDER } = commandRecord;
const { FILLED, ORDER_STATE } = eventRecord;
const { CancelReason, EventKind, SelfTradePrevention, Side } = kinds;
type CancelReason = kinds.CancelReason;
type Side = kinds.Side;

/** Why what remains of a taker has to go, or 0. */
export type EndReason = CancelReason | 0;

/**
 * One taker on its way through the opposite side of a book: best price first, oldest first, at the makers' prices. A
 * taker is a record with the fields of NEW_ORDER whose command id is the order's id. What remains of it stands here
 * afterwards.
 */
export class Taking {
  readonly #memory: BookMemory;
  readonly #resting: RestingOrders;
  readonly #events: OrderEvents;
  remainingLots = 0;
  remainingUnits = 0n; // by budget

  constructor(memory: BookMemory, resting: RestingOrders, events: OrderEvents) {
    this.#memory = memory;
    this.#resting = resting;
    this.#events = events;
  }

  /**
   * Trades `remainingLots` as far as limit and price band allow.
   * @returns why what remains has to go, or 0 when nothing remains or nobody is left to trade with
   */
  takeLots(market: Market, taker: RecordWindow, at: number): EndReason {
    const { book } = market;
    const { orders, levels } = this.#memory;
    const { orderF64, orderU32 } = orders;
    const eventF64 = this.#events.f64;
    const side = taker.u8[at + COMMAND.SIDE] as Side;
    const makerSide = side === Side.BUY ? Side.SELL : Side.BUY;
    const accountId = taker.u32[(at + COMMAND.ACCOUNT_ID) >> 2]!;
    const limitTicks = taker.i32[(at + NEW_ORDER.PRICE_TICKS) >> 2]!;
    const boundTicks = market.withinBand(side, limitTicks);
    let { remainingLots } = this;
    let level = book.crossedLevel(side, boundTicks);
    while (level !== NIL) {
      const priceTicks = levels.i32[level * LEVEL_WORDS + LEVEL.PRICE_TICKS]!;
      let makerSlot = levels.i32[level * LEVEL_WORDS + LEVEL.HEAD_SLOT]!;
      let makerLots = orderF64[makerSlot * ORDER_NUMBERS + ORDER.RESTING_LOTS]!;
      while (makerSlot !== NIL) {
        const restingLots = makerLots;
        const nextSlot = orders.nextSlot[makerSlot]!;
        // Read one order ahead: in a deep book its row comes from memory while this fill is written.
        makerLots = nextSlot === NIL ? 0 : orderF64[nextSlot * ORDER_NUMBERS + ORDER.RESTING_LOTS]!;
        if (orderU32[makerSlot * ORDER_WORDS + ORDER.ACCOUNT_ID] === accountId) {
          this.remainingLots = remainingLots;
          const end = this.#meetOwn(market, taker, at, makerSide, makerSlot);
          if (end !== 0) return end;
          remainingLots = this.remainingLots;
        } else if (restingLots > remainingLots) {
          market.traded(priceTicks);
          const event = this.#events.filled(taker, at, makerSlot, priceTicks) >> 3;
          eventF64[event + (FILLED.QUANTITY_LOTS >> 3)] = remainingLots;
          eventF64[event + (FILLED.MAKER_REMAINING_LOTS >> 3)] = restingLots - remainingLots;
          eventF64[event + (FILLED.TAKER_REMAINING >> 3)] = 0;
          book.reduceFrom(makerSide, makerSlot, eventF64, event + (FILLED.QUANTITY_LOTS >> 3));
          this.remainingLots = 0;
          return 0;
        } else {
          remainingLots -= restingLots;
          market.traded(priceTicks);
          const event = this.#events.filled(taker, at, makerSlot, priceTicks) >> 3;
          eventF64[event + (FILLED.QUANTITY_LOTS >> 3)] = restingLots;
          eventF64[event + (FILLED.MAKER_REMAINING_LOTS >> 3)] = 0;
          eventF64[event + (FILLED.TAKER_REMAINING >> 3)] = remainingLots;
          this.#resting.remove(market, makerSlot);
          if (remainingLots === 0) {
            this.remainingLots = 0;
            return 0;
          }
        }
        makerSlot = nextSlot;
      }
      level = book.crossedLevel(side, boundTicks);
    }
    this.remainingLots = remainingLots;
    return book.crossedLevel(side, limitTicks) === NIL ? 0 : CancelReason.PRICE_BAND;
  }

  /** The same for a buy by budget: each fill takes as many whole lots as the budget still pays at that price. */
  takeForBudget(market: Market, taker: RecordWindow, at: number, budgetUnits: bigint): EndReason {
    const { book } = market;
    const { orders, levels } = this.#memory;
    const { orderF64, orderU32 } = orders;
    const accountId = taker.u32[(at + COMMAND.ACCOUNT_ID) >> 2]!;
    const limitTicks = taker.i32[(at + NEW_ORDER.PRICE_TICKS) >> 2]!;
    const boundTicks = market.withinBand(Side.BUY, limitTicks);
    this.remainingUnits = budgetUnits;
    let level = book.crossedLevel(Side.BUY, boundTicks);
    while (level !== NIL) {
      const priceTicks = levels.i32[level * LEVEL_WORDS + LEVEL.PRICE_TICKS]!;
      const unitsPerLot = BigInt(priceTicks) * market.quoteUnitsPerTickLot;
      let makerSlot = levels.i32[level * LEVEL_WORDS + LEVEL.HEAD_SLOT]!;
      while (makerSlot !== NIL) {
        const affordableLots = this.remainingUnits / unitsPerLot;
        if (affordableLots === 0n) return CancelReason.BUDGET_REMAINDER;
        const nextSlot = orders.nextSlot[makerSlot]!;
        const restingLots = orderF64[makerSlot * ORDER_NUMBERS + ORDER.RESTING_LOTS]!;
        const lots = affordableLots < BigInt(restingLots) ? Number(affordableLots) : restingLots;
        const units = BigInt(lots) * unitsPerLot;
        if (orderU32[makerSlot * ORDER_WORDS + ORDER.ACCOUNT_ID] === accountId) {
          const end = this.#meetOwnByBudget(market, taker, at, makerSlot, lots, units);
          if (end !== 0) return end;
        } else {
          this.remainingUnits -= units;
          market.traded(priceTicks);
          const makerLots = restingLots - lots;
          this.#events.filledByBudget(taker, at, makerSlot, priceTicks, lots, makerLots, this.remainingUnits);
          if (makerLots > 0) book.reduce(Side.SELL, makerSlot, lots);
          else this.#resting.remove(market, makerSlot);
        }
        if (this.remainingUnits === 0n) return 0;
        makerSlot = nextSlot;
      }
      level = book.crossedLevel(Side.BUY, boundTicks);
    }
    return book.crossedLevel(Side.BUY, limitTicks) === NIL ? 0 : CancelReason.PRICE_BAND;
  }

  /** @returns 0 when the whole quantity would trade at once, else why it would not. Changes nothing. */
  obstacleToFillingAll(market: Market, taker: RecordWindow, at: number, quantityLots: number): EndReason {
    const { book } = market;
    const { orders, levels } = this.#memory;
    const side = taker.u8[at + COMMAND.SIDE] as Side;
    const makerSide = side === Side.BUY ? Side.SELL : Side.BUY;
    const accountId = taker.u32[(at + COMMAND.ACCOUNT_ID) >> 2]!;
    const limitTicks = taker.i32[(at + NEW_ORDER.PRICE_TICKS) >> 2]!;
    const boundTicks = market.withinBand(side, limitTicks);
    const passesOwn = taker.u8[at + NEW_ORDER.SELF_TRADE_PREVENTION] === SelfTradePrevention.CANCEL_OLDEST;
    let missingLots = quantityLots;
    for (let level = book.crossedLevel(side, limitTicks); level !== NIL; ) {
      const priceTicks = levels.i32[level * LEVEL_WORDS + LEVEL.PRICE_TICKS]!;
      if (side === Side.BUY ? priceTicks > boundTicks : priceTicks < boundTicks)
        return (side === Side.BUY ? priceTicks > limitTicks : priceTicks < limitTicks)
          ? CancelReason.FILL_OR_KILL
          : CancelReason.PRICE_BAND;
      let slot = levels.i32[level * LEVEL_WORDS + LEVEL.HEAD_SLOT]!;
      for (; slot !== NIL; slot = orders.nextSlot[slot]!) {
        if (orders.orderU32[slot * ORDER_WORDS + ORDER.ACCOUNT_ID] === accountId) {
          if (passesOwn) continue;
          return CancelReason.SELF_TRADE;
        }
        missingLots -= orders.orderF64[slot * ORDER_NUMBERS + ORDER.RESTING_LOTS]!;
        if (missingLots <= 0) return 0;
      }
      level = book.levelBehind(makerSide, priceTicks);
    }
    return CancelReason.FILL_OR_KILL;
  }

  /** The next order to trade with is the same account's. @returns why what remains has to go, or 0 to go on */
  #meetOwn(market: Market, taker: RecordWindow, at: number, makerSide: Side, makerSlot: number): EndReason {
    const mode = taker.u8[at + NEW_ORDER.SELF_TRADE_PREVENTION]!;
    if (mode === SelfTradePrevention.CANCEL_NEWEST) return CancelReason.SELF_TRADE;
    if (mode !== SelfTradePrevention.DECREMENT) {
      this.#cancelOwn(market, makerSlot);
      return mode === SelfTradePrevention.CANCEL_BOTH ? CancelReason.SELF_TRADE : 0;
    }
    const before = this.remainingLots;
    const lots = this.#decrementOwn(market, makerSide, makerSlot, before);
    if (lots === before) return CancelReason.SELF_TRADE;
    const event = this.#events.takerState(EventKind.REDUCED, taker, at, CancelReason.SELF_TRADE) >> 3;
    this.#events.f64[event + (ORDER_STATE.REMAINING_AFTER >> 3)] = before - lots;
    this.#events.f64[event + (ORDER_STATE.REMAINING_BEFORE >> 3)] = before;
    this.remainingLots -= lots;
    return 0;
  }

  /** @param lots that the budget would take of the maker, at `units` */
  #meetOwnByBudget(
    market: Market,
    taker: RecordWindow,
    at: number,
    makerSlot: number,
    lots: number,
    units: bigint,
  ): EndReason {
    const mode = taker.u8[at + NEW_ORDER.SELF_TRADE_PREVENTION]!;
    if (mode === SelfTradePrevention.CANCEL_NEWEST) return CancelReason.SELF_TRADE;
    if (mode !== SelfTradePrevention.DECREMENT) {
      this.#cancelOwn(market, makerSlot);
      return mode === SelfTradePrevention.CANCEL_BOTH ? CancelReason.SELF_TRADE : 0;
    }
    this.#decrementOwn(market, Side.SELL, makerSlot, lots);
    const before = this.remainingUnits;
    if (units === before) return CancelReason.SELF_TRADE;
    this.remainingUnits = before - units;
    const { remainingUnits } = this;
    this.#events.takerBudgetState(EventKind.REDUCED, taker, at, before, remainingUnits, CancelReason.SELF_TRADE);
    return 0;
  }

  /** @returns lots that the resting order lost: those given, or all that it had */
  #decrementOwn(market: Market, makerSide: Side, makerSlot: number, lots: number): number {
    const { orderF64 } = this.#memory.orders;
    const restingLots = orderF64[makerSlot * ORDER_NUMBERS + ORDER.RESTING_LOTS]!;
    if (restingLots <= lots) {
      this.#cancelOwn(market, makerSlot);
      return restingLots;
    }
    this.#events.restingReduced(makerSlot, restingLots - lots, CancelReason.SELF_TRADE);
    market.book.reduce(makerSide, makerSlot, lots);
    return lots;
  }

  #cancelOwn(market: Market, makerSlot: number): void {
    this.#events.restingCancelled(makerSlot, CancelReason.SELF_TRADE);
    this.#resting.remove(market, makerSlot);
  }
}
