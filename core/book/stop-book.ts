import { fail } from '../assert.ts';
import * as instrument from '../money/instrument.ts';
import * as kinds from '../protocol/kinds.ts';
import type { LevelPool } from './level-pool.ts';
import * as levelRecord from './level-record.ts';
import type { BookMemory } from './order-book.ts';
import type { OrderPool } from './order-pool.ts';
import * as orderRecord from './order-record.ts';
import { sideOfHead } from './order-record.ts';
import { type PagePool, PriceIndex } from './price-index.ts';
import { verifyOrder } from './verify-order.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { MAX_PRICE_TICKS } = instrument;
const { RejectReason, Side } = kinds;
type RejectReason = kinds.RejectReason;
type Side = kinds.Side;
const { LEVEL, LEVEL_WORDS } = levelRecord;
const { ORDER, ORDER_NUMBERS, ORDER_WORDS, NIL } = orderRecord;

/**
 * One instrument's untriggered stops: buys wait above the market for it to rise, sells below it for it to fall. Each side
 * has its own price index, since before the first trade the two may overlap. Slots, levels and pages are those of the
 * books. The levels of stops know their queues, not their lots: nobody trades with a stop.
 */
export class StopBook {
  readonly #orders: OrderPool;
  readonly #levels: LevelPool;
  readonly #pages: PagePool;
  readonly #buys: PriceIndex;
  readonly #sells: PriceIndex;
  /** Nearest stop price of each side: the lowest of the buys, the highest of the sells; 0 for none. */
  nearestBuyTicks = 0;
  nearestSellTicks = 0;

  constructor(memory: BookMemory) {
    this.#orders = memory.orders;
    this.#levels = memory.levels;
    this.#pages = memory.pages;
    this.#buys = new PriceIndex(memory.pages);
    this.#sells = new PriceIndex(memory.pages);
  }

