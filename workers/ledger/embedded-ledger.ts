import { fail } from '../../core/assert.ts';
import { MAX_POOL_UNITS } from '../../core/money/asset.ts';
import {
  type BalancesAnswer,
  type CreditAnswer,
  type CreditRequest,
  type DebitAnswer,
  type EntryReason,
  type HoldAnswer,
  type Ledger,
  type OpenHold,
  type ReleaseAnswer,
  type SettleAnswer,
  type SettlementBatch,
  StaleWriterError,
} from '../../core/ports/ledger.ts';
import type { ExchangeDatabase } from '../storage/exchange-database.ts';
import { BalanceSheet } from './balance-sheet.ts';
import { DEFAULT_CLOSED_HOLDS, HoldRecords } from './hold-records.ts';
import { LedgerInvariantError } from './ledger-errors.ts';
import { BALANCES, CREDITS, DEBITS, ENTRIES, POOLS, WATERMARKS } from './ledger-tables.ts';
import { requireId } from './operation-id.ts';
import { OperationRecords } from './operation-records.ts';
import { planSettlement } from './settlement-plan.ts';

type HoldRequest = Parameters<Ledger['hold']>[0];

interface Pool {
  creditedUnits: bigint;
  debitedUnits: bigint;
}

/** What the entries of one operation have in common. */
interface Operation {
  readonly reason: EntryReason;
  readonly operationId: number;
  readonly timestampMs: number;
}

/**
 * The ledger without a server: all balances in memory with this one owner, each operation decided in one synchronous
 * step and answered once its rows are committed. What a refusal or a reading tells may rest on changes that are still on
 * their way to disk; readings wait for those, refusals need not, as they promise nothing.
 */
export class EmbeddedLedger implements Ledger {
  readonly #exchange: ExchangeDatabase;
  readonly #balances = new BalanceSheet();
  readonly #holds: HoldRecords;
  readonly #credits: OperationRecords;
  readonly #debits: OperationRecords;
  readonly #pools = new Map<number, Pool>();
  readonly #watermarks: number[];
  #floor = 0;
  #ownFloor = 0; // what this owner raised it to
  #stale: StaleWriterError | null = null; // a later start had the ledger
  #ledgerSequence = 0;
  #entrySequence = 0;

  private constructor(exchange: ExchangeDatabase, closedHolds: number) {
    this.#exchange = exchange;
    this.#holds = new HoldRecords(exchange.commits, closedHolds);
    this.#credits = new OperationRecords(exchange.database, exchange.commits, CREDITS);
    this.#debits = new OperationRecords(exchange.database, exchange.commits, DEBITS);
    this.#watermarks = Array(exchange.partitionCount).fill(0);
  }

  /**
   * @param closedHolds ids that are remembered at most
   * @throws DatabaseError
   */
  static async open(exchange: ExchangeDatabase, closedHolds: number = DEFAULT_CLOSED_HOLDS): Promise<EmbeddedLedger> {
    const ledger = new EmbeddedLedger(exchange, closedHolds);
    await ledger.#load();
    return ledger;
  }

