import { DEFAULT_ENGINE_LIMITS, type EngineLimits } from '../../core/engine/engine.ts';
import { Catalogue } from '../../core/money/catalogue.ts';
import { type Leg, partitionOf } from '../../core/ports.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { effectsOf } from '../settlement/legs.ts';
import { AmountTable } from './amount-table.ts';
import { type CheckReport, Findings } from './check-report.ts';
import { checkEntryChain } from './entry-chain.ts';
import { OpenOrders } from './open-orders.ts';
import { checkReplay, checkSecondReplay, type ReplayResult } from './replay-check.ts';
import { SettledEntries } from './settled-entries.ts';
import { StoredLedger } from './stored-ledger.ts';

/**
 * Proves what always holds on a stopped exchange: journal, event log and ledger, each compared with what follows from
 * the others. Reads only.
 * @param limits those that the exchange runs with
 * @throws NotADataFolderError, SchemaTooNewError, DatabaseError when there is nothing that can be read; what is wrong
 *   with what can be read is in the report
 */
export async function checkDataFolder(
  dataFolder: string,
  limits: EngineLimits = DEFAULT_ENGINE_LIMITS,
): Promise<CheckReport> {
  const ledger = await StoredLedger.open(dataFolder);
  try {
    const findings = new Findings();
    const entryCount = await checkEntryChain(ledger, findings);
    const settlement = new SettlementCheck(ledger, findings, await ledger.watermarks());
    const replay = await checkReplay(dataFolder, limits, findings, settlement.catalogue, (events) =>
      settlement.compare(events),
    );
    if (replay === null) {
      for (const statement of [3, 5, 6, 7] as const)
        findings.add(statement, 'not proved, since the journal could not be replayed');
    } else {
      await settlement.finish(replay);
      await checkSecondReplay(dataFolder, limits, findings, replay);
    }
    const statements = findings.reports();
    return {
      ok: statements.every(({ ok }) => ok),
      folder: dataFolder,
      statements,
      stateHash: replay?.stateHash ?? null,
      commandCount: replay?.commandCount ?? 0,
      eventCount: replay?.eventCount ?? 0,
      entryCount,
      restingOrders: replay?.restingOrders ?? 0,
      journalTornBytes: replay?.journalTornBytes ?? 0,
      unloggedEvents: replay?.unloggedEvents ?? 0,
      unsettledEvents: settlement.unsettledEvents,
    };
  } finally {
    await ledger.close();
  }
}

/** Follows the replayed events and compares what they ask of the ledger with what it has. */
class SettlementCheck {
  readonly catalogue = new Catalogue();
  unsettledEvents = 0;
  readonly #ledger: StoredLedger;
  readonly #findings: Findings;
  readonly #watermarks: readonly number[];
  readonly #entries: SettledEntries;
  readonly #openOrders = new OpenOrders();
  readonly #watermarksMet: Set<number>; // partitions whose watermark is one of their events, or 0
  /** What settlement will still do to held amounts, and whose hold records it will end. */
  readonly #unsettledHeld = new AmountTable();
  readonly #unsettledCommands = new Set<number>();

  constructor(ledger: StoredLedger, findings: Findings, watermarks: readonly number[]) {
    this.#ledger = ledger;
    this.#findings = findings;
    this.#watermarks = watermarks;
    this.#entries = new SettledEntries(ledger, findings);
    this.#watermarksMet = new Set(watermarks.flatMap((watermark, partition) => (watermark === 0 ? [partition] : [])));
  }

  async compare(events: readonly ExchangeEvent[]): Promise<void> {
    for (const event of events) {
      const { eventSequence } = event;
      const partition = partitionOf(event, this.#watermarks.length);
      const watermark = this.#watermarks[partition]!;
      const { legs, settledCommands } = effectsOf([event], this.catalogue);
      if (eventSequence === watermark) this.#watermarksMet.add(partition);
      if (eventSequence <= watermark) {
        await this.#entries.compare(eventSequence, legs);
      } else {
        this.unsettledEvents += 1;
        this.#addUnsettled(legs);
        for (const { commandId } of settledCommands) this.#unsettledCommands.add(commandId);
      }
      const problem = this.#openOrders.apply(event);
      if (problem !== null) this.#findings.require(4, false, () => `event ${eventSequence}: ${problem}`);
    }
  }

  async finish(replay: ReplayResult): Promise<void> {
    await this.#entries.finish();
    this.#checkWatermarks(replay.eventCount);
    const ledgerSequence = await this.#ledger.ledgerSequence();
    this.#findings.require(
      6,
      replay.highestLedgerSequence <= ledgerSequence,
      () => `a command carries change sequence ${replay.highestLedgerSequence}, the ledger has only ${ledgerSequence}`,
    );
    await this.#checkHeld(replay);
  }

  #addUnsettled(legs: readonly Leg[]): void {
    for (const { accountId, assetId, heldDeltaUnits } of legs)
      this.#unsettledHeld.add(accountId, assetId, heldDeltaUnits);
  }

  #checkWatermarks(eventCount: number): void {
    for (const [partition, watermark] of this.#watermarks.entries()) {
      this.#findings.require(
        6,
        watermark <= eventCount,
        () => `partition ${partition}: settled through ${watermark}, the journal yields only ${eventCount} events`,
      );
      if (watermark <= eventCount)
        this.#findings.require(
          6,
          this.#watermarksMet.has(partition),
          () => `partition ${partition}: its watermark ${watermark} is none of its events`,
        );
    }
  }

  /** At the journal's end: held as settlement will leave it = needs of open orders + holds of commands not there yet. */
  async #checkHeld(replay: ReplayResult): Promise<void> {
    const { restingOrders, commandIds } = replay;
    const openOrders = this.#openOrders.count;
    this.#findings.require(
      3,
      openOrders === restingOrders,
      () => `events tell of ${openOrders} open orders, the books hold ${restingOrders}`,
    );
    const expected = this.#openOrders.needs(this.catalogue);
    for (const { commandId, accountId, assetId, units } of await this.#ledger.openHolds())
      if (!commandIds.has(commandId)) expected.add(accountId, assetId, units);
      else
        this.#findings.require(
          3,
          this.#unsettledCommands.has(commandId),
          () => `hold ${commandId} is open, though settlement has met its command`,
        );
    for (const { accountId, assetId, heldUnits } of await this.#ledger.balances())
      this.#unsettledHeld.add(accountId, assetId, heldUnits);
    const held = this.#unsettledHeld;
    for (const { accountId, assetId, units } of held.rows())
      this.#requireHeld(accountId, assetId, units, expected.get(accountId, assetId));
    for (const { accountId, assetId, units } of expected.rows())
      if (units !== 0n && held.get(accountId, assetId) === 0n) this.#requireHeld(accountId, assetId, 0n, units);
  }

  #requireHeld(accountId: number, assetId: number, heldUnits: bigint, expectedUnits: bigint): void {
    this.#findings.require(
      3,
      heldUnits === expectedUnits,
      () => `account ${accountId} asset ${assetId}: ${heldUnits} held, open orders and holds need ${expectedUnits}`,
    );
  }
}
