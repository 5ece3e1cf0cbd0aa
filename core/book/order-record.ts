/** No slot, no level, no page: the end of every list. */
export const NIL = -1;

/**
 * Resting orders of all books, one row per slot. A slot means nothing once freed; its generation then rises, so that a
 * command that still names the old order is recognised. What matching touches lies side by side in one 32-byte record:
 *   0 f64 restingLots, integer, > 0 while live, 0 when free   8 f64 orderId   16 u32 accountId
 *  20 i32 level (index into the level pool)   24 i32 previousSlot at the level, older, or NIL   28 u32 generation
 * The links to the younger order have an array of their own: a sweep reads little else of the orders it passes.
 * What only events repeat lies in a second, cold record, filled and read as whole words:
 *   0 u32 keyId   4 u32 type word (bytes 44 … 47 of the order fields)   8 i32 limitTicks   12 i32 stopPriceTicks
 *  16 u32 makerRatePpm   20 u32 takerRatePpm   24 u32 instrumentId   28 u32 side
 * What only amending and expiring read lies in a third, its terms:
 *   0 f64 totalLots: what it asked for, amends included   8 f64 expiresAtMs, 0 for never
 */
export const HOT = { RESTING_LOTS: 0, ORDER_ID: 1, ACCOUNT_ID: 4, LEVEL: 5, PREVIOUS_SLOT: 6, GENERATION: 7 } as const;
export const HOT_WORDS = 8;
export const COLD = {
  KEY_ID: 0,
  TYPE_WORD: 1,
  LIMIT_TICKS: 2,
  STOP_PRICE_TICKS: 3,
  MAKER_RATE_PPM: 4,
  TAKER_RATE_PPM: 5,
  INSTRUMENT_ID: 6,
  SIDE: 7,
} as const;
export const COLD_WORDS = 8;
export const TERMS = { TOTAL_LOTS: 0, EXPIRES_AT_MS: 1 } as const;
export const TERMS_NUMBERS = 2;
