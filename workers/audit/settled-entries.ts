import type { Leg } from '../../core/ports/ledger.ts';
import type { Findings } from './check-report.ts';
import { Lookahead } from './lookahead.ts';
import type { StoredEntry, StoredLedger } from './stored-ledger.ts';

/**
 * Compares what settlement wrote with the legs that the replayed events ask for, event by event: both come in the order
 * of events.
 */
export class SettledEntries {
  readonly #entries: Lookahead<StoredEntry>;
  readonly #findings: Findings;
  readonly #brokenEntries: ReadonlySet<number>;

  /**
   * @param brokenEntries found wrong in themselves: not named again
   * @param afterSequence of the events before the first that is compared
   */
  constructor(ledger: StoredLedger, findings: Findings, brokenEntries: ReadonlySet<number>, afterSequence: number) {
    this.#entries = new Lookahead(ledger.settlementEntries(afterSequence));
    this.#findings = findings;
    this.#brokenEntries = brokenEntries;
  }

  /**
   * Entries that lie between this event and the one compared before belong to no settled event and are reported.
   * @param legs of one settled event whose sequence is above all before
   * @param eventSequence theirs
   */
  async compare(eventSequence: number, legs: readonly Leg[]): Promise<void> {
    const expected = [...legs].sort((one, other) => one.accountId - other.accountId || one.assetId - other.assetId);
    for (const leg of expected) {
      const entry = await this.#takeMatching(leg);
      const found = entry === null ? 'no entry' : `entry ${entry.entrySequence} with ${textOfEntry(entry)}`;
      this.#findings.require(
        5,
        entry !== null && (isSame(entry, leg) || this.#brokenEntries.has(entry.entrySequence)),
        () =>
          `event ${eventSequence}: account ${leg.accountId} asset ${leg.assetId} must get ${textOfLeg(leg)}, has ${found}`,
      );
    }
  }

  /** Everything that is left belongs to no event. */
  async finish(): Promise<void> {
    for (let entry = await this.#entries.peek(); entry !== null; entry = await this.#entries.peek()) {
      this.#entries.take();
      this.#refuse(entry);
    }
  }

  /** @returns the entry of the leg's event, account and asset; those before it belong to nothing and are reported */
  async #takeMatching(leg: Leg): Promise<StoredEntry | null> {
    for (let entry = await this.#entries.peek(); entry !== null; entry = await this.#entries.peek()) {
      const order =
        entry.operationId - leg.eventSequence || entry.accountId - leg.accountId || entry.assetId - leg.assetId;
      if (order > 0) return null;
      this.#entries.take();
      if (order === 0) return entry;
      this.#refuse(entry);
    }
    return null;
  }

  #refuse(entry: StoredEntry): void {
    this.#findings.require(
      5,
      false,
      () =>
        `entry ${entry.entrySequence} (account ${entry.accountId}, asset ${entry.assetId}, ${textOfEntry(entry)}) settles event ${entry.operationId} once too often, or one that does not ask for it`,
    );
  }
}

function isSame(entry: StoredEntry, leg: Leg): boolean {
  return (
    entry.availableAfter - entry.availableBefore === leg.availableDeltaUnits &&
    entry.heldAfter - entry.heldBefore === leg.heldDeltaUnits &&
    entry.reason === leg.reason
  );
}

function textOfLeg({ reason, availableDeltaUnits, heldDeltaUnits }: Leg): string {
  return `${reason}: available ${availableDeltaUnits}, held ${heldDeltaUnits}`;
}

function textOfEntry(entry: StoredEntry): string {
  return `${entry.reason}: available ${entry.availableAfter - entry.availableBefore}, held ${entry.heldAfter - entry.heldBefore}`;
}
