import { fail } from '../assert.ts';
import * as orderPool from './order-pool.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { NIL } = orderPool;

/**
 * Price levels of all books: the resting orders at one price and side, oldest first. One 32-byte record per level:
 *   0 f64 levelLots, the sum of its orders' resting lots   8 i32 headSlot, oldest   12 i32 tailSlot, youngest
 *  16 i32 priceTicks   20 i32 levelOrderCount, > 0 while in use   24 i32 next free level   28 unused
 */
export const LEVEL = { LOTS: 0, HEAD_SLOT: 2, TAIL_SLOT: 3, PRICE_TICKS: 4, ORDER_COUNT: 5, NEXT_FREE: 6 } as const;
export const LEVEL_WORDS = 8;

export class LevelPool {
  readonly capacity: number;
  readonly f64: Float64Array; // lots at level × 4
  readonly i32: Int32Array; // words at level × 8 + field
  #freeLevel = NIL;
  #neverUsed = 0;
  #used = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    const records = new ArrayBuffer(capacity * LEVEL_WORDS * 4);
    this.f64 = new Float64Array(records);
    this.i32 = new Int32Array(records);
  }

  get used(): number {
    return this.#used;
  }

  get isFull(): boolean {
    return this.#used === this.capacity;
  }

  /** @returns an empty level at that price. The caller has asked isFull before. */
  allocate(priceTicks: number): number {
    let level = this.#freeLevel;
    if (level !== NIL) {
      this.#freeLevel = this.i32[level * LEVEL_WORDS + LEVEL.NEXT_FREE]!;
    } else {
      if (this.#neverUsed === this.capacity) fail('level pool: allocate on a full pool');
      level = this.#neverUsed++;
    }
    this.#used += 1;
    const at = level * LEVEL_WORDS;
    this.f64[level * 4 + LEVEL.LOTS] = 0;
    this.i32[at + LEVEL.HEAD_SLOT] = NIL;
    this.i32[at + LEVEL.TAIL_SLOT] = NIL;
    this.i32[at + LEVEL.PRICE_TICKS] = priceTicks;
    this.i32[at + LEVEL.ORDER_COUNT] = 0;
    return level;
  }

  free(level: number): void {
    this.i32[level * LEVEL_WORDS + LEVEL.NEXT_FREE] = this.#freeLevel;
    this.#freeLevel = level;
    this.#used -= 1;
  }
}
