/**
 * A Map of V8 fails at 2^24 entries, and entries that were deleted count until it is made anew, which it is only when they
 * are half of them: one that comes and goes may hold 2^23 at most.
 */
const MAX_ENTRIES = 2 ** 22;

/** A Map of any size: further ones take what the first has no room for. In no order that means anything. */
export class LargeMap<Key, Value> {
  readonly #maps: Map<Key, Value>[] = [new Map()];
  readonly #maxEntries: number;

  /** @param maxEntries of one Map: smaller in tests */
  constructor(maxEntries = MAX_ENTRIES) {
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#maps.reduce((size, map) => size + map.size, 0);
  }

  get(key: Key): Value | undefined {
    return this.#mapOf(key)?.get(key);
  }

  has(key: Key): boolean {
    return this.#mapOf(key) !== undefined;
  }

  set(key: Key, value: Value): void {
    const map = this.#mapOf(key) ?? this.#maps.find(({ size }) => size < this.#maxEntries);
    if (map === undefined) this.#maps.push(new Map([[key, value]]));
    else map.set(key, value);
  }

  delete(key: Key): void {
    this.#mapOf(key)?.delete(key);
  }

  *values(): Generator<Value> {
    for (const map of this.#maps) yield* map.values();
  }

  #mapOf(key: Key): Map<Key, Value> | undefined {
    const maps = this.#maps;
    for (let index = 0; index < maps.length; index++) if (maps[index]!.has(key)) return maps[index];
    return undefined;
  }
}
