/** Rows that were used lately, up to a bound: beyond it the one that was used longest ago is forgotten. */
export class RecentRows<Key, Row> {
  readonly #capacity: number;
  readonly #rows = new Map<Key, Row>(); // in the order of their last use
  /**
   * Gives the oldest keys, one after the other. Begun anew each time it would walk over everything taken out before
   * them; kept for good it would hold on to every table that the map has outgrown since it last moved. So it is kept
   * for as many changes as there may be rows.
   */
  #oldest: Iterator<Key, undefined> | null = null;
  #changes = 0; // since that was begun, or given up

  /** @param capacity ≥ 1 */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(key: Key): Row | undefined {
    return this.#rows.get(key);
  }

  put(key: Key, row: Row): void {
    this.#rows.delete(key);
    this.#rows.set(key, row);
    this.#noteChange();
    if (this.#rows.size <= this.#capacity) return;
    this.#oldest ??= this.#rows.keys();
    this.#rows.delete(this.#oldest.next().value!); // never at its end: the row just put is behind the oldest
  }

  remove(key: Key): void {
    this.#rows.delete(key);
    this.#noteChange();
  }

  #noteChange(): void {
    this.#changes += 1;
    if (this.#changes < this.#capacity) return;
    this.#changes = 0;
    this.#oldest = null;
  }
}
