import { fail } from '../../core/assert.ts';
import { firstCommandIdOf, IDS_PER_START, MAX_START_NUMBER } from '../../core/protocol/command-id.ts';

/**
 * Ids of commands and transfers, never given twice: start number × 2^32 + counter. The start number was raised durably
 * before this start, so that no earlier process gave out any of these.
 */
export class CommandIds {
  /** The lowest id of this start: whatever lies below belongs to an earlier one. */
  readonly firstId: number;
  #given = 0;

  /** @param startNumber 1 … 2^21 - 1 */
  constructor(startNumber: number) {
    if (!Number.isInteger(startNumber) || startNumber < 1 || startNumber > MAX_START_NUMBER)
      fail(`start number ${startNumber} is not within 1 … ${MAX_START_NUMBER}`);
    this.firstId = firstCommandIdOf(startNumber);
  }

  next(): number {
    if (this.#given >= IDS_PER_START) fail('all command ids of this start are given out: a restart makes new ones');
    const id = this.firstId + this.#given;
    this.#given += 1;
    return id;
  }
}
