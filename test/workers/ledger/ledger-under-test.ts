import { expect } from 'vitest';
import type { Ledger } from '../../../core/ports/ledger.ts';

/** One entry, wherever the adapter keeps it. */
export interface LedgerEntry {
  readonly ledgerSequence: number;
  readonly accountId: number;
  readonly assetId: number;
  readonly availableBefore: bigint;
  readonly availableAfter: bigint;
  readonly heldBefore: bigint;
  readonly heldAfter: bigint;
  readonly reason: string;
  readonly operationId: number;
  readonly timestampMs: number;
}

export interface OpenLedger {
  readonly ledger: Ledger;
  /** @returns all entries in the order they were written */
  entries(): Promise<LedgerEntry[]>;
  /** @returns everything that is stored, comparable: a refusal must leave it as it is */
  dump(): Promise<unknown>;
  /** @returns a ledger opened on what would be on disk if the machine stopped now */
  crash(): Promise<OpenLedger>;
  close(): Promise<void>;
}

/** An adapter of the ledger: eight partitions, empty. */
export interface LedgerUnderTest {
  readonly name: string;
  open(): Promise<OpenLedger>;
}

/** Entries begin where the one before ended, nothing is below zero, and the last ones are the balances. */
export async function expectChained({ ledger, entries }: OpenLedger): Promise<void> {
  const last = new Map<string, LedgerEntry>();
  let ledgerSequence = 0;
  for (const entry of await entries()) {
    const key = `${entry.accountId} ${entry.assetId}`;
    const before = last.get(key);
    expect([entry.availableBefore, entry.heldBefore]).toEqual([before?.availableAfter ?? 0n, before?.heldAfter ?? 0n]);
    expect(entry.availableAfter >= 0n && entry.heldAfter >= 0n).toBe(true);
    expect(entry.ledgerSequence).toBeGreaterThanOrEqual(ledgerSequence);
    ledgerSequence = entry.ledgerSequence;
    last.set(key, entry);
  }
  expect(await ledger.ledgerSequence()).toBeGreaterThanOrEqual(ledgerSequence);
  for (const accountId of new Set([...last.values()].map((entry) => entry.accountId)))
    for (const { assetId, availableUnits, heldUnits } of (await ledger.balances(accountId)).balances) {
      const entry = last.get(`${accountId} ${assetId}`);
      expect([entry?.availableAfter, entry?.heldAfter]).toEqual([availableUnits, heldUnits]);
    }
}
