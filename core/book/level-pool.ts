import { fail } from '../assert.ts';
import * as levelRecord from './level-record.ts';
import * as orderRecord from './order-record.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { LEVEL, LEVEL_MASK, LEVEL_WORDS } = levelRecord;
const { NIL } = orderRecord;

export class LevelPool {
  readonly capacity: number;
  // Declared only: assigned once, they are constants to the compiler (queues.ts).
  declare readonly f64: Float64Array; // lots at level × 4
  declare readonly i32: Int32Array; // words at level × 8 + field
  #freeLevel = NIL;
  #neverUsed = 0;
  #used = 0;

  constructor(capacity: number) {
    if (capacity > LEVEL_MASK + 1) fail(`room for ${capacity} levels: at most ${LEVEL_MASK + 1}`);
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

  /** @throws InvariantError unless free and used levels add up and free ones have no orders */
  verifyInvariants(): void {
    let free = 0;
    for (let level = this.#freeLevel; level !== NIL; level = this.i32[level * LEVEL_WORDS + LEVEL.NEXT_FREE]!) {
      if (this.i32[level * LEVEL_WORDS + LEVEL.ORDER_COUNT] !== 0) fail(`level pool: free level ${level} has orders`);
      free += 1;
      if (free > this.#neverUsed) fail('level pool: the free list goes round');
    }
    if (free + this.#used !== this.#neverUsed)
      fail(`level pool: free=${free} used=${this.#used} ever used=${this.#neverUsed}`);
  }
}
