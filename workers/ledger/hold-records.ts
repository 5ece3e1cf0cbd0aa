import type { GroupCommit } from '../storage/group-commit.ts';
import type { SqliteDatabase } from '../storage/sqlite-database.ts';
import { CLOSED_HOLDS, HOLDS } from './ledger-tables.ts';

/** A hold whose command settlement has not met, with what its first answer said. */
export interface HoldRecord {
  readonly commandId: number;
  readonly accountId: number;
  readonly assetId: number;
  readonly units: bigint;
  readonly availableUnits: bigint;
  readonly ledgerSequence: number;
}

export type ClosedOutcome = 'RELEASED' | 'SETTLED';

/** How long a closed id is remembered, by the times that operations carry. */
export const TOMBSTONE_MS = 10 * 60_000;
/** Under sustained load memory counts more than age: of more tombstones than this the oldest go first. */
export const DEFAULT_CLOSED_HOLDS = 2 ** 20;
/** Tombstones dropped at most by one closing: twice as fast as they come, so that no operation waits for many. */
const DROPPED_PER_CLOSE = 2;

/** Open holds, and tombstones of closed ones: released, or taken over by settlement. Memory and its rows in step. */
export class HoldRecords {
  readonly #commits: GroupCommit;
  readonly #maxClosed: number;
  readonly #open = new Map<number, HoldRecord>();
  /** Oldest first. A time closed below zero, minus one, tells a settled hold: a number each, for a million of them. */
  readonly #closed = new Map<number, number>();
  // One iterator for all drops: a new one would walk over all that was deleted since the map last grew.
  #oldestClosed = this.#closed.entries();
  #oldest: readonly [commandId: number, closed: number] | null = null;

  /** @param maxClosed tombstones at most */
  constructor(commits: GroupCommit, maxClosed: number) {
    this.#commits = commits;
    this.#maxClosed = maxClosed;
  }

  async load(database: SqliteDatabase): Promise<void> {
    const open = await database.all<
      Omit<HoldRecord, 'units' | 'availableUnits'> & Record<'units' | 'available', string>
    >(
      `SELECT command_id AS commandId, account_id AS accountId, asset_id AS assetId, CAST(units AS TEXT) AS units,
         CAST(available_units AS TEXT) AS available, ledger_sequence AS ledgerSequence FROM holds`,
    );
    for (const { commandId, accountId, assetId, units, available, ledgerSequence } of open)
      this.#open.set(commandId, {
        commandId,
        accountId,
        assetId,
        units: BigInt(units),
        availableUnits: BigInt(available),
        ledgerSequence,
      });
    const closed = await database.all<{ commandId: number; outcome: ClosedOutcome; closedMs: number }>(
      'SELECT command_id AS commandId, outcome, closed_ms AS closedMs FROM closed_holds ORDER BY closed_ms, command_id',
    );
    for (const { commandId, outcome, closedMs } of closed) this.#closed.set(commandId, packed(outcome, closedMs));
  }

  findOpen(commandId: number): HoldRecord | undefined {
    return this.#open.get(commandId);
  }

  /** @returns how the id was closed, as long as that is remembered */
  findClosed(commandId: number): ClosedOutcome | undefined {
    const closed = this.#closed.get(commandId);
    if (closed === undefined) return undefined;
    return closed < 0 ? 'SETTLED' : 'RELEASED';
  }

  openBelow(commandId: number): HoldRecord[] {
    const found: HoldRecord[] = [];
    for (const hold of this.#open.values()) if (hold.commandId < commandId) found.push(hold);
    return found.sort((one, other) => one.commandId - other.commandId);
  }

  open(hold: HoldRecord): void {
    this.#open.set(hold.commandId, hold);
    const { commandId, accountId, assetId, units, availableUnits, ledgerSequence } = hold;
    const row = [commandId, accountId, assetId, units.toString(), availableUnits.toString(), ledgerSequence];
    this.#commits.put(HOLDS, row);
  }

  /** Leaves a tombstone for an id, whether it was open or not, and drops some that are old. */
  close(commandId: number, outcome: ClosedOutcome, timestampMs: number): void {
    if (this.#open.delete(commandId)) this.#commits.remove(HOLDS, [commandId]);
    if (this.#closed.has(commandId)) return;
    this.#closed.set(commandId, packed(outcome, timestampMs));
    this.#commits.put(CLOSED_HOLDS, [commandId, outcome, timestampMs]);
    for (let dropped = 0; dropped < DROPPED_PER_CLOSE; dropped++) if (!this.#dropOldest(timestampMs)) return;
  }

  #dropOldest(timestampMs: number): boolean {
    if (this.#oldest === null) {
      let next = this.#oldestClosed.next();
      if (next.done) {
        this.#oldestClosed = this.#closed.entries(); // one that has reached the end stays there
        next = this.#oldestClosed.next();
      }
      this.#oldest = next.value ?? null;
    }
    if (this.#oldest === null) return false;
    const [commandId, closed] = this.#oldest;
    if (closedMsOf(closed) + TOMBSTONE_MS > timestampMs && this.#closed.size <= this.#maxClosed) return false;
    this.#closed.delete(commandId);
    this.#commits.remove(CLOSED_HOLDS, [commandId]);
    this.#oldest = null;
    return true;
  }
}

function packed(outcome: ClosedOutcome, closedMs: number): number {
  return outcome === 'SETTLED' ? -1 - closedMs : closedMs;
}

function closedMsOf(packedMs: number): number {
  return packedMs < 0 ? -1 - packedMs : packedMs;
}