  async hold(request: HoldRequest): Promise<HoldAnswer> {
    this.#requireNewest();
    const { commandId, accountId, assetId, units, timestampMs } = request;
    requireId(commandId);
    if (units <= 0n) fail(`hold ${commandId} of ${units} units`);
    if (commandId < this.#floor) return { outcome: 'BELOW_FLOOR' };
    const known = this.#holds.findOpen(commandId);
    if (known !== undefined) {
      if (known.accountId !== accountId || known.assetId !== assetId || known.units !== units)
        return { outcome: 'HOLD_DIFFERS', heldUnits: known.units };
      await this.#durable();
      return { outcome: 'REPEATED', availableUnits: known.availableUnits, ledgerSequence: known.ledgerSequence };
    }
    if (this.#holds.findClosed(commandId) !== undefined) return { outcome: 'RELEASED' };
    const before = this.#balances.availableUnits(accountId, assetId);
    if (before < units) return { outcome: 'INSUFFICIENT_FUNDS', availableUnits: before };

    const ledgerSequence = this.#nextLedgerSequence();
    this.#change(accountId, assetId, -units, units, { reason: 'hold', operationId: commandId, timestampMs });
    const availableUnits = before - units;
    this.#holds.open({ commandId, accountId, assetId, units, availableUnits, ledgerSequence });
    await this.#durable();
    return { outcome: 'HELD', availableUnits, ledgerSequence };
  }

  async release(commandId: number, timestampMs: number): Promise<ReleaseAnswer> {
    this.#requireNewest();
    requireId(commandId);
    const closed = this.#holds.findClosed(commandId);
    const hold = this.#holds.findOpen(commandId);
    if (closed === undefined) {
      const ledgerSequence = this.#nextLedgerSequence();
      if (hold !== undefined) {
        const operation = { reason: 'release', operationId: commandId, timestampMs } as const;
        this.#change(hold.accountId, hold.assetId, hold.units, -hold.units, operation);
      }
      this.#holds.close(commandId, 'RELEASED', timestampMs);
      await this.#durable();
      return hold === undefined
        ? { outcome: 'REPEATED', ledgerSequence }
        : { outcome: 'RELEASED', units: hold.units, ledgerSequence };
    }
    const ledgerSequence = this.#ledgerSequence;
    await this.#durable();
    return closed === 'SETTLED' ? { outcome: 'SETTLED' } : { outcome: 'REPEATED', ledgerSequence };
  }

  abandon(commandId: number, timestampMs: number): Promise<ReleaseAnswer> {
    return this.release(commandId, timestampMs);
  }

  /**
   * @throws LedgerInvariantError when legs do not add up to zero or would leave an amount below zero; InvariantError for
   *   a batch that contradicts itself. Nothing was written then.
   */
  async settle(batch: SettlementBatch): Promise<SettleAnswer> {
    this.#requireNewest();
    const { partition, lastSequence, timestampMs } = batch;
    const watermark = this.#watermarks[partition];
    if (watermark === undefined) fail(`settlement of partition ${partition} of ${this.#watermarks.length}`);
    const plan = planSettlement(batch, watermark, this.#balances);
    if (plan.outcome === 'GAP') return { outcome: 'GAP', watermark };
    if (plan.outcome === 'REPEATED') {
      const ledgerSequence = this.#ledgerSequence;
      await this.#durable();
      return { outcome: 'REPEATED', watermark, ledgerSequence };
    }
    const ledgerSequence = this.#nextLedgerSequence();
    for (const leg of plan.legs)
      this.#change(leg.accountId, leg.assetId, leg.availableDeltaUnits, leg.heldDeltaUnits, {
        reason: leg.reason,
        operationId: leg.eventSequence,
        timestampMs,
      });
    for (const commandId of plan.settledCommandIds) this.#holds.close(commandId, 'SETTLED', timestampMs);
    this.#watermarks[partition] = lastSequence;
    this.#exchange.commits.put(WATERMARKS, [partition, lastSequence]);
    await this.#durable();
    return { outcome: 'APPLIED', watermark: lastSequence, ledgerSequence };
  }

  async credit(request: CreditRequest): Promise<CreditAnswer> {
    this.#requireNewest();
    requireId(request.operationId);
    if (request.units <= 0n) fail(`credit ${request.operationId} of ${request.units} units`);
    const answer = await this.#credits.decide<CreditAnswer>(request.operationId, (known) => {
      if (known === undefined) return this.#applyCredit(request);
      const { accountId, assetId, units, availableUnits, ledgerSequence } = known;
      return accountId === request.accountId && assetId === request.assetId && units === request.units
        ? { outcome: 'REPEATED', availableUnits, ledgerSequence }
        : { outcome: 'CREDIT_DIFFERS' };
    });
    await this.#durable();
    return answer;
  }

  async debit({ operationId, timestampMs }: { operationId: number; timestampMs: number }): Promise<DebitAnswer> {
    this.#requireNewest();
    requireId(operationId);
    const answer = await this.#debits.decide<DebitAnswer>(operationId, (known) => {
      if (known === undefined) return this.#applyDebit(operationId, timestampMs);
      return { outcome: 'REPEATED', units: known.units, ledgerSequence: known.ledgerSequence };
    });
    await this.#durable();
    return answer;
  }

  async balances(accountId: number): Promise<BalancesAnswer> {
    this.#requireNewest();
    const balances = this.#balances
      .ofAccount(accountId)
      .map(({ assetId, availableUnits, heldUnits }) => ({ assetId, availableUnits, heldUnits }));
    const watermarks = [...this.#watermarks];
    await this.#durable();
    return { balances, watermarks };
  }

  async watermarks(): Promise<readonly number[]> {
    this.#requireNewest();
    const watermarks = [...this.#watermarks];
    await this.#durable();
    return watermarks;
  }

  async openHoldsBelow(commandId: number): Promise<readonly OpenHold[]> {
    this.#requireNewest();
    const holds = this.#holds.openBelow(commandId).map(({ commandId: id, accountId, assetId, units }) => ({
      commandId: id,
      accountId,
      assetId,
      units,
    }));
    await this.#durable();
    return holds;
  }

  async raiseFloor(commandId: number): Promise<void> {
    requireId(commandId);
    const isRepeat = commandId === this.#floor && commandId === this.#ownFloor;
    if (commandId <= this.#floor && !isRepeat) this.#stale = new StaleWriterError(this.#floor);
    this.#requireNewest();
    if (isRepeat) return;
    this.#floor = commandId;
    this.#ownFloor = commandId;
    this.#nextLedgerSequence();
    this.#exchange.putMeta('ledgerFloor', String(commandId));
    await this.#durable();
  }

  async ledgerSequence(): Promise<number> {
    this.#requireNewest();
    const ledgerSequence = this.#ledgerSequence;
    await this.#durable();
    return ledgerSequence;
  }

  /**
   * For a rebuild alone, of a ledger that nobody else uses: where another amount is held than is due, the difference moves
   * from or to available, with an entry of its own.
   * @param due held amounts that are not zero, each account and asset once
   * @returns how many balances were changed
   * @throws LedgerInvariantError when more is due than there is: nothing of that balance was changed
   */
  async correctHeld(
    due: Iterable<{ readonly accountId: number; readonly assetId: number; readonly units: bigint }>,
    eventSequence: number,
    timestampMs: number,
  ): Promise<number> {
    const surplus = new Map<string, { accountId: number; assetId: number; units: bigint }>();
    const add = (accountId: number, assetId: number, units: bigint): void => {
      const key = `${accountId} ${assetId}`;
      surplus.set(key, { accountId, assetId, units: (surplus.get(key)?.units ?? 0n) + units });
    };
    for (const { accountId, assetId, heldUnits } of this.#balances.all()) add(accountId, assetId, heldUnits);
    for (const { accountId, assetId, units } of due) add(accountId, assetId, -units);
    const wrong = [...surplus.values()].filter(({ units }) => units !== 0n);
    if (wrong.length === 0) return 0;
    for (const { accountId, assetId, units } of wrong)
      if (this.#balances.availableUnits(accountId, assetId) + units < 0n)
        throw new LedgerInvariantError(`account ${accountId} asset ${assetId} must hold ${-units} more than it has`);
    this.#nextLedgerSequence();
    const operation = { reason: 'rebuild', operationId: Math.max(1, eventSequence), timestampMs } as const;
    for (const { accountId, assetId, units } of wrong) this.#change(accountId, assetId, units, -units, operation);
    await this.#durable();
    return wrong.length;
  }

  #applyCredit(request: CreditRequest): CreditAnswer {
    const { operationId, accountId, assetId, units, timestampMs } = request;
    const pool = this.#pools.get(assetId) ?? { creditedUnits: 0n, debitedUnits: 0n };
    const poolUnits = pool.creditedUnits - pool.debitedUnits;
    if (poolUnits + units > MAX_POOL_UNITS) return { outcome: 'POOL_LIMIT', poolUnits };
    const ledgerSequence = this.#nextLedgerSequence();
    pool.creditedUnits += units;
    this.#pools.set(assetId, pool);
    this.#putPool(assetId, pool);
    this.#change(accountId, assetId, units, 0n, { reason: 'deposit', operationId, timestampMs });
    const availableUnits = this.#balances.availableUnits(accountId, assetId);
    this.#credits.add(operationId, { accountId, assetId, units, availableUnits, ledgerSequence });
    return { outcome: 'CREDITED', availableUnits, ledgerSequence };
  }

  #applyDebit(operationId: number, timestampMs: number): DebitAnswer {
    const hold = this.#holds.findOpen(operationId);
    if (hold === undefined) return { outcome: 'NOT_HELD' };
    const { accountId, assetId, units } = hold;
    const ledgerSequence = this.#nextLedgerSequence();
    const pool =
      this.#pools.get(assetId) ?? fail(`hold ${operationId} of asset ${assetId}, which nobody ever credited`);
    pool.debitedUnits += units;
    this.#putPool(assetId, pool);
    this.#change(accountId, assetId, 0n, -units, { reason: 'withdrawal', operationId, timestampMs });
    this.#holds.close(operationId, 'SETTLED', timestampMs);
    const availableUnits = this.#balances.availableUnits(accountId, assetId);
    this.#debits.add(operationId, { accountId, assetId, units, availableUnits, ledgerSequence });
    return { outcome: 'DEBITED', units, ledgerSequence };
  }

  #putPool(assetId: number, { creditedUnits, debitedUnits }: Pool): void {
    this.#exchange.commits.put(POOLS, [assetId, creditedUnits.toString(), debitedUnits.toString()]);
  }

  /** Changes a balance and writes its entry: the only way that a balance ever changes. */
  #change(
    accountId: number,
    assetId: number,
    availableDeltaUnits: bigint,
    heldDeltaUnits: bigint,
    operation: Operation,
  ): void {
    const { commits } = this.#exchange;
    const change = this.#balances.change(accountId, assetId, availableDeltaUnits, heldDeltaUnits);
    const availableAfter = change.availableAfterUnits.toString();
    const heldAfter = change.heldAfterUnits.toString();
    this.#entrySequence += 1;
    commits.put(BALANCES, [accountId, assetId, availableAfter, heldAfter]);
    commits.add(ENTRIES, [
      this.#entrySequence,
      this.#ledgerSequence,
      accountId,
      assetId,
      change.availableBeforeUnits.toString(),
      availableAfter,
      change.heldBeforeUnits.toString(),
      heldAfter,
      operation.reason,
      operation.operationId,
      operation.timestampMs,
    ]);
  }

  /** Of a folder there is one owner at a time; one that begins with an older start than the ledger knows is no owner. */
  #requireNewest(): void {
    if (this.#stale !== null) throw this.#stale;
  }

  #nextLedgerSequence(): number {
    this.#ledgerSequence += 1;
    this.#exchange.putMeta('ledgerSequence', String(this.#ledgerSequence));
    return this.#ledgerSequence;
  }

  #durable(): Promise<void> {
    return this.#exchange.commits.durable();
  }

  async #load(): Promise<void> {
    const { database } = this.#exchange;
    this.#ledgerSequence = Number((await this.#exchange.readMeta('ledgerSequence')) ?? '0');
    this.#floor = Number((await this.#exchange.readMeta('ledgerFloor')) ?? '0');
    const last = await database.all<{ last: number | null }>('SELECT max(entry_sequence) AS last FROM entries');
    this.#entrySequence = last[0]!.last ?? 0;
    const balances = await database.all<Record<'accountId' | 'assetId', number> & Record<'available' | 'held', string>>(
      `SELECT account_id AS accountId, asset_id AS assetId, CAST(available_units AS TEXT) AS available,
         CAST(held_units AS TEXT) AS held FROM balances`,
    );
    for (const { accountId, assetId, available, held } of balances)
      this.#balances.load({ accountId, assetId, availableUnits: BigInt(available), heldUnits: BigInt(held) });
    const pools = await database.all<{ assetId: number; credited: string; debited: string }>(
      'SELECT asset_id AS assetId, credited_units AS credited, debited_units AS debited FROM pools',
    );
    for (const { assetId, credited, debited } of pools)
      this.#pools.set(assetId, { creditedUnits: BigInt(credited), debitedUnits: BigInt(debited) });
    const watermarks = await database.all<{ partition: number; event_sequence: number }>('SELECT * FROM watermarks');
    for (const { partition, event_sequence } of watermarks) this.#watermarks[partition] = event_sequence;
    await this.#holds.load(database);
  }
}
