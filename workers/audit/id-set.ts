const PAGE_IDS = 2 ** 15;

/**
 * A set of command ids: start number × 2^32 + counter, so nearly dense runs. One bit an id, in pages of 32,768, where a
 * Set would take some forty bytes each.
 */
export class IdSet {
  readonly #pages = new Map<number, Uint32Array>();

  /**
   * @param id 0 … 2^53 - 1
   * @returns whether it was new
   */
  add(id: number): boolean {
    const pageNumber = Math.floor(id / PAGE_IDS);
    let page = this.#pages.get(pageNumber);
    if (page === undefined) {
      page = new Uint32Array(PAGE_IDS / 32);
      this.#pages.set(pageNumber, page);
    }
    const bit = id % PAGE_IDS;
    const word = page[bit >> 5]!;
    page[bit >> 5] = word | (1 << (bit & 31));
    return (word & (1 << (bit & 31))) === 0;
  }

  has(id: number): boolean {
    const page = this.#pages.get(Math.floor(id / PAGE_IDS));
    const bit = id % PAGE_IDS;
    return page !== undefined && (page[bit >> 5]! & (1 << (bit & 31))) !== 0;
  }
}
