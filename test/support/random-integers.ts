/** Random integers of one seed: the same on every machine, so that a failing seed fails again. */
export class RandomIntegers {
  #state: number; // never 0, where a xorshift would stay

  /** @param seed any integer */
  constructor(seed: number) {
    this.#state = Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) | 1;
    for (let warmUp = 0; warmUp < 8; warmUp++) this.#next32();
  }

  /**
   * @param count 1 … 2^53
   * @returns 0 … count - 1; the bias of the remainder does not matter to a test
   */
  below(count: number): number {
    const high = this.#next32() & 0x1fffff;
    const low = this.#next32() >>> 0;
    return (high * 2 ** 32 + low) % count;
  }

  /** @returns minimum … maximum, both included */
  between(minimum: number, maximum: number): number {
    return minimum + this.below(maximum - minimum + 1);
  }

  oneOf<Choice>(choices: readonly Choice[]): Choice {
    return choices[this.below(choices.length)]!;
  }

  /** True once in `count` times. */
  onceIn(count: number): boolean {
    return this.below(count) === 0;
  }

  #next32(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return state;
  }
}
