/**
 * Price levels of all books: the resting orders at one price and side, oldest first. One 32-byte record per level:
 *   0 f64 levelLots, the sum of its orders' resting lots   8 i32 headSlot, oldest   12 i32 tailSlot, youngest
 *  16 i32 priceTicks   20 i32 levelOrderCount, > 0 while in use   24 i32 next free level   28 unused
 */
export const LEVEL = { LOTS: 0, HEAD_SLOT: 2, TAIL_SLOT: 3, PRICE_TICKS: 4, ORDER_COUNT: 5, NEXT_FREE: 6 } as const;
export const LEVEL_WORDS = 8;
/** Indices of levels, of which a pool has no more: masked with it, a number is an index that is not negative. */
export const LEVEL_MASK = 2 ** 26 - 1;
