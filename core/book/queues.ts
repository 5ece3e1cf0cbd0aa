import * as kinds from '../protocol/kinds.ts';
import type { LevelPool } from './level-pool.ts';
import * as levelRecord from './level-record.ts';
import type { OrderPool } from './order-pool.ts';
import * as orderRecord from './order-record.ts';
import type { PagePool, PriceIndex } from './price-index.ts';
import * as priceIndex from './price-index.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { LEVEL, LEVEL_MASK } = levelRecord;
const { NIL, ORDER, SLOT_MASK } = orderRecord;
const { findLevel, insertLevel, removeLevel } = priceIndex;
const { Side } = kinds;
type Side = kinds.Side;

/** What of a book changes with its queues. */
export interface QueuedBook {
  readonly prices: PriceIndex;
  bestBidTicks: number; // 0 for none, as is the next
  bestAskTicks: number;
  bidLots: number; // sums of the resting lots of each side
  askLots: number;
}

/** How orders get into the queues of a book and out of them. Slots and levels are in use, sums have room. */
export interface Queues {
  /** @returns the level at a price, or NIL */
  readonly find: (book: QueuedBook, priceTicks: number) => number;
  /** @returns a new level at a price that has none; there is room for it */
  readonly open: (book: QueuedBook, side: Side, priceTicks: number) => number;
  /** Puts an order, its lots filled in, behind all orders of a level. */
  readonly link: (book: QueuedBook, side: Side, level: number, slot: number) => void;
  /** Takes an order out of its level, wherever it stands; an empty level goes with it. */
  readonly unlink: (book: QueuedBook, side: Side, slot: number) => void;
}

/**
 * Functions over the memory of one engine, as closures that are made once: then the compiler takes the arrays for
 * constants, with their lengths and addresses, where those of an object's fields are loaded and checked at every use. A
 * thread that makes a second engine loses that, and nothing else. Masked indices are never negative, and `|` in place
 * of `+` can't overflow: neither needs a check.
 */
export function createQueues(orders: OrderPool, levels: LevelPool, pages: PagePool): Queues {
  const { orderF64, orderI32, nextSlot } = orders;
  const { f64: levelF64, i32: levelI32 } = levels;
  const { words } = pages;

  const find = (book: QueuedBook, priceTicks: number): number => findLevel(words, book.prices.root, priceTicks);

  const open = (book: QueuedBook, side: Side, priceTicks: number): number => {
    const level = levels.allocate(priceTicks);
    insertLevel(pages, book.prices, priceTicks, level);
    if (side === Side.BUY) {
      if (priceTicks > book.bestBidTicks) book.bestBidTicks = priceTicks;
    } else if (book.bestAskTicks === 0 || priceTicks < book.bestAskTicks) {
      book.bestAskTicks = priceTicks;
    }
    return level;
  };

  const close = (book: QueuedBook, side: Side, level: number): void => {
    const { prices } = book;
    const priceTicks = levelI32[((level & LEVEL_MASK) << 3) | LEVEL.PRICE_TICKS]!;
    removeLevel(pages, prices, priceTicks);
    levels.free(level);
    if (side === Side.BUY) {
      if (priceTicks === book.bestBidTicks) book.bestBidTicks = prices.atOrBelow(priceTicks);
    } else if (priceTicks === book.bestAskTicks) {
      book.bestAskTicks = prices.atOrAbove(priceTicks);
    }
  };

  const link = (book: QueuedBook, side: Side, level: number, slot: number): void => {
    const row = (slot & SLOT_MASK) << 4;
    const at = (level & LEVEL_MASK) << 3;
    const lots = orderF64[(row >> 1) | ORDER.RESTING_LOTS]!;
    const tail = levelI32[at | LEVEL.TAIL_SLOT]!;
    orderI32[row | ORDER.LEVEL] = level;
    orderI32[row | ORDER.PREVIOUS_SLOT] = tail;
    nextSlot[slot & SLOT_MASK] = NIL;
    if (tail === NIL) levelI32[at | LEVEL.HEAD_SLOT] = slot;
    else nextSlot[tail & SLOT_MASK] = slot;
    levelI32[at | LEVEL.TAIL_SLOT] = slot;
    levelI32[at | LEVEL.ORDER_COUNT] = (levelI32[at | LEVEL.ORDER_COUNT]! + 1) | 0;
    levelF64[(at >> 1) | LEVEL.LOTS] = levelF64[(at >> 1) | LEVEL.LOTS]! + lots;
    if (side === Side.BUY) book.bidLots += lots;
    else book.askLots += lots;
  };

  const unlink = (book: QueuedBook, side: Side, slot: number): void => {
    const row = (slot & SLOT_MASK) << 4;
    const level = orderI32[row | ORDER.LEVEL]!;
    const at = (level & LEVEL_MASK) << 3;
    const lots = orderF64[(row >> 1) | ORDER.RESTING_LOTS]!;
    const previous = orderI32[row | ORDER.PREVIOUS_SLOT]!;
    const next = nextSlot[slot & SLOT_MASK]!;
    if (previous === NIL) levelI32[at | LEVEL.HEAD_SLOT] = next;
    else nextSlot[previous & SLOT_MASK] = next;
    if (next === NIL) levelI32[at | LEVEL.TAIL_SLOT] = previous;
    else orderI32[((next & SLOT_MASK) << 4) | ORDER.PREVIOUS_SLOT] = previous;
    levelF64[(at >> 1) | LEVEL.LOTS] = levelF64[(at >> 1) | LEVEL.LOTS]! - lots;
    if (side === Side.BUY) book.bidLots -= lots;
    else book.askLots -= lots;
    const orderCount = (levelI32[at | LEVEL.ORDER_COUNT]! - 1) | 0;
    levelI32[at | LEVEL.ORDER_COUNT] = orderCount;
    if (orderCount === 0) close(book, side, level);
  };

  return { find, open, link, unlink };
}
