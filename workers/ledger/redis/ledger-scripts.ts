import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A script of the ledger: its text begins with the contract. `sha` is what EVALSHA calls it by. */
export interface LedgerScript {
  readonly name: string;
  readonly source: string;
  readonly sha: string;
}

/**
 * Scripts say what they are, so that Redis refuses one that may write before it runs, never half-way: on a replica, with
 * no memory left, or unable to persist. Those that only read are answered all the same.
 */
const WRITES = '#!lua\n';
const READS = '#!lua flags=no-writes\n';

/** Reads a script's file and puts the prelude before it. */
export function loadScript(name: string, mayWrite: boolean): LedgerScript {
  return compose(name, `${mayWrite ? WRITES : READS}${textOf('ledger-prelude')}\n${textOf(name)}`);
}

/** @param source the whole text, shebang and prelude included */
export function compose(name: string, source: string): LedgerScript {
  return { name, source, sha: createHash('sha1').update(source).digest('hex') };
}

function textOf(name: string): string {
  return readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8');
}

/** Every script there is. */
export const LEDGER_SCRIPTS = {
  createLedger: loadScript('create-ledger', true),
  restoreLedger: loadScript('restore-ledger', true),
  readLedger: loadScript('read-ledger', false),
  holdFunds: loadScript('hold-funds', true),
  releaseHold: loadScript('release-hold', true),
  settleLegs: loadScript('settle-legs', true),
  creditFunds: loadScript('credit-funds', true),
  debitFunds: loadScript('debit-funds', true),
  raiseFloor: loadScript('raise-floor', true),
  readSequence: loadScript('read-sequence', false),
  readBalances: loadScript('read-balances', false),
  listHolds: loadScript('list-holds', false),
  findHolds: loadScript('find-holds', false),
  readChanges: loadScript('read-changes', false),
  trimChanges: loadScript('trim-changes', true),
} as const;
