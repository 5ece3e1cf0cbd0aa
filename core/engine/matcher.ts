import type { BookMemory } from '../book/order-book.ts';
import * as orderRecord from '../book/order-record.ts';
import { sideOfHead } from '../book/order-record.ts';
import * as commandRecord from '../protocol/command-record.ts';
import * as kinds from '../protocol/kinds.ts';
import * as recordWindow from '../protocol/record-window.ts';
import { RecordWindow } from '../protocol/record-window.ts';
import type { Market } from './market.ts';
import { refusalOfAmend, refusalOfOrder } from './order-checks.ts';
import type { CommandContext, OrderEvents } from './order-events.ts';
import { Placing } from './placing.ts';
import type { RestingOrders } from './resting-orders.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { ORDER, ORDER_NUMBERS, ORDER_WORDS, TERMS, TERMS_NUMBERS } = orderRecord;
const { AMEND_ORDER, CANCEL_ORDER, COMMAND, NEW_ORDER } = commandRecord;
const { CancelReason, OrderFlag, OrderType, RejectReason, TimeInForce } = kinds;
const { SLOT_BYTES } = recordWindow;

/** Applies the commands of one order: checks, lets it act, cancels, amends. */
export class Matcher {
  readonly #memory: BookMemory;
  readonly #resting: RestingOrders;
  readonly #events: OrderEvents;
  readonly #context: CommandContext;
  readonly #placing: Placing;
  readonly #amended = new RecordWindow(new ArrayBuffer(SLOT_BYTES)); // the order that lost its place and acts anew

  constructor(memory: BookMemory, resting: RestingOrders, events: OrderEvents, context: CommandContext) {
    this.#memory = memory;
    this.#resting = resting;
    this.#events = events;
    this.#context = context;
    this.#placing = new Placing(memory, resting, events);
  }

