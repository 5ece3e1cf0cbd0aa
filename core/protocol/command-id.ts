/** Ids that one start may give out: the start number stands above them. */
export const IDS_PER_START = 2 ** 32;

/** Ids of commands and transfers are start number × 2^32 + counter and stay below 2^53. */
export const MAX_START_NUMBER = 2 ** 21 - 1;

/** @returns the lowest id that a start gives out: whatever lies below belongs to an earlier one */
export function firstCommandIdOf(startNumber: number): number {
  return startNumber * IDS_PER_START;
}
