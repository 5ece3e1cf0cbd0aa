import { fail } from '../assert.ts';
import type { SectionReader, SectionWriter } from '../protocol/state-sections.ts';

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

export class OrderPool {
  readonly capacity: number;
  /** Hot records through windows of each type: lots and ids at slot × 4 + field, words at slot × 8 + field. */
  readonly hotF64: Float64Array;
  readonly hotI32: Int32Array;
  readonly hotU32: Uint32Array;
  readonly coldU32: Uint32Array;
  readonly coldI32: Int32Array;
  readonly terms: Float64Array; // numbers at slot × 2 + field
  readonly nextSlot: Int32Array; // next younger order at the level, or NIL; next free slot when free
  #freeSlot = NIL; // most recently freed first: its lines are still in the cache
  #neverUsed = 0; // slots from here on have not been taken yet
  #live = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    const hot = new ArrayBuffer(capacity * HOT_WORDS * 4);
    this.hotF64 = new Float64Array(hot);
    this.hotI32 = new Int32Array(hot);
    this.hotU32 = new Uint32Array(hot);
    const cold = new ArrayBuffer(capacity * COLD_WORDS * 4);
    this.coldU32 = new Uint32Array(cold);
    this.coldI32 = new Int32Array(cold);
    this.terms = new Float64Array(capacity * TERMS_NUMBERS);
    this.nextSlot = new Int32Array(capacity);
  }

  get live(): number {
    return this.#live;
  }

  get isFull(): boolean {
    return this.#live === this.capacity;
  }

  /** @returns a slot to be filled completely. The caller has asked isFull before: a full pool is an answer, not a resize. */
  allocate(): number {
    let slot = this.#freeSlot;
    if (slot !== NIL) {
      this.#freeSlot = this.nextSlot[slot]!;
    } else {
      if (this.#neverUsed === this.capacity) fail('order pool: allocate on a full pool');
      slot = this.#neverUsed++;
    }
    this.#live += 1;
    return slot;
  }

  /** The last act on an order: nothing reads its slot afterwards. */
  free(slot: number): void {
    this.hotF64[slot * 4 + HOT.RESTING_LOTS] = 0;
    const generationAt = slot * HOT_WORDS + HOT.GENERATION;
    this.hotU32[generationAt] = this.hotU32[generationAt]! + 1; // wraps: 2^32 reuses later a stale command is long gone
    this.nextSlot[slot] = this.#freeSlot;
    this.#freeSlot = slot;
    this.#live -= 1;
  }

  /** @returns whether the slot holds a live order of that id and generation. Safe for any number a stranger may send. */
  isLive(slot: number, generation: number, orderId: number): boolean {
    if (slot < 0 || slot >= this.#neverUsed) return false;
    return (
      this.hotF64[slot * 4 + HOT.RESTING_LOTS]! > 0 &&
      this.hotF64[slot * 4 + HOT.ORDER_ID] === orderId &&
      this.hotU32[slot * HOT_WORDS + HOT.GENERATION] === generation
    );
  }

  /** Everything that decides which slots and generations come next, oldest decision last. */
  visitFreeSlots(visit: (slot: number, generation: number) => void): void {
    for (let slot = this.#freeSlot; slot !== NIL; slot = this.nextSlot[slot]!)
      visit(slot, this.hotU32[slot * HOT_WORDS + HOT.GENERATION]!);
    visit(this.#neverUsed, 0);
  }

  /**
   * State section ORDERS: words of a hot and of a cold record, slots ever used, the first free slot, live orders; then
   * the records and the links of the slots ever used. The links hold the queues and the free list, in order.
   */
  exportTo(section: SectionWriter): void {
    const used = this.#neverUsed;
    section.number(HOT_WORDS).number(COLD_WORDS).number(used).number(this.#freeSlot).number(this.#live);
    for (const items of this.#usedArrays(used)) section.array(items);
  }

  /**
   * Takes the place of everything in this pool. Its levels are those of the pool that was exported: the books are
   * rebuilt next (restore-books.ts).
   * @throws StateFormatError when it has other records or does not fit
   */
  importFrom(section: SectionReader): void {
    section.integer('hot words', HOT_WORDS, HOT_WORDS);
    section.integer('cold words', COLD_WORDS, COLD_WORDS);
    const used = section.integer('slots used', 0, this.capacity);
    this.#freeSlot = section.integer('free slot', NIL, used - 1);
    this.#live = section.integer('live orders', 0, used);
    this.#neverUsed = used;
    for (const items of this.#usedArrays(used)) section.array(items);
  }

  /** State section ORDER_TERMS: the terms of the slots ever used. */
  exportTermsTo(section: SectionWriter): void {
    section.array(this.terms.subarray(0, this.#neverUsed * TERMS_NUMBERS));
  }

  /** After importFrom. @throws StateFormatError */
  importTermsFrom(section: SectionReader): void {
    section.array(this.terms.subarray(0, this.#neverUsed * TERMS_NUMBERS));
  }

  /** Slots from here on have never held an order. */
  get neverUsedSlot(): number {
    return this.#neverUsed;
  }

  #usedArrays(used: number): (Uint32Array | Int32Array)[] {
    return [
      this.hotU32.subarray(0, used * HOT_WORDS),
      this.coldU32.subarray(0, used * COLD_WORDS),
      this.nextSlot.subarray(0, used),
    ];
  }

  /** @throws InvariantError unless free and live slots add up and free ones hold nothing */
  verifyInvariants(): void {
    let free = 0;
    for (let slot = this.#freeSlot; slot !== NIL; slot = this.nextSlot[slot]!) {
      if (this.hotF64[slot * 4 + HOT.RESTING_LOTS] !== 0) fail(`order pool: free slot ${slot} holds lots`);
      free += 1;
      if (free > this.#neverUsed) fail('order pool: the free list goes round');
    }
    if (free + this.#live !== this.#neverUsed)
      fail(`order pool: free=${free} live=${this.#live} used=${this.#neverUsed}`);
  }
}
