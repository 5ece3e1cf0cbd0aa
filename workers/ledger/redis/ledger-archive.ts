import { setTimeout as sleep } from 'node:timers/promises';
import { LedgerUnavailableError } from '../../../core/ports/ledger.ts';
import type { ExchangeDatabase } from '../../storage/exchange-database.ts';
import { BALANCES, CREDITS, DEBITS, ENTRIES, HOLDS, POOLS, WATERMARKS } from '../ledger-tables.ts';
import type { ChangeLine, LedgerChange, StoredChanges } from './ledger-changes.ts';

/** Where changes come from, and where they may go once they are archived. */
export interface ChangeSource {
  changesAfter(archivedSequence: number, limit: number): Promise<StoredChanges>;
  trimThrough(archivedSequence: number): Promise<void>;
  untilUsable(timeoutMs: number): Promise<void>;
}

/** Changes have left Redis that were never archived: entries are missing, and no later one joins on. */
export class ArchiveGapError extends Error {
  override readonly name = 'ArchiveGapError';
}

interface Waiter {
  readonly sequence: number;
  readonly sinceMs: number; // performance.now()
  readonly reached: PromiseWithResolvers<void>;
}

/** Changes read at a time; one of settlement has as many entries as its batch has legs. */
const BATCH_CHANGES = 1_000;
/** Left to gather, so that a busy ledger is archived in large batches. */
const GATHER_MS = 20;
const UNAVAILABLE_PAUSE_MS = 250;
/** How long those who wait for an entry wait for a ledger that can't be asked. */
const PATIENCE_MS = 5_000;

/**
 * Brings every change of a ledger in Redis into `exchange.sqlite`, in order and once: its entries, and what follows from
 * them (balances, holds, credits, debits, pools, watermarks), so that the file is the ledger as it stood at the change
 * that it has last: what an audit reads, and what a rebuild begins with. A batch and the sequence it ends at are one
 * transaction; only what is durable is trimmed from Redis. A crash anywhere in between does the step again or not at all.
 */
export class LedgerArchive {
  readonly #exchange: ExchangeDatabase;
  readonly #source: ChangeSource;
  readonly #onFailure: (error: Error) => void;
  readonly #pools = new Map<number, { creditedUnits: bigint; debitedUnits: bigint }>();
  readonly #waiters = new Set<Waiter>();
  #entrySequence = 0;
  #archivedSequence = 0;
  #running: Promise<void> | null = null;
  #isWanted = false; // there is more than the run under way has seen
  #isStopping = false;
  #failure: Error | null = null;

  private constructor(exchange: ExchangeDatabase, source: ChangeSource, onFailure: (error: Error) => void) {
    this.#exchange = exchange;
    this.#source = source;
    this.#onFailure = onFailure;
  }

  /**
   * @param onFailure told once when nothing can be archived any more
   * @throws DatabaseError
   */
  static async open(
    exchange: ExchangeDatabase,
    source: ChangeSource,
    onFailure: (error: Error) => void,
  ): Promise<LedgerArchive> {
    const archive = new LedgerArchive(exchange, source, onFailure);
    await archive.#load();
    return archive;
  }

  /** Everything through this change is in the file, durably. */
  get archivedSequence(): number {
    return this.#archivedSequence;
  }

