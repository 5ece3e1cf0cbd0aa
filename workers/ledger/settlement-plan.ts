import { fail } from '../../core/assert.ts';
import type { Leg, SettlementBatch } from '../../core/ports/ledger.ts';
import type { BalanceSheet } from './balance-sheet.ts';
import { LedgerInvariantError } from './ledger-errors.ts';

/** What of a batch is to be applied: what lies beyond the watermark. */
export type SettlementPlan =
  | { readonly outcome: 'REPEATED' }
  | { readonly outcome: 'GAP' }
  | { readonly outcome: 'APPLY'; readonly legs: readonly Leg[]; readonly settledCommandIds: readonly number[] };

/**
 * Compares a batch with its partition's watermark, trims what is applied already, and checks everything that remains
 * before anything is written.
 * @throws InvariantError for a batch that contradicts itself; LedgerInvariantError when legs do not add up to zero or an
 *   amount would fall below zero
 */
export function planSettlement(batch: SettlementBatch, watermark: number, balances: BalanceSheet): SettlementPlan {
  requireOrdered(batch);
  if (batch.lastSequence <= watermark) return { outcome: 'REPEATED' };
  if (batch.beforeSequence > watermark) return { outcome: 'GAP' };
  const legs = batch.legs.filter(({ eventSequence }) => eventSequence > watermark);
  requireZeroSums(legs);
  requireCovered(legs, balances);
  const settledCommandIds = batch.settledCommands
    .filter(({ eventSequence }) => eventSequence > watermark)
    .map(({ commandId }) => commandId);
  return { outcome: 'APPLY', legs, settledCommandIds };
}

/**
 * What of a batch can be checked without any balance.
 * @throws InvariantError for a batch that contradicts itself
 */
export function requireOrdered(batch: SettlementBatch): void {
  const { beforeSequence, lastSequence, legs, settledCommands } = batch;
  if (!Number.isSafeInteger(beforeSequence) || beforeSequence < 0 || !(lastSequence > beforeSequence))
    fail(`partition ${batch.partition}: a batch of the events after ${beforeSequence} through ${lastSequence}`);
  let previous = beforeSequence + 1;
  for (const { eventSequence } of legs) {
    if (eventSequence < previous || eventSequence > lastSequence)
      fail(`partition ${batch.partition}: leg of event ${eventSequence} not within ${previous} … ${lastSequence}`);
    previous = eventSequence;
  }
  for (const { commandId, eventSequence } of settledCommands)
    if (eventSequence <= beforeSequence || eventSequence > lastSequence)
      fail(`partition ${batch.partition}: command ${commandId} settled by event ${eventSequence}, outside its batch`);
}

/** @throws LedgerInvariantError naming the first event whose legs do not add up to zero in every asset */
export function requireZeroSums(legs: readonly Leg[]): void {
  const sums = new Map<number, bigint>();
  for (const [index, leg] of legs.entries()) {
    const sum = (sums.get(leg.assetId) ?? 0n) + leg.availableDeltaUnits + leg.heldDeltaUnits;
    sums.set(leg.assetId, sum);
    if (legs[index + 1]?.eventSequence === leg.eventSequence) continue;
    for (const [assetId, total] of sums)
      if (total !== 0n)
        throw new LedgerInvariantError(
          `event ${leg.eventSequence}: its legs of asset ${assetId} add up to ${total}, not to zero`,
        );
    sums.clear();
  }
}

/** Every single change must leave both amounts at zero or above, since each becomes an entry. */
function requireCovered(legs: readonly Leg[], balances: BalanceSheet): void {
  const amounts = new Map<string, { availableUnits: bigint; heldUnits: bigint }>();
  for (const leg of legs) {
    const key = `${leg.accountId} ${leg.assetId}`;
    let amount = amounts.get(key);
    if (amount === undefined) {
      const balance = balances.find(leg.accountId, leg.assetId);
      amount = { availableUnits: balance?.availableUnits ?? 0n, heldUnits: balance?.heldUnits ?? 0n };
      amounts.set(key, amount);
    }
    amount.availableUnits += leg.availableDeltaUnits;
    amount.heldUnits += leg.heldDeltaUnits;
    if (amount.availableUnits < 0n || amount.heldUnits < 0n)
      throw new LedgerInvariantError(
        `event ${leg.eventSequence}: account ${leg.accountId} asset ${leg.assetId} would have ` +
          `${amount.availableUnits} available and ${amount.heldUnits} held`,
      );
  }
}
