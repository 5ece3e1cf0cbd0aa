import { hex32 } from '../protocol/event-decoder.ts';

const SCRATCH = new Float64Array(1);
const SCRATCH_WORDS = new Uint32Array(SCRATCH.buffer);

/**
 * 64-bit hash over numbers in a defined order, the same on any machine: two 32-bit lanes with different odd
 * multipliers, mixed at the end. It finds differences between replays; it is no defence against a forger.
 */
export class StateHash {
  #low = 0x243f6a88;
  #high = 0x85a308d3;

  /** @param value any Int32 or Uint32 */
  addWord(value: number): void {
    this.#low = Math.imul(this.#low ^ value, 0x9e3779b1);
    this.#low ^= this.#low >>> 15;
    this.#high = Math.imul((this.#high + value) | 0, 0x85ebca6b);
    this.#high ^= (this.#high >>> 13) ^ this.#low;
  }

  /** @param value any double: hashed by its bits */
  addNumber(value: number): void {
    SCRATCH[0] = value;
    this.addWord(SCRATCH_WORDS[0]!);
    this.addWord(SCRATCH_WORDS[1]!);
  }

  get lowWord(): number {
    return finalMix(this.#low ^ this.#high) >>> 0;
  }

  get highWord(): number {
    return finalMix(this.#high) >>> 0;
  }

  /** @returns 16 hex digits */
  digest(): string {
    return hex32(this.highWord) + hex32(this.lowWord);
  }
}

function finalMix(lane: number): number {
  let mixed = Math.imul(lane ^ (lane >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return mixed ^ (mixed >>> 16);
}
