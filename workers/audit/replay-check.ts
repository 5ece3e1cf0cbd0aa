import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EngineLimits } from '../../core/engine/engine.ts';
import { BehaviourChangedError } from '../../core/journal/journal-errors.ts';
import { scanEventLog, scanJournal } from '../../core/journal/log-scan.ts';
import { RecordedEvents } from '../../core/journal/recorded-events.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import { defineInstrument } from '../../core/money/instrument.ts';
import { decodeEvent, type ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { EventKind } from '../../core/protocol/kinds.ts';
import type { RecordWindow } from '../../core/protocol/record-window.ts';
import type { Findings } from './check-report.ts';
import { IdSet } from './id-set.ts';
import { JournalReplay } from './journal-replay.ts';

/** What a checked replay leaves. */
export interface ReplayResult {
  readonly stateHash: string;
  readonly commandCount: number;
  readonly eventCount: number;
  readonly restingOrders: number;
  readonly highestLedgerSequence: number;
  readonly journalTornBytes: number;
  readonly unloggedEvents: number;
  readonly commandIds: IdSet;
}

/**
 * Replays the journal, comparing every event with the event log as far as that reaches, and hands the events on.
 * @param onEvents the events of one group of commands, in order; `catalogue` knows every instrument in them
 * @returns null when the journal can't be replayed: the reason is among the findings
 */
export async function checkReplay(
  dataFolder: string,
  limits: EngineLimits,
  findings: Findings,
  catalogue: Catalogue,
  onEvents: (events: readonly ExchangeEvent[]) => Promise<void>,
): Promise<ReplayResult | null> {
  try {
    const journalTornBytes = scanJournal(dataFolder, () => {}).tornBytes;
    const log = scanEventLog(dataFolder, () => {});
    const observer = new LogComparison(dataFolder, log.lastSequence, findings, catalogue);
    const replay = new JournalReplay(dataFolder, limits, observer);
    try {
      while (replay.next()) {
        await onEvents(observer.take());
        await nextTurn();
      }
    } finally {
      replay.close();
      observer.close();
    }
    const { engine } = replay;
    engine.verifyInvariants();
    findings.checked(4, engine.lastCommandSequence);
    findings.require(
      4,
      log.lastSequence <= engine.lastEventSequence,
      () => `the event log has event ${log.lastSequence}, the journal yields only ${engine.lastEventSequence}`,
    );
    return {
      stateHash: engine.stateHash(),
      commandCount: engine.lastCommandSequence,
      eventCount: engine.lastEventSequence,
      restingOrders: engine.restingOrders,
      highestLedgerSequence: engine.highestLedgerSequence,
      journalTornBytes,
      unloggedEvents: Math.max(0, engine.lastEventSequence - log.lastSequence),
      commandIds: observer.commandIds,
    };
  } catch (error) {
    findings.require(4, false, () => `the journal can't be replayed: ${(error as Error).message}`);
    return null;
  }
}

/** Replays once more and compares. */
export async function checkSecondReplay(
  dataFolder: string,
  limits: EngineLimits,
  findings: Findings,
  first: ReplayResult,
): Promise<void> {
  const replay = new JournalReplay(dataFolder, limits, { onCommand: () => {}, onEvent: () => {} });
  try {
    while (replay.next()) await nextTurn();
  } finally {
    replay.close();
  }
  const stateHash = replay.engine.stateHash();
  findings.require(
    7,
    stateHash === first.stateHash && replay.engine.lastEventSequence === first.eventCount,
    () =>
      `replays differ: state ${first.stateHash} after ${first.eventCount} events, then ${stateHash} after ${replay.engine.lastEventSequence}`,
  );
}

/** Watches a replay: command ids unique, events as in the log, definitions into the catalogue. */
class LogComparison {
  readonly commandIds = new IdSet();
  readonly #findings: Findings;
  readonly #catalogue: Catalogue;
  readonly #recorded: RecordedEvents;
  #events: ExchangeEvent[] = [];
  #lastSequence = 0;
  #isComparing = true;

  constructor(dataFolder: string, loggedSequence: number, findings: Findings, catalogue: Catalogue) {
    this.#findings = findings;
    this.#catalogue = catalogue;
    this.#recorded = new RecordedEvents(dataFolder, 1, loggedSequence);
  }

  onCommand(commandId: number): void {
    this.#findings.require(4, this.commandIds.add(commandId), () => `command id ${commandId} stands twice`);
  }

  onEvent(window: RecordWindow, at: number, continuationAt: number, slots: number): void {
    const event = decodeEvent(window, at, continuationAt);
    this.#findings.require(
      6,
      event.eventSequence === this.#lastSequence + 1,
      () => `event ${event.eventSequence} follows event ${this.#lastSequence}`,
    );
    this.#lastSequence = event.eventSequence;
    if (this.#isComparing && event.eventSequence <= this.#recorded.lastSequence)
      this.#compare(window, at, continuationAt, slots);
    this.#define(event);
    this.#events.push(event);
  }

  /** @returns the events since the last call */
  take(): ExchangeEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  close(): void {
    this.#recorded.close();
  }

  #compare(window: RecordWindow, at: number, continuationAt: number, slots: number): void {
    this.#findings.checked(4);
    try {
      this.#recorded.compare(window, at, continuationAt, slots);
    } catch (error) {
      if (!(error instanceof BehaviourChangedError)) throw error;
      this.#findings.add(4, error.message);
      this.#isComparing = false; // what follows would differ too
    }
  }

  #define(event: ExchangeEvent): void {
    if (event.kind === EventKind.ASSET_DEFINED) this.#catalogue.putAsset(event.asset);
    if (event.kind !== EventKind.INSTRUMENT_DEFINED) return;
    const base = this.#catalogue.asset(event.baseAssetId)!;
    const quote = this.#catalogue.asset(event.quoteAssetId)!;
    this.#catalogue.putInstrument(defineInstrument({ ...event.definition, base, quote }));
  }
}
