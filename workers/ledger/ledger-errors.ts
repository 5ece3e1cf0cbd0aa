import { LedgerPausedError } from '../../core/ports/ledger.ts';

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

/** The ledger has settled events that the journal does not yield: acknowledged commands are missing. */
export class LedgerAheadError extends LedgerPausedError {
  override readonly name = 'LedgerAheadError';

  constructor(ledgerName: string, settledSequence: number, lastEventSequence: number) {
    super(
      'AHEAD',
      `${ledgerName} has settled event ${settledSequence}, but the journal yields only ${lastEventSequence} events: ` +
        'acknowledged commands are missing. Restore the journal folder that belongs to it.',
      true,
    );
  }
}
