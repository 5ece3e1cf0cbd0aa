import { fail } from '../../core/assert.ts';

/** Rows that come in pages, one by one, the next of which can be looked at. */
export class Lookahead<Row> {
  readonly #pages: AsyncGenerator<Row[]>;
  #page: readonly Row[] = [];
  #next = 0;
  #isAtEnd = false;

  constructor(pages: AsyncGenerator<Row[]>) {
    this.#pages = pages;
  }

  /** @returns the next row, which stays the next one; null at the end */
  async peek(): Promise<Row | null> {
    while (this.#next === this.#page.length && !this.#isAtEnd) {
      const { value, done } = await this.#pages.next();
      this.#isAtEnd = done === true;
      this.#page = value ?? [];
      this.#next = 0;
    }
    return this.#page[this.#next] ?? null;
  }

  /** @returns the row that was looked at last */
  take(): Row {
    const row = this.#page[this.#next] ?? fail('a row is taken that was not looked at');
    this.#next += 1;
    return row;
  }
}