  /** There may be something to archive. */
  wake(): void {
    this.#isWanted = true;
    if (this.#running === null && !this.#isStopping && this.#failure === null)
      this.#running = this.#run().finally(() => {
        this.#running = null;
      });
  }

  /**
   * @returns once everything through that change is archived; rejects on failure and on stop
   * @throws LedgerUnavailableError when the ledger can't be asked for too long: it is archived later
   */
  async archivedThrough(sequence: number): Promise<void> {
    if (sequence <= this.#archivedSequence) return;
    if (this.#failure !== null) throw this.#failure;
    const reached = Promise.withResolvers<void>();
    this.#waiters.add({ sequence, sinceMs: performance.now(), reached });
    this.wake();
    await reached.promise;
  }

  /** One batch: read, made durable, trimmed. @returns whether there may be more */
  async step(): Promise<boolean> {
    const { ledgerSequence, changes } = await this.#source.changesAfter(this.#archivedSequence, BATCH_CHANGES);
    if (changes.length > 0) {
      this.#requireJoined(changes);
      for (const change of changes) this.#put(change);
      const sequence = changes.at(-1)!.ledgerSequence;
      this.#exchange.putMeta('ledgerSequence', String(sequence));
      await this.#exchange.commits.durable();
      this.#archivedSequence = sequence;
      this.#resolveWaiters();
    } else if (ledgerSequence > this.#archivedSequence) {
      throw new ArchiveGapError(gapText(this.#archivedSequence + 1, ledgerSequence));
    }
    await this.#source.trimThrough(this.#archivedSequence);
    return this.#archivedSequence < ledgerSequence;
  }

  /** Stops after the step under way. What is not archived stays in Redis for the next start. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
    this.#rejectWaiters(new Error('the archive of the ledger was stopped'));
  }

  async #run(): Promise<void> {
    while (this.#isWanted && !this.#isStopping) {
      this.#isWanted = false;
      try {
        await sleep(GATHER_MS);
        while (!this.#isStopping && (await this.step()));
      } catch (error) {
        if (!(error instanceof LedgerUnavailableError)) {
          this.#fail(error as Error);
          return;
        }
        this.#isWanted = true;
        this.#rejectWaiters(error, performance.now() - PATIENCE_MS);
        await this.#source.untilUsable(UNAVAILABLE_PAUSE_MS).catch(() => {
          this.#isStopping = true; // it was closed
        });
        if (!this.#isStopping) await sleep(UNAVAILABLE_PAUSE_MS);
      }
    }
  }

  #fail(error: Error): void {
    this.#failure = error;
    this.#rejectWaiters(error);
    this.#onFailure(error);
  }

  #requireJoined(changes: readonly LedgerChange[]): void {
    let expected = this.#archivedSequence + 1;
    for (const { ledgerSequence } of changes) {
      if (ledgerSequence !== expected) throw new ArchiveGapError(gapText(expected, ledgerSequence - 1));
      expected += 1;
    }
  }

  #put({ ledgerSequence, timestampMs, lines }: LedgerChange): void {
    const { commits } = this.#exchange;
    for (const line of lines) {
      if (line.kind === 'ENTRY') this.#putEntry(line, ledgerSequence, timestampMs);
      else if (line.kind === 'WATERMARK') commits.put(WATERMARKS, [line.partition, line.eventSequence]);
      else if (line.kind === 'MET') commits.remove(HOLDS, [line.commandId]);
      else if (line.kind === 'FLOOR') this.#exchange.putMeta('ledgerFloor', String(line.commandId));
    }
  }

  #putEntry(entry: Extract<ChangeLine, { kind: 'ENTRY' }>, ledgerSequence: number, timestampMs: number): void {
    const { commits } = this.#exchange;
    const { reason, operationId, accountId, assetId, availableBefore, availableAfter, heldBefore, heldAfter } = entry;
    const change = BigInt(heldAfter) - BigInt(heldBefore);
    this.#entrySequence += 1;
    commits.put(BALANCES, [accountId, assetId, availableAfter, heldAfter]);
    const amounts = [availableBefore, availableAfter, heldBefore, heldAfter];
    const operation = [reason, operationId, timestampMs];
    commits.add(ENTRIES, [this.#entrySequence, ledgerSequence, accountId, assetId, ...amounts, ...operation]);
    const record = (units: bigint) => [operationId, accountId, assetId, `${units}`, availableAfter, ledgerSequence];
    if (reason === 'hold') {
      commits.put(HOLDS, record(change));
    } else if (reason === 'release') {
      commits.remove(HOLDS, [operationId]);
    } else if (reason === 'deposit') {
      const units = BigInt(availableAfter) - BigInt(availableBefore);
      commits.add(CREDITS, record(units));
      this.#putPool(assetId, units, 0n);
    } else if (reason === 'withdrawal') {
      commits.remove(HOLDS, [operationId]);
      commits.add(DEBITS, record(-change));
      this.#putPool(assetId, 0n, -change);
    }
  }

  #putPool(assetId: number, creditedUnits: bigint, debitedUnits: bigint): void {
    const pool = this.#pools.get(assetId) ?? { creditedUnits: 0n, debitedUnits: 0n };
    pool.creditedUnits += creditedUnits;
    pool.debitedUnits += debitedUnits;
    this.#pools.set(assetId, pool);
    this.#exchange.commits.put(POOLS, [assetId, `${pool.creditedUnits}`, `${pool.debitedUnits}`]);
  }

  async #load(): Promise<void> {
    const { database } = this.#exchange;
    this.#archivedSequence = Number((await this.#exchange.readMeta('ledgerSequence')) ?? '0');
    const last = await database.all<{ last: number | null }>('SELECT max(entry_sequence) AS last FROM entries');
    this.#entrySequence = last[0]!.last ?? 0;
    const pools = await database.all<{ assetId: number; credited: string; debited: string }>(
      'SELECT asset_id AS assetId, credited_units AS credited, debited_units AS debited FROM pools',
    );
    for (const { assetId, credited, debited } of pools)
      this.#pools.set(assetId, { creditedUnits: BigInt(credited), debitedUnits: BigInt(debited) });
  }

  #resolveWaiters(): void {
    for (const waiter of this.#waiters)
      if (waiter.sequence <= this.#archivedSequence) {
        this.#waiters.delete(waiter);
        waiter.reached.resolve();
      }
  }

  #rejectWaiters(error: Error, sinceMs = Number.POSITIVE_INFINITY): void {
    for (const waiter of this.#waiters)
      if (waiter.sinceMs <= sinceMs) {
        this.#waiters.delete(waiter);
        waiter.reached.reject(error);
      }
  }
}

function gapText(from: number, through: number): string {
  return (
    `changes ${from} … ${through} of the ledger are neither archived nor in Redis: somebody else trimmed its stream. ` +
    'Restore exchange.sqlite or Redis from a copy that has them'
  );
}
