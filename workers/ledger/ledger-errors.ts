/**
 * A settlement would break a fact that the holds made sure of: an amount below zero, legs that do not add up to zero.
 * Nothing was written. The partition stops at it.
 */
export class LedgerInvariantError extends Error {
  override readonly name = 'LedgerInvariantError';
}

/** A script failed for a reason that is no state of the server: the ledger's data or its code is not what we know. */
export class LedgerScriptError extends Error {
  override readonly name = 'LedgerScriptError';
}
