import type { Catalogue } from '../../core/money/catalogue.ts';
import { partitionOf } from '../../core/ports/event-feed.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { EventKind } from '../../core/protocol/kinds.ts';
import { effectsOf } from '../settlement/legs.ts';
import { AmountTable } from './amount-table.ts';
import type { Findings } from './check-report.ts';
import { needOfOrder, type OldOrder, OpenOrders } from './open-orders.ts';
import type { ReplayedCommand, ReplayResult } from './replay-check.ts';
import { SettledEntries } from './settled-entries.ts';
import type { StoredHold, StoredLedger } from './stored-ledger.ts';

/** Named in one finding. */
const MAX_NAMED_HOLDS = 10;

/**
 * Follows the replayed events and compares what they ask of the ledger with what it has at its watermarks: the cut. What
 * lies beyond them is unsettled: it must have its hold, and nothing else yet. Commands whose hold is younger than the
 * ledger that was read are left out: on a running exchange the journal is read after the ledger.
 */
export class SettlementCheck {
  unsettledEvents = 0;
  readonly #ledger: StoredLedger;
  readonly #findings: Findings;
  readonly #catalogue: Catalogue;
  readonly #watermarks: readonly number[];
  readonly #ledgerSequence: number;
  readonly #entries: SettledEntries;
  readonly #openAtCut = new OpenOrders();
  readonly #openAtEnd = new OpenOrders();
  readonly #settledHere = new AmountTable(); // held amounts that events before the replay, not settled yet, will change
  readonly #settledCommandsHere = new Set<number>();
  /** Commands that settlement has not met, and the hold that each must have; undefined when any will do. */
  readonly #unsettledCommands = new Map<number, bigint | undefined>();

  /** @param fromSequence events up to here are not replayed */
  constructor(
    ledger: StoredLedger,
    findings: Findings,
    catalogue: Catalogue,
    brokenEntries: ReadonlySet<number>,
    fromSequence: number,
  ) {
    this.#ledger = ledger;
    this.#findings = findings;
    this.#catalogue = catalogue;
    this.#watermarks = ledger.watermarks;
    this.#ledgerSequence = ledger.ledgerSequence;
    this.#entries = new SettledEntries(ledger, findings, brokenEntries, fromSequence);
  }

  /** Takes an order that rested before the first replayed event. */
  putOld(order: OldOrder): void {
    this.#openAtCut.putOld(order);
    this.#openAtEnd.putOld(order);
  }

  /** Events before the first replayed one that are not settled: the cut moves behind them. In order, legs alone count. */
  settleHere(events: readonly ExchangeEvent[]): void {
    for (const event of events) {
      if (event.eventSequence <= this.#watermarks[partitionOf(event, this.#watermarks.length)]!) continue;
      this.unsettledEvents += 1;
      const { legs, settledCommands } = effectsOf([event], this.#catalogue);
      for (const { accountId, assetId, heldDeltaUnits } of legs)
        this.#settledHere.add(accountId, assetId, heldDeltaUnits);
      for (const { commandId } of settledCommands) this.#settledCommandsHere.add(commandId);
    }
  }

  async compare({ events, ledgerSequence }: ReplayedCommand): Promise<void> {
    for (const event of events) {
      const { eventSequence } = event;
      const problem = this.#openAtEnd.apply(event);
      if (problem !== null) this.#findings.require(4, false, () => `event ${eventSequence}: ${problem}`);
      const partition = partitionOf(event, this.#watermarks.length);
      const watermark = this.#watermarks[partition]!;
      const { legs, settledCommands } = effectsOf([event], this.#catalogue);
      if (eventSequence > watermark) {
        this.unsettledEvents += 1;
        for (const { commandId } of settledCommands) this.#addUnsettled(commandId, ledgerSequence, event);
        continue;
      }
      this.#openAtCut.apply(event);
      await this.#entries.compare(eventSequence, legs);
      if (settledCommands.length > 0)
        this.#findings.require(
          6,
          ledgerSequence <= this.#ledgerSequence,
          () =>
            `event ${eventSequence}: its command carries change sequence ${ledgerSequence}, the ledger has only ${this.#ledgerSequence}`,
        );
    }
  }

  async finish(replay: ReplayResult, isRunning: boolean): Promise<void> {
    await this.#entries.finish();
    this.#checkWatermarks(replay.eventCount);
    if (!isRunning)
      this.#findings.require(
        6,
        replay.highestLedgerSequence <= this.#ledgerSequence,
        () =>
          `a command carries change sequence ${replay.highestLedgerSequence}, the ledger has only ${this.#ledgerSequence}`,
      );
    const openOrders = this.#openAtEnd.count;
    this.#findings.require(
      3,
      openOrders === replay.restingOrders,
      () => `events tell of ${openOrders} open orders, the books hold ${replay.restingOrders}`,
    );
    await this.#checkHeld(replay);
  }

  #addUnsettled(commandId: number, ledgerSequence: number, event: ExchangeEvent): void {
    if (ledgerSequence === 0 || ledgerSequence > this.#ledgerSequence) {
      this.#unsettledCommands.set(commandId, undefined);
      return;
    }
    this.#unsettledCommands.set(commandId, this.#holdAskedBy(event));
  }

