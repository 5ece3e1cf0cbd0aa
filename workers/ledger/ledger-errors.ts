/**
 * A settlement would break a fact that the holds made sure of: an amount below zero, legs that do not add up to zero.
 * Nothing was written. The partition stops at it.
 */
export class LedgerInvariantError extends Error {
  override readonly name = 'LedgerInvariantError';
}
