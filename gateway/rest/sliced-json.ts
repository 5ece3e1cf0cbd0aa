import { setImmediate as nextTurn } from 'node:timers/promises';

/** Rows written in one turn of the event loop: some 5 ms. */
const SLICE_ROWS = 1_000;

/**
 * Writes an array of any length without keeping everybody else waiting.
 * @param json called for each row in its slice's turn; undefined leaves the row out
 * @returns the array as JSON
 */
export async function slicedJson<Row>(rows: readonly Row[], json: (row: Row) => unknown): Promise<string> {
  const slices: string[] = [];
  for (let from = 0; from < rows.length; from += SLICE_ROWS) {
    if (from > 0) await nextTurn();
    const slice = rows.slice(from, from + SLICE_ROWS).map(json);
    const texts = slice.filter((row) => row !== undefined).map((row) => JSON.stringify(row));
    if (texts.length > 0) slices.push(texts.join(','));
  }
  return `[${slices.join(',')}]`;
}