  /** @returns why a stop could not wait there, or NONE */
  refusalToWait(side: Side, stopTicks: number): RejectReason {
    if (this.#orders.isFull) return RejectReason.BOOK_FULL;
    if (!this.#levels.isFull && this.#pages.free >= 2) return RejectReason.NONE;
    const prices = this.#pricesOf(side);
    if (prices.find(stopTicks) !== NIL) return RejectReason.NONE;
    return this.#levels.isFull || !prices.hasRoomFor(stopTicks) ? RejectReason.LEVELS_FULL : RejectReason.NONE;
  }

  /** @returns the stop to trigger next when trades reached from `lowestTicks` to `highestTicks`: buys first; or NIL */
  firstReached(lowestTicks: number, highestTicks: number): number {
    const buy = this.nearestBuyTicks;
    if (buy !== 0 && buy <= highestTicks) return this.#headAt(this.#buys, buy);
    const sell = this.nearestSellTicks;
    return sell !== 0 && sell >= lowestTicks ? this.#headAt(this.#sells, sell) : NIL;
  }

  /** Puts a slot behind all stops of its side and price. `refusalToWait` was NONE. */
  add(side: Side, stopTicks: number, slot: number): void {
    const { orderI32, nextSlot } = this.#orders;
    const { i32 } = this.#levels;
    const prices = this.#pricesOf(side);
    let level = prices.find(stopTicks);
    if (level === NIL) {
      level = this.#levels.allocate(stopTicks);
      prices.insert(stopTicks, level);
      if (side === Side.BUY) {
        if (this.nearestBuyTicks === 0 || stopTicks < this.nearestBuyTicks) this.nearestBuyTicks = stopTicks;
      } else if (stopTicks > this.nearestSellTicks) {
        this.nearestSellTicks = stopTicks;
      }
    }
    const at = level * LEVEL_WORDS;
    const tail = i32[at + LEVEL.TAIL_SLOT]!;
    orderI32[slot * ORDER_WORDS + ORDER.LEVEL] = level;
    orderI32[slot * ORDER_WORDS + ORDER.PREVIOUS_SLOT] = tail;
    nextSlot[slot] = NIL;
    if (tail === NIL) i32[at + LEVEL.HEAD_SLOT] = slot;
    else nextSlot[tail] = slot;
    i32[at + LEVEL.TAIL_SLOT] = slot;
    i32[at + LEVEL.ORDER_COUNT] = i32[at + LEVEL.ORDER_COUNT]! + 1;
  }

  /** Unlinks a waiting stop and frees its slot. */
  remove(side: Side, slot: number): void {
    const { orderI32, nextSlot } = this.#orders;
    const { i32 } = this.#levels;
    const level = orderI32[slot * ORDER_WORDS + ORDER.LEVEL]!;
    const at = level * LEVEL_WORDS;
    const previous = orderI32[slot * ORDER_WORDS + ORDER.PREVIOUS_SLOT]!;
    const next = nextSlot[slot]!;
    if (previous === NIL) i32[at + LEVEL.HEAD_SLOT] = next;
    else nextSlot[previous] = next;
    if (next === NIL) i32[at + LEVEL.TAIL_SLOT] = previous;
    else orderI32[next * ORDER_WORDS + ORDER.PREVIOUS_SLOT] = previous;
    const orderCount = i32[at + LEVEL.ORDER_COUNT]! - 1;
    i32[at + LEVEL.ORDER_COUNT] = orderCount;
    if (orderCount === 0) this.#removeLevel(side, level);
    this.#orders.free(slot);
  }

  /** Calls back with every waiting stop's slot, nearest price first, oldest first. */
  visit(side: Side, visitor: (slot: number) => void): void {
    let stopTicks = side === Side.BUY ? this.nearestBuyTicks : this.nearestSellTicks;
    while (stopTicks !== 0) {
      for (let slot = this.#headAt(this.#pricesOf(side), stopTicks); slot !== NIL; slot = this.#orders.nextSlot[slot]!)
        visitor(slot);
      stopTicks = this.#pricesBehind(side, stopTicks);
    }
  }

  /**
   * @returns orders, levels and index pages found
   * @throws InvariantError naming the first fact that does not hold
   */
  verifyInvariants(instrumentId: number): { orders: number; levels: number; pages: number } {
    const priceOf = (level: number): number => this.#levels.i32[level * LEVEL_WORDS + LEVEL.PRICE_TICKS]!;
    const buys = this.#buys.verifyInvariants(priceOf);
    const sells = this.#sells.verifyInvariants(priceOf);
    const found = { orders: 0, levels: 0 };
    this.#verifySide(instrumentId, Side.BUY, this.nearestBuyTicks, this.#buys.atOrAbove(1), found);
    this.#verifySide(instrumentId, Side.SELL, this.nearestSellTicks, this.#sells.atOrBelow(MAX_PRICE_TICKS), found);
    const indexed = buys.levels + sells.levels;
    if (indexed !== found.levels)
      fail(`stops of instrument ${instrumentId}: index of ${indexed} levels, ${found.levels} reached`);
    return { ...found, pages: buys.pages + sells.pages };
  }

  #verifySide(
    instrumentId: number,
    side: Side,
    nearestTicks: number,
    firstTicks: number,
    found: { orders: number; levels: number },
  ): void {
    if (nearestTicks !== firstTicks) fail(`stops of side ${side}: nearest ${nearestTicks}, index ${firstTicks}`);
    const { orderF64, orderI32, nextSlot } = this.#orders;
    for (let stopTicks = firstTicks; stopTicks !== 0; stopTicks = this.#pricesBehind(side, stopTicks)) {
      const level = this.#pricesOf(side).find(stopTicks);
      let orderCount = 0;
      let previous = NIL;
      for (let slot = this.#headAt(this.#pricesOf(side), stopTicks); slot !== NIL; slot = nextSlot[slot]!) {
        if (!(orderF64[slot * ORDER_NUMBERS + ORDER.RESTING_LOTS]! > 0)) fail(`stop in slot ${slot}: no lots`);
        if (orderI32[slot * ORDER_WORDS + ORDER.LEVEL] !== level) fail(`stop in slot ${slot}: not of level ${level}`);
        if (orderI32[slot * ORDER_WORDS + ORDER.PREVIOUS_SLOT] !== previous) fail(`stop in slot ${slot}: broken link`);
        if (orderI32[slot * ORDER_WORDS + ORDER.STOP_PRICE_TICKS] !== stopTicks)
          fail(`stop in slot ${slot}: its price is not ${stopTicks}`);
        if (sideOfHead(orderI32[slot * ORDER_WORDS + ORDER.HEAD]!) !== side)
          fail(`stop in slot ${slot}: waits on side ${side}`);
        verifyOrder(this.#orders, slot, instrumentId, true);
        orderCount += 1;
        previous = slot;
        if (orderCount > this.#orders.capacity) fail(`level ${level}: its queue goes round`);
      }
      const { i32 } = this.#levels;
      if (orderCount === 0 || orderCount !== i32[level * LEVEL_WORDS + LEVEL.ORDER_COUNT])
        fail(`level ${level}: levelOrderCount=${i32[level * LEVEL_WORDS + LEVEL.ORDER_COUNT]}, stops ${orderCount}`);
      if (previous !== i32[level * LEVEL_WORDS + LEVEL.TAIL_SLOT]) fail(`level ${level}: tail is not ${previous}`);
      found.orders += orderCount;
      found.levels += 1;
    }
  }

  #removeLevel(side: Side, level: number): void {
    const stopTicks = this.#levels.i32[level * LEVEL_WORDS + LEVEL.PRICE_TICKS]!;
    this.#pricesOf(side).remove(stopTicks);
    this.#levels.free(level);
    if (side === Side.BUY) {
      if (stopTicks === this.nearestBuyTicks) this.nearestBuyTicks = this.#buys.atOrAbove(stopTicks);
    } else if (stopTicks === this.nearestSellTicks) {
      this.nearestSellTicks = this.#sells.atOrBelow(stopTicks);
    }
  }

  #headAt(prices: PriceIndex, stopTicks: number): number {
    return this.#levels.i32[prices.find(stopTicks) * LEVEL_WORDS + LEVEL.HEAD_SLOT]!;
  }

  /** @returns the next stop price of a side, farther from the market; 0 for none */
  #pricesBehind(side: Side, stopTicks: number): number {
    if (side === Side.SELL) return this.#sells.atOrBelow(stopTicks - 1);
    return stopTicks === MAX_PRICE_TICKS ? 0 : this.#buys.atOrAbove(stopTicks + 1);
  }

  #pricesOf(side: Side): PriceIndex {
    return side === Side.BUY ? this.#buys : this.#sells;
  }
}
