/** Partitions may drift apart this far before coverage begins anew: one that has stopped must not fill the memory. */
const MAX_SEEN = 2 ** 20;
const MAX_NAMED = 100;

/**
 * Whether every event sequence comes exactly once, in whatever partition. What was seen is kept from the floor on, which
 * rises with the slowest partition.
 */
export class SequenceCoverage {
  readonly #seen = new Set<number>();
  #floor: number;
  #highest: number;

  /** @param floor nothing is asked of sequences up to here */
  constructor(floor: number) {
    this.#floor = floor;
    this.#highest = floor;
  }

  /** @returns whether that sequence was seen before */
  see(sequence: number): boolean {
    if (sequence <= this.#floor) return false;
    const isRepeated = this.#seen.has(sequence);
    this.#seen.add(sequence);
    this.#highest = Math.max(this.#highest, sequence);
    if (this.#seen.size > MAX_SEEN) this.#beginAnew();
    return isRepeated;
  }

  /**
   * Every partition is past this sequence.
   * @returns the sequences up to it that came in none, the first hundred of them
   */
  raise(floor: number): number[] {
    const missing: number[] = [];
    for (let sequence = this.#floor + 1; sequence <= floor; sequence++)
      if (!this.#seen.delete(sequence) && missing.length < MAX_NAMED) missing.push(sequence);
    this.#floor = Math.max(this.#floor, floor);
    return missing;
  }

  #beginAnew(): void {
    this.#seen.clear();
    this.#floor = this.#highest;
  }
}
