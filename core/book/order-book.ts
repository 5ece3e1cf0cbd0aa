import { fail } from '../assert.ts';
import * as instrument from '../money/instrument.ts';
import * as kinds from '../protocol/kinds.ts';
import { LevelPool } from './level-pool.ts';
import * as levelRecord from './level-record.ts';
import { OrderPool } from './order-pool.ts';
import * as orderRecord from './order-record.ts';
import { sideOfHead } from './order-record.ts';
import { PagePool, PriceIndex } from './price-index.ts';
import { createQueues, type Queues } from './queues.ts';
import { verifyOrder } from './verify-order.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { MAX_PRICE_TICKS, MAX_QUANTITY_LOTS } = instrument;
const { RejectReason, Side } = kinds;
type RejectReason = kinds.RejectReason;
type Side = kinds.Side;
const { LEVEL, LEVEL_WORDS } = levelRecord;
const { ORDER, ORDER_NUMBERS, ORDER_WORDS, NIL } = orderRecord;

/** Memory that all books of one engine share: a thousand separate pools would cost several times one. */
export class BookMemory {
  readonly orders: OrderPool;
  readonly levels: LevelPool;
  readonly pages: PagePool;
  readonly queues: Queues;

  /**
   * @param maxOrders resting orders of all books together
   * @param maxLevels price levels in use, of all books together
   */
  constructor(maxOrders: number, maxLevels: number) {
    this.orders = new OrderPool(maxOrders);
    this.levels = new LevelPool(maxLevels);
    // Levels far apart need two pages each; real books share one among hundreds. Running out is a typed reject too.
    this.pages = new PagePool(Math.min(2 * maxLevels, 2_048 + Math.ceil(maxLevels / 8)));
    this.queues = createQueues(this.orders, this.levels, this.pages);
  }
}

/** One instrument's resting orders in price-time order. It links and unlinks; what trades with what is the matcher's. */
export class OrderBook {
  readonly #orders: OrderPool;
  readonly #levels: LevelPool;
  readonly #pages: PagePool;
  /** Of its levels. Changed by the queues only. */
  readonly prices: PriceIndex;
  readonly #queues: Queues;
  readonly #lots = new Float64Array(1);
  /** Best price of each side, 0 for an empty side. Invariant: bid < ask when both are there. */
  bestBidTicks = 0;
  bestAskTicks = 0;
  /** Sum of the resting lots of each side, at most 2^53 - 1: then every sum over its levels is exact too. */
  bidLots = 0;
  askLots = 0;

  constructor(memory: BookMemory) {
    this.#orders = memory.orders;
    this.#levels = memory.levels;
    this.#pages = memory.pages;
    this.#queues = memory.queues;
    this.prices = new PriceIndex(memory.pages);
  }

  /** @returns why an order of that many lots could not rest there, or NONE. Asked before an order is accepted. */
  refusalToRest(side: Side, priceTicks: number, lots: number): RejectReason {
    const refusal = this.refusalOfPlace(side, priceTicks);
    if (refusal !== RejectReason.NONE) return refusal;
    const sideLots = side === Side.BUY ? this.bidLots : this.askLots;
    return sideLots > MAX_QUANTITY_LOTS - lots ? RejectReason.LEVEL_FULL : RejectReason.NONE;
  }

