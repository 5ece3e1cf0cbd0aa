import type { Side } from '../protocol/kinds.ts';

/** No slot, no level, no page: the end of every list. */
export const NIL = -1;

/**
 * Resting orders of all books, one row per slot. A slot means nothing once freed; its generation then rises, so that a
 * command that still names the old order is recognised. A row is one cache line of 64 bytes, since in a deep book every
 * order that is cancelled or filled is a miss: with matching's fields, the events' fields in two arrays it was two or three.
 *   0 f64 restingLots, integer, > 0 while live, 0 when free   8 f64 orderId   16 u32 accountId
 *  20 i32 level (index into the level pool)   24 i32 previousSlot at the level, older, or NIL   28 u32 generation
 *  32 u32 keyId   36 u32 type word (bytes 44 … 47 of the order fields)   40 i32 limitTicks   44 i32 stopPriceTicks
 *  48 u32 makerRatePpm   52 u32 takerRatePpm   56 u32 head: side << 8 | instrumentId << 16, as records begin
 *  60 unused
 * The links to the younger order have an array of their own: with them in the rows an insert, which writes to the tail of
 * a level, took 1.4 times as long.
 * What only amending and expiring read lies in a second record, its terms:
 *   0 f64 totalLots: what it asked for, amends included   8 f64 expiresAtMs, 0 for never
 */
export const ORDER = {
  RESTING_LOTS: 0, // as is the next: index among the row's eight numbers; the others among its sixteen words
  ORDER_ID: 1,
  ACCOUNT_ID: 4,
  LEVEL: 5,
  PREVIOUS_SLOT: 6,
  GENERATION: 7,
  KEY_ID: 8,
  TYPE_WORD: 9,
  LIMIT_TICKS: 10,
  STOP_PRICE_TICKS: 11,
  MAKER_RATE_PPM: 12,
  TAKER_RATE_PPM: 13,
  HEAD: 14,
} as const;
export const ORDER_WORDS = 16;
export const ORDER_NUMBERS = 8;
/** Slots, of which a pool has no more: masked with it, a number is a slot that is not negative. */
export const SLOT_MASK = 2 ** 26 - 1;
export const TERMS = { TOTAL_LOTS: 0, EXPIRES_AT_MS: 1 } as const;
export const TERMS_NUMBERS = 2;

export function sideOfHead(head: number): Side {
  return ((head >>> 8) & 1) as Side;
}
