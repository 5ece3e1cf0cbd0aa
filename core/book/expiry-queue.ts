import { fail } from '../assert.ts';
import type { OrderPool } from './order-pool.ts';
import * as orderRecord from './order-record.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { ORDER_NUMBERS, ORDER, NIL, TERMS, TERMS_NUMBERS } = orderRecord;

/**
 * Live orders that expire, of all books: the one that expires first, at one time the one with the lower id, is always
 * at hand. A binary heap of slots, with each slot's place in it, so that an order that trades or is cancelled leaves it
 * at once. Which of two heaps an order history makes does not show: the order of leaving is total.
 */
export class ExpiryQueue {
  readonly #orders: OrderPool;
  readonly #slots: Int32Array; // the heap, from index 0
  readonly #indexOfSlot: Int32Array; // where a slot stands in it; meaningless for others
  #count = 0;

  constructor(orders: OrderPool) {
    this.#orders = orders;
    this.#slots = new Int32Array(orders.capacity);
    this.#indexOfSlot = new Int32Array(orders.capacity);
  }

  get count(): number {
    return this.#count;
  }

  /** @returns the slot that expires first, or NIL */
  first(): number {
    return this.#count === 0 ? NIL : this.#slots[0]!;
  }

  /** @param slot live, with an expiry, not in here yet */
  add(slot: number): void {
    this.#count += 1;
    this.#rise(this.#count - 1, slot);
  }

  /** @param slot in here, its order id and expiry unchanged since */
  remove(slot: number): void {
    const index = this.#indexOfSlot[slot]!;
    if (index >= this.#count || this.#slots[index] !== slot) fail(`slot ${slot} is not in the expiry queue`);
    this.#count -= 1;
    const last = this.#slots[this.#count]!;
    if (last === slot) return;
    if (index > 0 && this.#isBefore(last, this.#slots[(index - 1) >> 1]!)) this.#rise(index, last);
    else this.#sink(index, last);
  }

  /** Makes it anew from an imported pool. */
  rebuild(): void {
    const { terms, orderF64, neverUsedSlot } = this.#orders;
    this.#count = 0;
    for (let slot = 0; slot < neverUsedSlot; slot++)
      if (
        orderF64[slot * ORDER_NUMBERS + ORDER.RESTING_LOTS]! > 0 &&
        terms[slot * TERMS_NUMBERS + TERMS.EXPIRES_AT_MS]! > 0
      )
        this.add(slot);
  }

  /** @throws InvariantError unless it holds exactly the live orders that expire, each below the one above it */
  verifyInvariants(): void {
    const { terms, orderF64, neverUsedSlot } = this.#orders;
    let expiring = 0;
    for (let slot = 0; slot < neverUsedSlot; slot++)
      if (
        orderF64[slot * ORDER_NUMBERS + ORDER.RESTING_LOTS]! > 0 &&
        terms[slot * TERMS_NUMBERS + TERMS.EXPIRES_AT_MS]! > 0
      )
        expiring += 1;
    if (expiring !== this.#count) fail(`expiry queue: ${this.#count} slots, ${expiring} live orders expire`);
    for (let index = 0; index < this.#count; index++) {
      const slot = this.#slots[index]!;
      if (this.#indexOfSlot[slot] !== index) fail(`expiry queue: slot ${slot} does not know its place ${index}`);
      if (!(orderF64[slot * ORDER_NUMBERS + ORDER.RESTING_LOTS]! > 0)) fail(`expiry queue: slot ${slot} is free`);
      if (index > 0 && this.#isBefore(slot, this.#slots[(index - 1) >> 1]!))
        fail(`expiry queue: slot ${slot} stands below one that expires later`);
    }
  }

  #isBefore(slot: number, other: number): boolean {
    const { terms, orderF64 } = this.#orders;
    const time = terms[slot * TERMS_NUMBERS + TERMS.EXPIRES_AT_MS]!;
    const otherTime = terms[other * TERMS_NUMBERS + TERMS.EXPIRES_AT_MS]!;
    if (time !== otherTime) return time < otherTime;
    return orderF64[slot * ORDER_NUMBERS + ORDER.ORDER_ID]! < orderF64[other * ORDER_NUMBERS + ORDER.ORDER_ID]!;
  }

  /** Puts a slot at an index, or above it: as high as it belongs. */
  #rise(start: number, slot: number): void {
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = this.#slots[parent]!;
      if (!this.#isBefore(slot, above)) break;
      this.#put(index, above);
      index = parent;
    }
    this.#put(index, slot);
  }

  /** Puts a slot at an index, or below it. */
  #sink(start: number, slot: number): void {
    let index = start;
    for (let child = 2 * index + 1; child < this.#count; child = 2 * index + 1) {
      if (child + 1 < this.#count && this.#isBefore(this.#slots[child + 1]!, this.#slots[child]!)) child += 1;
      const below = this.#slots[child]!;
      if (!this.#isBefore(below, slot)) break;
      this.#put(index, below);
      index = child;
    }
    this.#put(index, slot);
  }

  #put(index: number, slot: number): void {
    this.#slots[index] = slot;
    this.#indexOfSlot[slot] = index;
  }
}
