import { fail } from '../assert.ts';
import type { SectionReader, SectionWriter } from '../protocol/state-sections.ts';
import * as orderRecord from './order-record.ts';

export { COLD, COLD_WORDS, HOT, HOT_WORDS, NIL, TERMS, TERMS_NUMBERS } from './order-record.ts';

// Local names of constants are folded into the code; imported ones, and exported ones, are loaded anew at every use.
const { COLD_WORDS, HOT, HOT_WORDS, NIL, TERMS_NUMBERS } = orderRecord;

/** Resting orders of all books: their records (order-record.ts), and which slots are free. */
export class OrderPool {
  readonly capacity: number;
  /** Hot records through windows of each type: lots and ids at slot × 4 + field, words at slot × 8 + field. */
  readonly hotF64: Float64Array;
  readonly hotI32: Int32Array;
  readonly hotU32: Uint32Array;
  readonly coldU32: Uint32Array;
  readonly coldI32: Int32Array;
  readonly coldI64: BigInt64Array; // for copies: two words at a time
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
    this.coldI64 = new BigInt64Array(cold);
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
