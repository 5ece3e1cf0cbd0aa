import { fail } from '../../core/assert.ts';

/** Ids of commands and other operations: any other number is a bug of the caller's. */
export function requireId(id: number): void {
  if (!Number.isSafeInteger(id) || id < 1) fail(`operation id ${id}`);
}