  /** The same but for the sum of the side's lots. */
  refusalOfPlace(side: Side, priceTicks: number): RejectReason {
    if (this.#orders.isFull) return RejectReason.BOOK_FULL;
    if (this.#levels.isFull || this.#pages.free < 2) {
      const isOwnLevel = this.prices.find(priceTicks) !== NIL && this.#isOnSide(side, priceTicks);
      if (!isOwnLevel && (this.#levels.isFull || !this.prices.hasRoomFor(priceTicks))) return RejectReason.LEVELS_FULL;
    }
    return RejectReason.NONE;
  }

  /**
   * @param restingLots what the order that wants to move has in the book, on the same side
   * @returns why it could not rest at that price with that many lots instead, or NONE
   */
  refusalToMove(side: Side, priceTicks: number, restingLots: number, lots: number): RejectReason {
    const refusal = this.refusalOfMove(side, priceTicks);
    if (refusal !== RejectReason.NONE) return refusal;
    const otherLots = (side === Side.BUY ? this.bidLots : this.askLots) - restingLots;
    return otherLots > MAX_QUANTITY_LOTS - lots ? RejectReason.LEVEL_FULL : RejectReason.NONE;
  }

  /** The same but for the sum of the side's lots. */
  refusalOfMove(side: Side, priceTicks: number): RejectReason {
    const isOwnLevel = this.prices.find(priceTicks) !== NIL && this.#isOnSide(side, priceTicks);
    if (!isOwnLevel && (this.#levels.isFull || !this.prices.hasRoomFor(priceTicks))) return RejectReason.LEVELS_FULL;
    return RejectReason.NONE;
  }

  /** Whether a limit reaches the best opposite price. */
  isCrossedBy(takerSide: Side, limitTicks: number): boolean {
    return takerSide === Side.BUY
      ? this.bestAskTicks !== 0 && this.bestAskTicks <= limitTicks
      : this.bestBidTicks >= limitTicks;
  }

  /** @returns the best opposite level that a limit reaches, or NIL. */
  crossedLevel(takerSide: Side, limitTicks: number): number {
    if (takerSide === Side.BUY) {
      const ask = this.bestAskTicks;
      return ask !== 0 && ask <= limitTicks ? this.prices.find(ask) : NIL;
    }
    const bid = this.bestBidTicks;
    return bid !== 0 && bid >= limitTicks ? this.prices.find(bid) : NIL;
  }

  /** @returns the level behind the one at `priceTicks` on its own side, or NIL: for walking a side. */
  levelBehind(side: Side, priceTicks: number): number {
    const next = side === Side.BUY ? this.prices.atOrBelow(priceTicks - 1) : this.prices.atOrAbove(priceTicks + 1);
    return next === 0 ? NIL : this.prices.find(next);
  }

  /** @returns the best level of a side, or NIL. */
  bestLevel(side: Side): number {
    const best = side === Side.BUY ? this.bestBidTicks : this.bestAskTicks;
    return best === 0 ? NIL : this.prices.find(best);
  }

  /** Puts a slot, its lots filled in, behind all orders at its price. `refusalToRest` was NONE. */
  rest(side: Side, priceTicks: number, slot: number): void {
    const queues = this.#queues;
    let level = queues.find(this, priceTicks);
    if (level === NIL) level = queues.open(this, side, priceTicks);
    queues.link(this, side, level, slot);
  }

  /** Takes lots off a resting order that keeps its place. `lots` is less than what rests. */
  reduce(side: Side, slot: number, lots: number): void {
    this.#lots[0] = lots;
    this.reduceFrom(side, slot, this.#lots, 0);
  }

  /** The same by a number that stands in an array: as an argument it would cost an object beyond small integers. */
  reduceFrom(side: Side, slot: number, numbers: Float64Array, index: number): void {
    const { orderF64, orderI32 } = this.#orders;
    const levelF64 = this.#levels.f64;
    const lots = numbers[index]!;
    const restingLots = orderF64[slot * ORDER_NUMBERS + ORDER.RESTING_LOTS]! - lots;
    if (restingLots <= 0) fail(`restingLots=${restingLots} slot=${slot} after a reduction by ${lots}`);
    orderF64[slot * ORDER_NUMBERS + ORDER.RESTING_LOTS] = restingLots;
    const lotsAt = orderI32[slot * ORDER_WORDS + ORDER.LEVEL]! * 4 + LEVEL.LOTS;
    levelF64[lotsAt] = levelF64[lotsAt]! - lots;
    if (side === Side.BUY) this.bidLots -= lots;
    else this.askLots -= lots;
  }

  /** Unlinks a resting order from anywhere in its level and frees its slot; an empty level goes with it. */
  remove(side: Side, slot: number): void {
    this.#queues.unlink(this, side, slot);
    this.#orders.free(slot);
  }

  #isOnSide(side: Side, priceTicks: number): boolean {
    if (side === Side.BUY) return priceTicks <= this.bestBidTicks;
    return this.bestAskTicks !== 0 && priceTicks >= this.bestAskTicks;
  }

  /** @returns all that rests at a price, on whichever side that is: zeros where nothing does */
  depthAt(priceTicks: number): { lots: number; orderCount: number } {
    const level = this.prices.find(priceTicks);
    if (level === NIL) return { lots: 0, orderCount: 0 };
    const { f64, i32 } = this.#levels;
    return { lots: f64[level * 4 + LEVEL.LOTS]!, orderCount: i32[level * LEVEL_WORDS + LEVEL.ORDER_COUNT]! };
  }

  /** Calls back with every resting order's slot, best price first, oldest first. */
  visit(side: Side, visitor: (slot: number) => void): void {
    for (let level = this.bestLevel(side); level !== NIL; ) {
      const priceTicks = this.#levels.i32[level * LEVEL_WORDS + LEVEL.PRICE_TICKS]!;
      let slot = this.#levels.i32[level * LEVEL_WORDS + LEVEL.HEAD_SLOT]!;
      for (; slot !== NIL; slot = this.#orders.nextSlot[slot]!) visitor(slot);
      level = this.levelBehind(side, priceTicks);
    }
  }

  /**
   * Walks everything and compares it with what is kept beside it.
   * @returns orders, levels and index pages found, for the engine to compare with the pools
   * @throws InvariantError naming the first fact that does not hold
   */
  verifyInvariants(instrumentId: number): { orders: number; levels: number; pages: number } {
    const index = this.prices.verifyInvariants((level) => this.#levels.i32[level * LEVEL_WORDS + LEVEL.PRICE_TICKS]!);
    if (this.bestBidTicks !== 0 && this.bestAskTicks !== 0 && this.bestBidTicks >= this.bestAskTicks)
      fail(`instrument ${instrumentId}: crossed, bid ${this.bestBidTicks} ask ${this.bestAskTicks}`);
    const bids = this.#verifySide(
      instrumentId,
      Side.BUY,
      this.prices.atOrBelow(this.bestAskTicks === 0 ? MAX_PRICE_TICKS : this.bestAskTicks - 1),
    );
    const asks = this.#verifySide(instrumentId, Side.SELL, this.prices.atOrAbove(this.bestBidTicks + 1));
    if (bids.lots !== this.bidLots) fail(`instrument ${instrumentId}: bidLots=${this.bidLots}, orders ${bids.lots}`);
    if (asks.lots !== this.askLots) fail(`instrument ${instrumentId}: askLots=${this.askLots}, orders ${asks.lots}`);
    const levels = bids.levels + asks.levels;
    if (index.levels !== levels) fail(`instrument ${instrumentId}: index of ${index.levels} levels, ${levels} reached`);
    return { orders: bids.orders + asks.orders, levels, pages: index.pages };
  }

  #verifySide(instrumentId: number, side: Side, firstTicks: number): { lots: number; orders: number; levels: number } {
    const best = side === Side.BUY ? this.bestBidTicks : this.bestAskTicks;
    if (firstTicks !== best) fail(`instrument ${instrumentId}, side ${side}: best ${best}, index ${firstTicks}`);
    const { orderF64, orderI32, nextSlot } = this.#orders;
    const found = { lots: 0, orders: 0, levels: 0 };
    for (let level = this.bestLevel(side); level !== NIL; ) {
      const priceTicks = this.#levels.i32[level * LEVEL_WORDS + LEVEL.PRICE_TICKS]!;
      let levelLots = 0;
      let orderCount = 0;
      let previous = NIL;
      for (let slot = this.#levels.i32[level * LEVEL_WORDS + LEVEL.HEAD_SLOT]!; slot !== NIL; slot = nextSlot[slot]!) {
        const at = slot * ORDER_WORDS;
        const lots = orderF64[slot * ORDER_NUMBERS + ORDER.RESTING_LOTS]!;
        if (!Number.isSafeInteger(lots) || lots <= 0) fail(`slot ${slot}: restingLots=${lots}`);
        if (orderI32[at + ORDER.LEVEL] !== level)
          fail(`slot ${slot}: level ${orderI32[at + ORDER.LEVEL]}, linked in ${level}`);
        if (orderI32[at + ORDER.PREVIOUS_SLOT] !== previous) fail(`slot ${slot}: broken link to ${previous}`);
        if (orderI32[slot * ORDER_WORDS + ORDER.LIMIT_TICKS] !== priceTicks)
          fail(`slot ${slot}: limit is not ${priceTicks}`);
        if (sideOfHead(orderI32[slot * ORDER_WORDS + ORDER.HEAD]!) !== side)
          fail(`slot ${slot}: rests on side ${side}`);
        verifyOrder(this.#orders, slot, instrumentId, false);
        levelLots += lots;
        orderCount += 1;
        previous = slot;
        if (orderCount > this.#orders.capacity) fail(`level ${level}: its queue goes round`);
      }
      const levelAt = level * LEVEL_WORDS;
      if (orderCount === 0 || orderCount !== this.#levels.i32[levelAt + LEVEL.ORDER_COUNT])
        fail(`level ${level}: levelOrderCount=${this.#levels.i32[levelAt + LEVEL.ORDER_COUNT]}, orders ${orderCount}`);
      if (previous !== this.#levels.i32[levelAt + LEVEL.TAIL_SLOT]) fail(`level ${level}: tail is not ${previous}`);
      if (levelLots !== this.#levels.f64[level * 4 + LEVEL.LOTS])
        fail(`level ${level}: levelLots=${this.#levels.f64[level * 4 + LEVEL.LOTS]}, orders ${levelLots}`);
      found.lots += levelLots;
      found.orders += orderCount;
      found.levels += 1;
      level = this.levelBehind(side, priceTicks);
    }
    return found;
  }
}
