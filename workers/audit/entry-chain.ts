import { AmountTable } from './amount-table.ts';
import type { Findings } from './check-report.ts';
import type { StoredEntry, StoredLedger } from './stored-ledger.ts';

export interface EntryChain {
  readonly entryCount: number;
  /** Entries that do not begin where the one before ended, the first of them: named once. */
  readonly brokenEntries: ReadonlySet<number>;
}

/** What entries brought in and took out, by asset. */
type MovedUnits = Readonly<Record<'deposit' | 'withdrawal', Map<number, bigint>>>;

const MAX_BROKEN_ENTRIES = 10_000;

/**
 * Walks all entries in order: numbered without gaps, each beginning where the one before of its account and asset ended,
 * never below zero, and ending at the stored balance. Compares deposits with credits, withdrawals with debits, both with
 * the pools.
 * @param onProgress entries walked so far
 */
export async function checkEntryChain(
  ledger: StoredLedger,
  findings: Findings,
  onProgress: (entryCount: number) => void,
): Promise<EntryChain> {
  const available = new AmountTable();
  const held = new AmountTable();
  const moved: MovedUnits = { deposit: new Map(), withdrawal: new Map() };
  const highestLedgerSequence = ledger.ledgerSequence;
  const brokenEntries = new Set<number>();
  let previous: StoredEntry | null = null;
  let entryCount = 0;
  for await (const page of ledger.entries()) {
    for (const entry of page) {
      checkNumbers(entry, previous, highestLedgerSequence, findings);
      const lastUnits = available.get(entry.accountId, entry.assetId) + held.get(entry.accountId, entry.assetId);
      const isJoined = checkAmounts(entry, available, held, findings);
      if (!isJoined && brokenEntries.size < MAX_BROKEN_ENTRIES) brokenEntries.add(entry.entrySequence);
      if (entry.reason === 'deposit' || entry.reason === 'withdrawal') {
        const change = entry.availableAfter + entry.heldAfter - lastUnits;
        const totals = moved[entry.reason];
        totals.set(entry.assetId, (totals.get(entry.assetId) ?? 0n) + (entry.reason === 'deposit' ? change : -change));
      }
      previous = entry;
      entryCount += 1;
    }
    onProgress(entryCount);
  }
  await checkBalances(ledger, available, held, findings);
  await checkPools(ledger, moved, findings);
  return { entryCount, brokenEntries };
}

function checkNumbers(
  entry: StoredEntry,
  previous: StoredEntry | null,
  highestLedgerSequence: number,
  findings: Findings,
): void {
  const { entrySequence, ledgerSequence } = entry;
  const expected = (previous?.entrySequence ?? 0) + 1;
  findings.require(6, entrySequence === expected, () => `entry ${entrySequence} stands where ${expected} must`);
  findings.require(
    6,
    ledgerSequence >= (previous?.ledgerSequence ?? 1) && ledgerSequence <= highestLedgerSequence,
    () =>
      `entry ${entrySequence}: change sequence ${ledgerSequence} after ${previous?.ledgerSequence ?? 0}, highest is ${highestLedgerSequence}`,
  );
}

/** @returns whether the entry begins where the one before ended; if not, what it changes is not known either */
function checkAmounts(entry: StoredEntry, available: AmountTable, held: AmountTable, findings: Findings): boolean {
  const { entrySequence, accountId, assetId, availableBefore, availableAfter, heldBefore, heldAfter } = entry;
  const [lastAvailable, lastHeld] = [available.get(accountId, assetId), held.get(accountId, assetId)];
  const whose = (): string =>
    `entry ${entrySequence} (account ${accountId}, asset ${assetId}, ${entry.reason} ${entry.operationId})`;
  const isJoined = availableBefore === lastAvailable && heldBefore === lastHeld;
  findings.require(
    5,
    isJoined,
    () =>
      `${whose()} begins at ${availableBefore} and ${heldBefore}, the one before ended at ${lastAvailable} and ${lastHeld}`,
  );
  findings.require(
    2,
    availableAfter >= 0n && heldAfter >= 0n,
    () => `${whose()} ends at ${availableAfter} and ${heldAfter}`,
  );
  const change = availableAfter + heldAfter - availableBefore - heldBefore;
  if (isJoined && (entry.reason === 'hold' || entry.reason === 'release' || entry.reason === 'rebuild'))
    findings.require(1, change === 0n, () => `${whose()} changes the total by ${change}`);
  available.add(accountId, assetId, availableAfter - lastAvailable);
  held.add(accountId, assetId, heldAfter - lastHeld);
  return isJoined;
}

async function checkBalances(
  ledger: StoredLedger,
  available: AmountTable,
  held: AmountTable,
  findings: Findings,
): Promise<void> {
  const stored = new Set<string>();
  for (const { accountId, assetId, availableUnits, heldUnits } of await ledger.balances()) {
    stored.add(`${accountId} ${assetId}`);
    const [lastAvailable, lastHeld] = [available.get(accountId, assetId), held.get(accountId, assetId)];
    findings.require(
      5,
      availableUnits === lastAvailable && heldUnits === lastHeld,
      () =>
        `account ${accountId} asset ${assetId}: balance ${availableUnits} and ${heldUnits}, its last entry ended at ${lastAvailable} and ${lastHeld}`,
    );
  }
  for (const { accountId, assetId } of available.rows())
    findings.require(
      5,
      stored.has(`${accountId} ${assetId}`),
      () => `account ${accountId} asset ${assetId} has entries, but no balance`,
    );
}

async function checkPools(ledger: StoredLedger, moved: MovedUnits, findings: Findings): Promise<void> {
  const totals = new Map<number, bigint>();
  for (const { accountId, assetId, availableUnits, heldUnits } of await ledger.balances()) {
    findings.require(
      2,
      availableUnits >= 0n && heldUnits >= 0n,
      () => `account ${accountId} asset ${assetId}: ${availableUnits} available, ${heldUnits} held`,
    );
    totals.set(assetId, (totals.get(assetId) ?? 0n) + availableUnits + heldUnits);
  }
  const credits = await ledger.operationTotals('credits');
  const debits = await ledger.operationTotals('debits');
  const pools = new Map((await ledger.pools()).map((pool) => [pool.assetId, pool]));
  const { deposit, withdrawal } = moved;
  const tables = [totals, credits, debits, deposit, withdrawal, pools];
  for (const assetId of new Set(tables.flatMap((table) => [...table.keys()]))) {
    const { creditedUnits, debitedUnits } = pools.get(assetId) ?? { creditedUnits: 0n, debitedUnits: 0n };
    const unitsOf = (table: ReadonlyMap<number, bigint>): bigint => table.get(assetId) ?? 0n;
    findings.require(
      1,
      unitsOf(totals) === creditedUnits - debitedUnits,
      () =>
        `asset ${assetId}: all accounts have ${unitsOf(totals)}, credited ${creditedUnits} less debited ${debitedUnits}`,
    );
    findings.require(
      1,
      unitsOf(credits) === creditedUnits && unitsOf(deposit) === creditedUnits,
      () =>
        `asset ${assetId}: credits ${unitsOf(credits)}, deposit entries ${unitsOf(deposit)}, pool says ${creditedUnits}`,
    );
    findings.require(
      1,
      unitsOf(debits) === debitedUnits && unitsOf(withdrawal) === debitedUnits,
      () =>
        `asset ${assetId}: debits ${unitsOf(debits)}, withdrawal entries ${unitsOf(withdrawal)}, pool says ${debitedUnits}`,
    );
  }
}
