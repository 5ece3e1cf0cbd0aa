import { fail } from '../assert.ts';
import * as orderRecord from './order-record.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { NIL } = orderRecord;

/**
 * From a price to its level, and from a price to the next one that has a level, for any price from 1 to 2^31 - 1. A
 * radix of three steps (11, 10 and 10 bits): a root per book, and pages of 1,024 entries shared by all books. Every
 * root and page keeps a bitmap of its entries in use and a summary of the bitmap's words, so that the next price costs
 * a few word tests wherever it lies. One index serves both sides: bids lie below asks, always.
 *
 * Page: 1,024 entries (a page's word offset, or level + 1; 0 for none), 32 bitmap words, 1 summary word, 1 count of entries
 * in use (next free page when free). Pages are taken when a price needs them and given back empty. The page at offset 0 is
 * never taken and stays empty: the way to a price that has no level leads into it and ends at 0, without a test.
 */
const PAGE_BITS = 10;
const PAGE_ENTRIES = 1 << PAGE_BITS;
const BITMAP = PAGE_ENTRIES;
const SUMMARY = BITMAP + PAGE_ENTRIES / 32;
const COUNT = SUMMARY + 1;
const PAGE_WORDS = COUNT + 15; // rounded up to whole cache lines

const ROOT_BITS = 31 - 2 * PAGE_BITS;
const ROOT_ENTRIES = 1 << ROOT_BITS;
const ROOT_BITMAP_WORDS = ROOT_ENTRIES / 32;