  /** @param market undefined for an instrument that is not defined */
  newOrder(market: Market | undefined, command: RecordWindow, at: number, continuationAt: number): void {
    const refusal = refusalOfOrder(this.#memory, market, command, at, this.#context);
    if (refusal !== RejectReason.NONE || market === undefined) {
      this.#events.rejected(command, at, refusal);
      return;
    }
    const typeWord = command.i32[(at >> 2) + (NEW_ORDER.ORDER_TYPE >> 2)]!;
    this.#events.accepted(command, at, continuationAt);
    if (isOfLaterRules(typeWord)) this.#context.usesLaterRules = true;
    market.fixPriceBand();
    const quantityLots = command.f64[(at + NEW_ORDER.QUANTITY_LOTS) >> 3]!;
    if ((command.u8[at + NEW_ORDER.FLAGS]! & OrderFlag.BY_BUDGET) !== 0)
      this.#placing.placeByBudget(market, command, at);
    else if (command.u8[at + NEW_ORDER.ORDER_TYPE]! >= OrderType.STOP_LIMIT)
      this.#placing.placeStop(market, command, at, quantityLots);
    else {
      this.#placing.lots = quantityLots;
      this.#placing.place(market, command, at);
    }
    this.#placing.triggerStops(market);
  }

  cancelOrder(market: Market | undefined, command: RecordWindow, at: number): void {
    if (market === undefined || !this.#isOwnLive(market, command, at)) {
      this.#events.cancelRejected(command, at, RejectReason.UNKNOWN_ORDER);
      return;
    }
    const slot = command.i32[(at + CANCEL_ORDER.SLOT) >> 2]!;
    this.#events.restingCancelled(slot, CancelReason.REQUESTED);
    this.#resting.remove(market, slot);
  }

  /**
   * Gives a live order another total quantity, another limit or both. One that gets no larger and keeps its limit keeps its
   * place; so does an untriggered stop, whatever changes, since its place is by its stop price. Any other leaves the
   * book and acts anew.
   */
  amendOrder(market: Market | undefined, command: RecordWindow, at: number): void {
    if (market === undefined || !this.#isOwnLive(market, command, at)) {
      this.#events.amendRejected(command, at, RejectReason.UNKNOWN_ORDER);
      return;
    }
    const { orderF64, orderI32, terms } = this.#memory.orders;
    const slot = command.i32[(at + AMEND_ORDER.SLOT) >> 2]!;
    const limitTicks = command.i32[(at + AMEND_ORDER.PRICE_TICKS) >> 2]!;
    const totalLots = command.f64[(at + AMEND_ORDER.QUANTITY_LOTS) >> 3]!;
    const limitTicksBefore = orderI32[slot * ORDER_WORDS + ORDER.LIMIT_TICKS]!;
    const totalLotsBefore = terms[slot * TERMS_NUMBERS + TERMS.TOTAL_LOTS]!;
    const remainingLotsBefore = orderF64[slot * ORDER_NUMBERS + ORDER.RESTING_LOTS]!;
    const isSmaller = limitTicks === limitTicksBefore && totalLots <= totalLotsBefore;
    const isUntriggered = this.#resting.isUntriggered(slot);
    const refusal = refusalOfAmend(this.#memory.orders, market, command, at, isSmaller, isUntriggered);
    if (refusal !== RejectReason.NONE) {
      this.#events.amendRejected(command, at, refusal);
      return;
    }
    const remainingLots = remainingLotsBefore + (totalLots - totalLotsBefore);
    if (isSmaller || isUntriggered) {
      this.#events.amendedInPlace(command, at, slot, remainingLots);
      terms[slot * TERMS_NUMBERS + TERMS.TOTAL_LOTS] = totalLots;
      orderI32[slot * ORDER_WORDS + ORDER.LIMIT_TICKS] = limitTicks;
      if (isUntriggered) orderF64[slot * ORDER_NUMBERS + ORDER.RESTING_LOTS] = remainingLots;
      else if (remainingLots < remainingLotsBefore)
        market.book.reduce(
          sideOfHead(orderI32[slot * ORDER_WORDS + ORDER.HEAD]!),
          slot,
          remainingLotsBefore - remainingLots,
        );
      return;
    }
    const order = this.#amended;
    this.#resting.describe(slot, order);
    order.i32[NEW_ORDER.PRICE_TICKS >> 2] = limitTicks;
    order.f64[NEW_ORDER.QUANTITY_LOTS >> 3] = totalLots;
    this.#resting.remove(market, slot);
    this.#events.amendedAnew(command, at, order, remainingLotsBefore, remainingLots, limitTicksBefore);
    market.fixPriceBand();
    this.#placing.lots = remainingLots;
    this.#placing.place(market, order, 0);
    this.#placing.triggerStops(market);
  }

  /** Whether slot, generation, order id, account and instrument of a command all name one live order. */
  #isOwnLive(market: Market, command: RecordWindow, at: number): boolean {
    const { orders } = this.#memory;
    const { orderF64, orderI32 } = orders;
    const { i32 } = command;
    const word = at >> 2;
    const slot = i32[word + (CANCEL_ORDER.SLOT >> 2)]!;
    if (slot < 0 || slot >= orders.neverUsedSlot) return false; // any number that a stranger may send
    const row = slot * ORDER_WORDS;
    return (
      orderF64[slot * ORDER_NUMBERS + ORDER.RESTING_LOTS]! > 0 &&
      orderF64[slot * ORDER_NUMBERS + ORDER.ORDER_ID] === command.f64[(at >> 3) + (CANCEL_ORDER.ORDER_ID >> 3)] &&
      orderI32[row + ORDER.GENERATION] === i32[word + (CANCEL_ORDER.GENERATION >> 2)] &&
      orderI32[row + ORDER.ACCOUNT_ID] === i32[word + (COMMAND.ACCOUNT_ID >> 2)] &&
      orderI32[row + ORDER.HEAD]! >>> 16 === market.instrumentId
    );
  }
}

/** @param typeWord bytes 44 … 47 of the order fields @returns whether the first program would have refused the order */
function isOfLaterRules(typeWord: number): boolean {
  return (typeWord & 0x00ff00ff) !== 0 || ((typeWord >>> 8) & 0xff) > TimeInForce.FOK;
}
