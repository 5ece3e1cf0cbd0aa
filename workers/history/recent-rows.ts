/** Rows that were used lately, up to a bound: beyond it the one that was used longest ago is forgotten. */
export class RecentRows<Key, Row> {
  readonly #capacity: number;
  readonly #rows = new Map<Key, Row>(); // in the order of their last use
  /** One for good: an iterator begun anew walks over everything that was ever taken out before the oldest. */
  readonly #oldest = this.#rows.keys();

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
    if (this.#rows.size <= this.#capacity) return;
    this.#rows.delete(this.#oldest.next().value!); // never at its end: the row just put is behind the oldest
  }

  remove(key: Key): void {
    this.#rows.delete(key);
  }
}