export class PagePool {
  declare readonly words: Int32Array; // declared only: assigned once, it is a constant to the compiler (queues.ts)
  readonly capacity: number;
  #freePage = NIL;
  #neverUsed = 0;
  #used = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.words = new Int32Array((1 + capacity) * PAGE_WORDS);
  }

  get free(): number {
    return this.capacity - this.#used;
  }

  get used(): number {
    return this.#used;
  }

  /** @throws InvariantError unless free and used pages add up, and free ones and the one at offset 0 are empty */
  verifyInvariants(): void {
    let free = 0;
    this.#verifyEmpty(0);
    for (let page = this.#freePage; page !== NIL; page = this.words[page + COUNT]!) {
      this.#verifyEmpty(page);
      free += 1;
      if (free > this.#neverUsed) fail('page pool: the free list goes round');
    }
    if (free + this.#used !== this.#neverUsed)
      fail(`page pool: free=${free} used=${this.#used} ever used=${this.#neverUsed}`);
  }

  #verifyEmpty(page: number): void {
    for (let word = page; word <= page + SUMMARY; word++)
      if (this.words[word] !== 0) fail(`page pool: page ${page} is free and has entries`);
  }

  /** @returns the word offset of an empty page. The caller has made sure that one is free. */
  allocate(): number {
    this.#used += 1;
    const page = this.#freePage;
    if (page !== NIL) {
      this.#freePage = this.words[page + COUNT]!;
      this.words[page + COUNT] = 0;
      return page;
    }
    if (this.#neverUsed === this.capacity) fail('page pool: allocate on a full pool');
    return ++this.#neverUsed * PAGE_WORDS;
  }

  /** @param page empty: its bitmap and summary are zero already */
  release(page: number): void {
    this.words[page + COUNT] = this.#freePage;
    this.#freePage = page;
    this.#used -= 1;
  }
}

export class PriceIndex {
  readonly #pool: PagePool;
  readonly root = new Int32Array(ROOT_ENTRIES);
  readonly rootBitmap = new Int32Array(ROOT_BITMAP_WORDS);

  constructor(pool: PagePool) {
    this.#pool = pool;
  }

  /** @returns the level at a price, or NIL: three loads. */
  find(priceTicks: number): number {
    return findLevel(this.#pool.words, this.root, priceTicks);
  }

  /** @returns whether a level at this price can be inserted: a new price may need up to two pages. */
  hasRoomFor(priceTicks: number): boolean {
    if (this.#pool.free >= 2) return true;
    return this.#pagesMissing(priceTicks) <= this.#pool.free;
  }

  /** @param priceTicks has no level yet, and hasRoomFor it */
  insert(priceTicks: number, level: number): void {
    insertLevel(this.#pool, this, priceTicks, level);
  }

  /** @param priceTicks has a level */
  remove(priceTicks: number): void {
    removeLevel(this.#pool, this, priceTicks);
  }

  /** @returns the lowest price with a level at or above the one given, or 0. */
  atOrAbove(priceTicks: number): number {
    const { words } = this.#pool;
    let top = priceTicks >>> (2 * PAGE_BITS);
    if ((this.rootBitmap[top >>> 5]! & (1 << (top & 31))) !== 0) {
      const middlePage = this.root[top]!;
      const middle = (priceTicks >>> PAGE_BITS) & (PAGE_ENTRIES - 1);
      if ((words[middlePage + BITMAP + (middle >>> 5)]! & (1 << (middle & 31))) !== 0) {
        const leaf = firstAtOrAbove(words, words[middlePage + middle]!, priceTicks & (PAGE_ENTRIES - 1));
        if (leaf !== NIL) return (((top << PAGE_BITS) | middle) << PAGE_BITS) | leaf;
      }
      const next = middle + 1 < PAGE_ENTRIES ? firstAtOrAbove(words, middlePage, middle + 1) : NIL;
      if (next !== NIL)
        return (((top << PAGE_BITS) | next) << PAGE_BITS) | firstAtOrAbove(words, words[middlePage + next]!, 0);
    }
    top = this.#rootAtOrAbove(top + 1);
    if (top === NIL) return 0;
    const middlePage = this.root[top]!;
    const middle = firstAtOrAbove(words, middlePage, 0);
    return (((top << PAGE_BITS) | middle) << PAGE_BITS) | firstAtOrAbove(words, words[middlePage + middle]!, 0);
  }

  /** @returns the highest price with a level at or below the one given, or 0. */
  atOrBelow(priceTicks: number): number {
    const { words } = this.#pool;
    const end = PAGE_ENTRIES - 1;
    let top = priceTicks >>> (2 * PAGE_BITS);
    if ((this.rootBitmap[top >>> 5]! & (1 << (top & 31))) !== 0) {
      const middlePage = this.root[top]!;
      const middle = (priceTicks >>> PAGE_BITS) & end;
      if ((words[middlePage + BITMAP + (middle >>> 5)]! & (1 << (middle & 31))) !== 0) {
        const leaf = lastAtOrBelow(words, words[middlePage + middle]!, priceTicks & end);
        if (leaf !== NIL) return (((top << PAGE_BITS) | middle) << PAGE_BITS) | leaf;
      }
      const next = middle > 0 ? lastAtOrBelow(words, middlePage, middle - 1) : NIL;
      if (next !== NIL)
        return (((top << PAGE_BITS) | next) << PAGE_BITS) | lastAtOrBelow(words, words[middlePage + next]!, end);
    }
    top = this.#rootAtOrBelow(top - 1);
    if (top === NIL) return 0;
    const middlePage = this.root[top]!;
    const middle = lastAtOrBelow(words, middlePage, end);
    return (((top << PAGE_BITS) | middle) << PAGE_BITS) | lastAtOrBelow(words, words[middlePage + middle]!, end);
  }

  /**
   * Walks every page and every bit, where a search takes the short way.
   * @param priceOf the price that a level says it is at
   * @returns pages and levels found
   * @throws InvariantError naming the first fact that does not hold
   */
  verifyInvariants(priceOf: (level: number) => number): { pages: number; levels: number } {
    const { words } = this.#pool;
    const found = { pages: 0, levels: 0 };
    for (let top = 0; top < ROOT_ENTRIES; top++) {
      const middlePage = this.root[top]!;
      if (((this.rootBitmap[top >>> 5]! & (1 << (top & 31))) !== 0) !== (middlePage !== 0))
        fail(`price index: the root's bitmap is wrong about its entry ${top}`);
      if (middlePage === 0) continue;
      found.pages += 1;
      for (const middle of verifiedEntries(words, middlePage)) {
        const leafPage = words[middlePage + middle]!;
        found.pages += 1;
        for (const leaf of verifiedEntries(words, leafPage)) {
          const priceTicks = (((top << PAGE_BITS) | middle) << PAGE_BITS) | leaf;
          const level = words[leafPage + leaf]! - 1;
          if (priceOf(level) !== priceTicks)
            fail(`price index: at ${priceTicks} stands level ${level} of price ${priceOf(level)}`);
          found.levels += 1;
        }
      }
    }
    return found;
  }

  #pagesMissing(priceTicks: number): number {
    const top = priceTicks >>> (2 * PAGE_BITS);
    if ((this.rootBitmap[top >>> 5]! & (1 << (top & 31))) === 0) return 2;
    const middle = (priceTicks >>> PAGE_BITS) & (PAGE_ENTRIES - 1);
    const word = this.#pool.words[this.root[top]! + BITMAP + (middle >>> 5)]!;
    return (word & (1 << (middle & 31))) === 0 ? 1 : 0;
  }

  #rootAtOrAbove(top: number): number {
    if (top >= ROOT_ENTRIES) return NIL;
    let word = top >>> 5;
    let bits = this.rootBitmap[word]! & (-1 << (top & 31));
    while (bits === 0) {
      if (++word === ROOT_BITMAP_WORDS) return NIL;
      bits = this.rootBitmap[word]!;
    }
    return (word << 5) | lowestBit(bits);
  }

  #rootAtOrBelow(top: number): number {
    if (top < 0) return NIL;
    let word = top >>> 5;
    let bits = this.rootBitmap[word]! & (-1 >>> (31 - (top & 31)));
    while (bits === 0) {
      if (--word < 0) return NIL;
      bits = this.rootBitmap[word]!;
    }
    return (word << 5) | highestBit(bits);
  }
}

/** As PriceIndex.find: for those who know the pages as constants. */
export function findLevel(words: Int32Array, root: Int32Array, priceTicks: number): number {
  const middlePage = root[priceTicks >>> (2 * PAGE_BITS)]!;
  const leafPage = words[(middlePage + ((priceTicks >>> PAGE_BITS) & (PAGE_ENTRIES - 1))) | 0]!;
  return (words[(leafPage + (priceTicks & (PAGE_ENTRIES - 1))) | 0]! - 1) | 0;
}

/** As PriceIndex.insert. */
export function insertLevel(pool: PagePool, { root, rootBitmap }: PriceIndex, priceTicks: number, level: number): void {
  const { words } = pool;
  const top = priceTicks >>> (2 * PAGE_BITS);
  let middlePage = root[top]!;
  if (middlePage === 0) {
    middlePage = pool.allocate();
    root[top] = middlePage;
    rootBitmap[top >>> 5] = rootBitmap[top >>> 5]! | (1 << (top & 31));
  }
  const middle = (priceTicks >>> PAGE_BITS) & (PAGE_ENTRIES - 1);
  let leafPage = words[middlePage + middle]!;
  if (leafPage === 0) {
    leafPage = pool.allocate();
    setEntry(words, middlePage, middle, leafPage);
  }
  setEntry(words, leafPage, priceTicks & (PAGE_ENTRIES - 1), level + 1);
}

/** As PriceIndex.remove. */
export function removeLevel(pool: PagePool, { root, rootBitmap }: PriceIndex, priceTicks: number): void {
  const { words } = pool;
  const top = priceTicks >>> (2 * PAGE_BITS);
  const middlePage = root[top]!;
  const middle = (priceTicks >>> PAGE_BITS) & (PAGE_ENTRIES - 1);
  const leafPage = words[middlePage + middle]!;
  clearEntry(words, leafPage, priceTicks & (PAGE_ENTRIES - 1));
  if (words[leafPage + COUNT] !== 0) return;
  pool.release(leafPage);
  clearEntry(words, middlePage, middle);
  if (words[middlePage + COUNT] !== 0) return;
  pool.release(middlePage);
  root[top] = 0;
  rootBitmap[top >>> 5] = rootBitmap[top >>> 5]! & ~(1 << (top & 31));
}

/** @returns the entries in use of a page, which is in use itself, its entries, bitmap, summary and count found to agree */
function verifiedEntries(words: Int32Array, page: number): number[] {
  const entries: number[] = [];
  for (let entry = 0; entry < PAGE_ENTRIES; entry++) {
    const isInUse = words[page + entry] !== 0;
    if (((words[page + BITMAP + (entry >>> 5)]! & (1 << (entry & 31))) !== 0) !== isInUse)
      fail(`price index: page ${page}, the bitmap is wrong about entry ${entry}`);
    if (isInUse) entries.push(entry);
  }
  if (entries.length === 0) fail(`price index: page ${page} is in use without an entry`);
  if (entries.length !== words[page + COUNT])
    fail(`price index: page ${page} counts ${words[page + COUNT]} entries, has ${entries.length}`);
  for (let word = 0; word < 32; word++)
    if ((words[page + BITMAP + word] !== 0) !== ((words[page + SUMMARY]! & (1 << word)) !== 0))
      fail(`price index: page ${page}, the summary is wrong about word ${word} of its bitmap`);
  return entries;
}

function setEntry(words: Int32Array, page: number, entry: number, value: number): void {
  words[page + entry] = value;
  const word = page + BITMAP + (entry >>> 5);
  words[word] = words[word]! | (1 << (entry & 31));
  words[page + SUMMARY] = words[page + SUMMARY]! | (1 << (entry >>> 5));
  words[page + COUNT] = words[page + COUNT]! + 1;
}

function clearEntry(words: Int32Array, page: number, entry: number): void {
  words[page + entry] = 0;
  const word = page + BITMAP + (entry >>> 5);
  words[word] = words[word]! & ~(1 << (entry & 31));
  if (words[word] === 0) words[page + SUMMARY] = words[page + SUMMARY]! & ~(1 << (entry >>> 5));
  words[page + COUNT] = words[page + COUNT]! - 1;
}

function firstAtOrAbove(words: Int32Array, page: number, entry: number): number {
  const word = entry >>> 5;
  const bits = words[page + BITMAP + word]! & (-1 << (entry & 31));
  if (bits !== 0) return (word << 5) | lowestBit(bits);
  if (word === 31) return NIL;
  const later = words[page + SUMMARY]! & (-1 << (word + 1));
  if (later === 0) return NIL;
  const next = lowestBit(later);
  return (next << 5) | lowestBit(words[page + BITMAP + next]!);
}

function lastAtOrBelow(words: Int32Array, page: number, entry: number): number {
  const word = entry >>> 5;
  const bits = words[page + BITMAP + word]! & (-1 >>> (31 - (entry & 31)));
  if (bits !== 0) return (word << 5) | highestBit(bits);
  if (word === 0) return NIL;
  const earlier = words[page + SUMMARY]! & (-1 >>> (32 - word));
  if (earlier === 0) return NIL;
  const next = highestBit(earlier);
  return (next << 5) | highestBit(words[page + BITMAP + next]!);
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

function highestBit(bits: number): number {
  return 31 - Math.clz32(bits);
}
