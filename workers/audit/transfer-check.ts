import type { Catalogue } from '../../core/money/catalogue.ts';
import { FIRST_TRANSFER_ID, grantOperationId, grantUnits } from '../transfers/sandbox-grants.ts';
import type { Findings } from './check-report.ts';
import { Lookahead } from './lookahead.ts';
import type { StoredEntry, StoredHold, StoredLedger, StoredTransfer } from './stored-ledger.ts';

type Presence = 'must' | 'may' | 'must not';

/**
 * Compares what came in and went out with the table of transfers, both in the order of their ids: every finished
 * transfer has one entry of its units, every such entry a transfer that asks for it or a sandbox's grant, and every
 * withdrawal that waits has its hold.
 * @param catalogue as replayed; a grant of an asset that is not in it is not measured
 * @param brokenEntries found wrong in themselves: what they moved is not known
 */
export async function checkTransfers(
  ledger: StoredLedger,
  findings: Findings,
  catalogue: Catalogue,
  brokenEntries: ReadonlySet<number>,
): Promise<void> {
  const holds = new Map((await ledger.openHolds()).map((hold) => [hold.commandId, hold]));
  const entries = new Lookahead(ledger.transferEntries());
  const check = new TransferCheck({ isSandbox: ledger.mode === 'sandbox', holds, findings, catalogue, brokenEntries });
  for await (const page of ledger.transfers())
    for (const transfer of page) {
      const { transferId } = transfer;
      for (let entry = await entries.peek(); entry !== null; entry = await entries.peek()) {
        if (entry.operationId >= transferId) break;
        check.withoutTransfer(entries.take());
      }
      const own: StoredEntry[] = [];
      while ((await entries.peek())?.operationId === transferId) own.push(entries.take());
      check.transfer(transfer, own);
    }
  while ((await entries.peek()) !== null) check.withoutTransfer(entries.take());
}

class TransferCheck {
  readonly #isSandbox: boolean;
  readonly #holds: ReadonlyMap<number, StoredHold>;
  readonly #findings: Findings;
  readonly #catalogue: Catalogue;
  readonly #brokenEntries: ReadonlySet<number>;
  readonly #grants = new Set<number>();

  constructor(parts: {
    isSandbox: boolean;
    holds: ReadonlyMap<number, StoredHold>;
    findings: Findings;
    catalogue: Catalogue;
    brokenEntries: ReadonlySet<number>;
  }) {
    this.#isSandbox = parts.isSandbox;
    this.#holds = parts.holds;
    this.#findings = parts.findings;
    this.#catalogue = parts.catalogue;
    this.#brokenEntries = parts.brokenEntries;
  }

  /** An entry that belongs to none: a grant, or made up. */
  withoutTransfer(entry: StoredEntry): void {
    const { operationId, accountId, assetId } = entry;
    const asset = this.#catalogue.asset(assetId);
    const isGrant =
      this.#isSandbox &&
      entry.reason === 'deposit' &&
      operationId < FIRST_TRANSFER_ID &&
      operationId === grantOperationId(accountId, assetId) &&
      (asset === undefined || this.#moved(entry, grantUnits(asset))) &&
      !this.#grants.has(operationId);
    this.#grants.add(operationId);
    this.#findings.require(1, isGrant, () => `${textOf(entry)} belongs to no transfer`);
  }

  transfer(transfer: StoredTransfer, entries: readonly StoredEntry[]): void {
    const named = `${transfer.kind} ${transfer.transferId}`;
    const first = entries[0];
    for (const entry of entries.slice(1))
      this.#findings.require(1, false, () => `${textOf(entry)} moves ${named} once more`);
    if (first !== undefined)
      this.#findings.require(
        1,
        isOperationOf(first, transfer) && this.#moved(first, transfer.units),
        () => `${textOf(first)} is not what ${named} asks for: ${textOfRequest(transfer)}`,
      );
    const entryMay = entryPresence(transfer);
    this.#requirePresence(1, entryMay, first !== undefined, () => `${named} is ${stateOf(transfer)}`, 'entry');
    this.#checkHold(transfer, named, first !== undefined);
  }

  #moved(entry: StoredEntry, units: bigint): boolean {
    return movedUnits(entry) === units || this.#brokenEntries.has(entry.entrySequence);
  }

  #checkHold(transfer: StoredTransfer, named: string, isDebited: boolean): void {
    const hold = this.#holds.get(transfer.transferId);
    const presence = isDebited ? 'must not' : holdPresence(transfer);
    const whose = (): string => `${named} is ${stateOf(transfer)}${isDebited ? ' and debited' : ''}`;
    this.#requirePresence(3, presence, hold !== undefined, whose, 'hold');
    if (hold === undefined) return;
    const { accountId, assetId, units } = transfer;
    this.#findings.require(
      3,
      hold.accountId === accountId && hold.assetId === assetId && hold.units === units,
      () =>
        `${named} holds ${hold.units} (account ${hold.accountId}, asset ${hold.assetId}), and asks for ${textOfRequest(transfer)}`,
    );
  }

  #requirePresence(statement: 1 | 3, presence: Presence, isThere: boolean, whose: () => string, what: string): void {
    this.#findings.require(
      statement,
      presence === 'may' || (presence === 'must') === isThere,
      () => `${whose()}, and has ${isThere ? 'an' : 'no'} ${isThere && what === 'hold' ? 'open hold' : what}`,
    );
  }
}

/** Decided and not done: a crash may have come before or after the ledger's part. */
function entryPresence({ state, decision }: StoredTransfer): Presence {
  if (state === 'done') return 'must';
  return state === 'pending' && decision === 'confirm' ? 'may' : 'must not';
}

/** Of a transfer that was not debited. */
function holdPresence({ kind, state, decision }: StoredTransfer): Presence {
  if (kind === 'deposit' || state === 'done' || state === 'failed') return 'must not';
  return state === 'start' || decision === 'fail' ? 'may' : 'must';
}

function isOperationOf(entry: StoredEntry, { kind, accountId, assetId }: StoredTransfer): boolean {
  return entry.reason === kind && entry.accountId === accountId && entry.assetId === assetId;
}

/** What came into the pool with a deposit's entry, or left it with a withdrawal's; anything else is nobody's units. */
function movedUnits(entry: StoredEntry): bigint {
  const availableDelta = entry.availableAfter - entry.availableBefore;
  const heldDelta = entry.heldAfter - entry.heldBefore;
  if (entry.reason === 'deposit') return heldDelta === 0n ? availableDelta : -1n;
  return availableDelta === 0n ? -heldDelta : -1n;
}

function textOf(entry: StoredEntry): string {
  const { entrySequence, reason, operationId, accountId, assetId } = entry;
  const total = entry.availableAfter + entry.heldAfter - entry.availableBefore - entry.heldBefore;
  return `entry ${entrySequence} (${reason} ${operationId}, account ${accountId}, asset ${assetId}, ${total})`;
}

function textOfRequest({ accountId, assetId, units }: StoredTransfer): string {
  return `account ${accountId}, asset ${assetId}, ${units}`;
}

function stateOf({ state, decision }: StoredTransfer): string {
  return state === 'pending' && decision !== null ? `pending, decided to ${decision}` : state;
}
