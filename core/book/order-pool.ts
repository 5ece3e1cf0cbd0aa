import { fail } from '../assert.ts';
import { MAX_INSTRUMENT_ID } from '../money/instrument.ts';
import { Side } from '../protocol/kinds.ts';
import type { SectionReader, SectionWriter } from '../protocol/state-sections.ts';
import * as orderRecord from './order-record.ts';
import { sideOfHead } from './order-record.ts';

export { NIL, ORDER, ORDER_NUMBERS, ORDER_WORDS, TERMS, TERMS_NUMBERS } from './order-record.ts';

// Local names of constants are folded into the code; imported ones, and exported ones, are loaded anew at every use.
const { NIL, ORDER, ORDER_NUMBERS, ORDER_WORDS, SLOT_MASK, TERMS_NUMBERS } = orderRecord;

/** Large blocks of memory begin 16 bytes behind a page: so far on to the next cache line. No matter but speed. */
const ALIGNMENT_BYTES = 48;

/** Words of the two records that an order has in state section ORDERS. */
const SECTION_WORDS = 8;

/** Resting orders of all books: their rows (order-record.ts), and which slots are free. */
export class OrderPool {
  readonly capacity: number;
  // The arrays are declared only: assigned once, they are constants to the compiler (queues.ts).
  /** Rows through windows of each type: numbers at slot × 8 + field, words at slot × 16 + field. */
  declare readonly orderF64: Float64Array;
  declare readonly orderI32: Int32Array;
  declare readonly orderU32: Uint32Array;
  declare readonly orderI64: BigInt64Array; // for copies: two words at a time
  declare readonly terms: Float64Array; // numbers at slot × 2 + field
  declare readonly nextSlot: Int32Array; // next younger order at the level, or NIL; next free slot when free
  #freeSlot = NIL; // most recently freed first: its lines are still in the cache
  #neverUsed = 0; // slots from here on have not been taken yet
  #live = 0;

  constructor(capacity: number) {
    if (capacity > SLOT_MASK + 1) fail(`room for ${capacity} orders: at most ${SLOT_MASK + 1}`);
    this.capacity = capacity;
    const rows = new ArrayBuffer(ALIGNMENT_BYTES + capacity * ORDER_WORDS * 4);
    this.orderF64 = new Float64Array(rows, ALIGNMENT_BYTES);
    this.orderI32 = new Int32Array(rows, ALIGNMENT_BYTES);
    this.orderU32 = new Uint32Array(rows, ALIGNMENT_BYTES);
    this.orderI64 = new BigInt64Array(rows, ALIGNMENT_BYTES);
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
    this.orderF64[slot * ORDER_NUMBERS + ORDER.RESTING_LOTS] = 0;
    const generationAt = slot * ORDER_WORDS + ORDER.GENERATION;
    this.orderU32[generationAt] = this.orderU32[generationAt]! + 1; // wraps: 2^32 reuses later a stale command is long gone
    this.nextSlot[slot] = this.#freeSlot;
    this.#freeSlot = slot;
    this.#live -= 1;
  }

  /** Everything that decides which slots and generations come next, oldest decision last. */
  visitFreeSlots(visit: (slot: number, generation: number) => void): void {
    for (let slot = this.#freeSlot; slot !== NIL; slot = this.nextSlot[slot]!)
      visit(slot, this.orderU32[slot * ORDER_WORDS + ORDER.GENERATION]!);
    visit(this.#neverUsed, 0);
  }

  /**
   * State section ORDERS: words of an order's two records, slots ever used, the first free slot, live orders; then, for the
   * slots ever used, the first records (the row's first eight words), the second ones (its next six, instrumentId, side)
   * and the links. The links hold the queues and the free list, in order.
   */
  exportTo(section: SectionWriter): void {
    const used = this.#neverUsed;
    section.number(SECTION_WORDS).number(SECTION_WORDS).number(used).number(this.#freeSlot).number(this.#live);
    const first = new Uint32Array(used * SECTION_WORDS);
    const second = new Uint32Array(used * SECTION_WORDS);
    const { orderU32 } = this;
    for (let slot = 0; slot < used; slot++) {
      const row = slot * ORDER_WORDS;
      const to = slot * SECTION_WORDS;
      for (let word = 0; word < 8; word++) first[to + word] = orderU32[row + word]!;
      for (let word = 0; word < 6; word++) second[to + word] = orderU32[row + ORDER.KEY_ID + word]!;
      const head = orderU32[row + ORDER.HEAD]!;
      second[to + 6] = head >>> 16;
      second[to + 7] = sideOfHead(head);
    }
    section.array(first).array(second).array(this.nextSlot.subarray(0, used));
  }

  /**
   * Takes the place of everything in this pool. Its levels are those of the pool that was exported: the books are
   * rebuilt next (restore-books.ts).
   * @throws StateFormatError when it has other records or does not fit
   */
  importFrom(section: SectionReader): void {
    section.integer('words of a first record', SECTION_WORDS, SECTION_WORDS);
    section.integer('words of a second record', SECTION_WORDS, SECTION_WORDS);
    const used = section.integer('slots used', 0, this.capacity);
    this.#freeSlot = section.integer('free slot', NIL, used - 1);
    this.#live = section.integer('live orders', 0, used);
    this.#neverUsed = used;
    const first = new Uint32Array(used * SECTION_WORDS);
    const second = new Uint32Array(used * SECTION_WORDS);
    section.array(first);
    section.array(second);
    section.array(this.nextSlot.subarray(0, used));
    const { orderU32 } = this;
    for (let slot = 0; slot < used; slot++) {
      const row = slot * ORDER_WORDS;
      const from = slot * SECTION_WORDS;
      for (let word = 0; word < 8; word++) orderU32[row + word] = first[from + word]!;
      for (let word = 0; word < 6; word++) orderU32[row + ORDER.KEY_ID + word] = second[from + word]!;
      const instrumentId = second[from + 6]!;
      const side = second[from + 7]!;
      if (instrumentId > MAX_INSTRUMENT_ID || side > Side.SELL)
        section.refuse(`slot ${slot}: instrument ${instrumentId}, side ${side}`);
      orderU32[row + ORDER.HEAD] = (side << 8) | (instrumentId << 16);
    }
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

  /** @throws InvariantError unless free and live slots add up and free ones hold nothing */
  verifyInvariants(): void {
    let free = 0;
    for (let slot = this.#freeSlot; slot !== NIL; slot = this.nextSlot[slot]!) {
      if (this.orderF64[slot * ORDER_NUMBERS + ORDER.RESTING_LOTS] !== 0)
        fail(`order pool: free slot ${slot} holds lots`);
      free += 1;
      if (free > this.#neverUsed) fail('order pool: the free list goes round');
    }
    if (free + this.#live !== this.#neverUsed)
      fail(`order pool: free=${free} live=${this.#live} used=${this.#neverUsed}`);
  }
}
