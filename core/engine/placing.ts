import type { BookMemory } from '../book/order-book.ts';
import * as orderRecord from '../book/order-record.ts';
import * as commandRecord from '../protocol/command-record.ts';
import * as eventRecord from '../protocol/event-record.ts';
import * as kinds from '../protocol/kinds.ts';
import * as recordWindow from '../protocol/record-window.ts';
import { RecordWindow } from '../protocol/record-window.ts';
import type { Market } from './market.ts';
import type { OrderEvents } from './order-events.ts';
import type { RestingOrders } from './resting-orders.ts';
import { type EndReason, Taking } from './taking.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { ORDER_NUMBERS, ORDER, NIL } = orderRecord;
const { COMMAND, NEW_ORDER } = commandRecord;
const { ORDER_STATE } = eventRecord;
const { CancelReason, EventKind, OrderFlag, OrderType, RejectReason, Side, TimeInForce } = kinds;
type Side = kinds.Side;
const { SLOT_BYTES } = recordWindow;

/**
 * Lets accepted orders act: each takes what it may, and what remains of it rests or goes. Their trades trigger stops,
 * which act in turn, all within the one command: at most as many as wait, since nothing that acts waits again.
 * Orders come as records with the fields of NEW_ORDER whose command id is the order's id.
 */
export class Placing {
  readonly #memory: BookMemory;
  readonly #resting: RestingOrders;
  readonly #events: OrderEvents;
  readonly #taking: Taking;
  readonly #triggered = new RecordWindow(new ArrayBuffer(SLOT_BYTES)); // the stop that acts

  /** Of the order to be placed. A field, since an argument beyond small integers costs an object. */
  lots = 0;

  constructor(memory: BookMemory, resting: RestingOrders, events: OrderEvents) {
    this.#memory = memory;
    this.#resting = resting;
    this.#events = events;
    this.#taking = new Taking(memory, resting, events);
  }

  /** A stop waits for its price, or acts at once when the last trade has reached it. */
  placeStop(market: Market, order: RecordWindow, at: number, quantityLots: number): void {
    const side = order.u8[at + COMMAND.SIDE] as Side;
    if (!isReached(side, order.i32[(at + NEW_ORDER.STOP_PRICE_TICKS) >> 2]!, market.lastTradeTicks)) {
      this.#events.stopPlaced(this.#resting.wait(market, order, at, quantityLots));
      return;
    }
    this.#writeTriggered(order, at, quantityLots);
    this.lots = quantityLots;
    this.place(market, order, at);
  }

  /** Lets an order of `lots` act. */
  place(market: Market, order: RecordWindow, at: number): void {
    const remainingLots = this.lots;
    const side = order.u8[at + COMMAND.SIDE] as Side;
    let restLots = remainingLots;
    let reason: EndReason = 0;
    if (market.book.isCrossedBy(side, order.i32[(at + NEW_ORDER.PRICE_TICKS) >> 2]!)) {
      reason = this.#obstacle(market, order, at);
      if (reason === 0) {
        this.#taking.remainingLots = remainingLots;
        reason = this.#taking.takeLots(market, order, at);
        restLots = this.#taking.remainingLots;
        if (restLots === 0) return;
      }
    }
    this.lots = restLots;
    if (reason === 0) reason = this.#refusalToRest(market, order, at);
    if (reason === 0) {
      this.#resting.lots = restLots;
      this.#events.booked(this.#resting.rest(market, order, at));
      return;
    }
    const event = this.#events.takerState(EventKind.CANCELLED, order, at, reason) >> 3;
    const eventF64 = this.#events.f64;
    eventF64[event + (ORDER_STATE.REMAINING_AFTER >> 3)] = 0;
    eventF64[event + (ORDER_STATE.REMAINING_BEFORE >> 3)] = restLots;
  }

  placeByBudget(market: Market, order: RecordWindow, at: number): void {
    const end = this.#taking.takeForBudget(market, order, at, order.i64[(at + NEW_ORDER.BUDGET_UNITS) >> 3]!);
    const { remainingUnits } = this.#taking;
    if (remainingUnits === 0n) return;
    const reason = end === 0 ? CancelReason.MARKET_REMAINDER : end;
    this.#events.takerBudgetState(EventKind.CANCELLED, order, at, remainingUnits, 0n, reason);
  }

  /**
   * Triggers every stop that trades have reached since the last call, one after the other, the trades of each counting for
   * the next: of those reached the buys first, the nearest price first, at one price the oldest first.
   */
  triggerStops(market: Market): void {
    if (market.highestTradeTicks === 0) return; // nothing was traded
    const { stops } = market;
    if (stops !== null) {
      const { orderF64 } = this.#memory.orders;
      const order = this.#triggered;
      for (let slot = NIL; ; ) {
        slot = stops.firstReached(market.lowestTradeTicks, market.highestTradeTicks);
        if (slot === NIL) break;
        const remainingLots = orderF64[slot * ORDER_NUMBERS + ORDER.RESTING_LOTS]!;
        this.#resting.describe(slot, order);
        this.#resting.remove(market, slot);
        this.#writeTriggered(order, 0, remainingLots);
        this.lots = remainingLots;
        this.place(market, order, 0);
      }
    }
    market.forgetTrades();
  }

  #writeTriggered(order: RecordWindow, at: number, lots: number): void {
    const event = this.#events.takerState(EventKind.TRIGGERED, order, at, 0) >> 3;
    const eventF64 = this.#events.f64;
    eventF64[event + (ORDER_STATE.REMAINING_AFTER >> 3)] = lots;
    eventF64[event + (ORDER_STATE.REMAINING_BEFORE >> 3)] = lots;
  }

  /** @returns why an order that could trade takes nothing, or 0 */
  #obstacle(market: Market, order: RecordWindow, at: number): EndReason {
    if ((order.u8[at + NEW_ORDER.FLAGS]! & OrderFlag.POST_ONLY) !== 0) return CancelReason.POST_ONLY;
    if (order.u8[at + NEW_ORDER.TIME_IN_FORCE] !== TimeInForce.FOK) return 0;
    return this.#taking.obstacleToFillingAll(market, order, at, this.lots);
  }

  /** @returns why what remains of an order can't rest, or 0. Of orders that never were stops, room was asked before. */
  #refusalToRest(market: Market, order: RecordWindow, at: number): EndReason {
    const orderType = order.u8[at + NEW_ORDER.ORDER_TYPE]!;
    const timeInForce = order.u8[at + NEW_ORDER.TIME_IN_FORCE]!;
    if (timeInForce === TimeInForce.FOK) return CancelReason.FILL_OR_KILL; // one that takes anything takes all
    if (orderType === OrderType.MARKET || orderType === OrderType.STOP_MARKET) return CancelReason.MARKET_REMAINDER;
    if (timeInForce === TimeInForce.IOC) return CancelReason.IMMEDIATE_OR_CANCEL;
    if (orderType === OrderType.LIMIT) return 0;
    const side = order.u8[at + COMMAND.SIDE] as Side;
    const limitTicks = order.i32[(at + NEW_ORDER.PRICE_TICKS) >> 2]!;
    const refusal = market.book.refusalToRest(side, limitTicks, this.lots);
    return refusal === RejectReason.NONE ? 0 : CancelReason.BOOK_FULL;
  }
}

/** @param lastTradeTicks 0 before the first trade, when no stop is reached */
function isReached(side: Side, stopTicks: number, lastTradeTicks: number): boolean {
  if (lastTradeTicks === 0) return false;
  return side === Side.BUY ? lastTradeTicks >= stopTicks : lastTradeTicks <= stopTicks;
}