  #holdAskedBy(event: ExchangeEvent): bigint | undefined {
    switch (event.kind) {
      case EventKind.ACCEPTED:
        return needOfOrder(event, this.#catalogue);
      case EventKind.AMENDED:
      case EventKind.AMEND_REJECTED:
        return event.heldUnits === 0n ? undefined : event.heldUnits;
      default:
        return undefined;
    }
  }

  #checkWatermarks(eventCount: number): void {
    for (const [partition, watermark] of this.#watermarks.entries()) {
      this.#findings.require(
        6,
        watermark <= eventCount,
        () => `partition ${partition}: settled through ${watermark}, the journal yields only ${eventCount} events`,
      );
    }
  }

  /** At the cut: held = needs of the orders that are open there + holds of commands that settlement has not met. */
  async #checkHeld({ commandIds }: ReplayResult): Promise<void> {
    const expected = this.#openAtCut.needs(this.#catalogue);
    const holds = new Map<number, StoredHold>();
    for (const hold of await this.#ledger.openHolds()) {
      const { commandId, accountId, assetId, units, isClosed } = hold;
      if (this.#settledCommandsHere.has(commandId)) continue;
      const isMet = isClosed || (commandIds.has(commandId) && !this.#unsettledCommands.has(commandId));
      this.#findings.require(
        3,
        !isMet,
        () =>
          `hold ${commandId} is open (account ${accountId}, asset ${assetId}, ${units}), though settlement has met its command`,
      );
      if (isMet) continue;
      holds.set(commandId, hold);
      expected.add(accountId, assetId, units);
    }
    this.#checkHoldsOfUnsettled(holds);
    const held = this.#settledHere;
    for (const { accountId, assetId, heldUnits } of await this.#ledger.balances())
      held.add(accountId, assetId, heldUnits);
    for (const { accountId, assetId, units } of held.rows())
      this.#requireHeld(accountId, assetId, units, expected.get(accountId, assetId), holds);
    for (const { accountId, assetId, units } of expected.rows())
      if (units !== 0n && !held.has(accountId, assetId)) this.#requireHeld(accountId, assetId, 0n, units, holds);
  }

  #checkHoldsOfUnsettled(holds: ReadonlyMap<number, StoredHold>): void {
    for (const [commandId, needed] of this.#unsettledCommands) {
      if (needed === undefined) continue;
      const found = holds.get(commandId)?.units;
      this.#findings.require(
        3,
        found === needed,
        () => `command ${commandId} is not settled yet and holds ${found ?? 'nothing'}, its order needs ${needed}`,
      );
    }
  }

  #requireHeld(
    accountId: number,
    assetId: number,
    heldUnits: bigint,
    expectedUnits: bigint,
    holds: ReadonlyMap<number, StoredHold>,
  ): void {
    this.#findings.require(3, heldUnits === expectedUnits, () => {
      const ids = [...holds.values()]
        .filter((hold) => hold.accountId === accountId && hold.assetId === assetId)
        .map(({ commandId }) => commandId);
      const named = ids.length === 0 ? '' : ` (holds on their way: ${ids.slice(0, MAX_NAMED_HOLDS).join(', ')})`;
      return `account ${accountId} asset ${assetId}: ${heldUnits} held, open orders and holds need ${expectedUnits}${named}`;
    });
  }
}
