import { fail } from '../../core/assert.ts';
import { LargeMap } from './large-map.ts';

interface Expiry {
  readonly orderId: number;
  readonly expiresAtMs: number;
}

/** Orders by when they expire: a binary heap that knows each order's place, so that one that is gone leaves at once. */
export class ExpiryHeap {
  readonly #heap: Expiry[] = [];
  readonly #indexOf = new LargeMap<number, number>(); // by order id

  get size(): number {
    return this.#heap.length;
  }

  /** @returns the earliest expiry, or undefined without any order */
  get firstMs(): number | undefined {
    return this.#heap[0]?.expiresAtMs;
  }

  /** @param orderId not in here yet */
  add(orderId: number, expiresAtMs: number): void {
    if (this.#indexOf.has(orderId)) fail(`order ${orderId} expires twice`);
    this.#heap.push({ orderId, expiresAtMs });
    this.#rise(this.#heap.length - 1);
  }

  /** Does nothing for an order that is not in here. */
  remove(orderId: number): void {
    const index = this.#indexOf.get(orderId);
    if (index === undefined) return;
    this.#indexOf.delete(orderId);
    const last = this.#heap.pop()!;
    if (index === this.#heap.length) return;
    this.#put(index, last);
    this.#rise(index);
    this.#sink(this.#indexOf.get(last.orderId)!);
  }

  /** Removes every order that expires at or before that time. */
  removeThrough(timestampMs: number): void {
    for (let first = this.#heap[0]; first !== undefined && first.expiresAtMs <= timestampMs; first = this.#heap[0])
      this.remove(first.orderId);
  }

  #rise(start: number): void {
    const expiry = this.#heap[start]!;
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = this.#heap[parent]!;
      if (above.expiresAtMs <= expiry.expiresAtMs) break;
      this.#put(index, above);
      index = parent;
    }
    this.#put(index, expiry);
  }

  #sink(start: number): void {
    const expiry = this.#heap[start]!;
    let index = start;
    for (let child = 2 * index + 1; child < this.#heap.length; child = 2 * index + 1) {
      if (child + 1 < this.#heap.length && this.#heap[child + 1]!.expiresAtMs < this.#heap[child]!.expiresAtMs)
        child += 1;
      const below = this.#heap[child]!;
      if (below.expiresAtMs >= expiry.expiresAtMs) break;
      this.#put(index, below);
      index = child;
    }
    this.#put(index, expiry);
  }

  #put(index: number, expiry: Expiry): void {
    this.#heap[index] = expiry;
    this.#indexOf.set(expiry.orderId, index);
  }
}
