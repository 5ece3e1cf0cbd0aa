import type { EngineLimits } from '../../core/engine/engine.ts';
import { EventLogCursor } from '../../core/journal/event-log-cursor.ts';
import { Catalogue } from '../../core/money/catalogue.ts';
import { define } from '../definitions/define.ts';
import { AuditProgress, type OnProgress } from './audit-progress.ts';
import { type AuditReport, Findings } from './check-report.ts';
import { checkEntryChain, type EntryChain } from './entry-chain.ts';
import { HistoryCheck } from './history-check.ts';
import { type EventLogEnd, findEventLogEnd, findJournalEnd } from './log-ends.ts';
import { checkReplay, checkSecondReplay, type ReplayInput } from './replay-check.ts';
import { SettlementCheck } from './settlement-check.ts';
import { findReplayStart } from './snapshot-check.ts';
import { StoredHistory } from './stored-history.ts';
import { StoredLedger } from './stored-ledger.ts';
import { TradeCheck } from './trade-check.ts';
import { checkTransfers } from './transfer-check.ts';

export interface AuditOptions {
  /** Those that the exchange runs with; those that the folder keeps when left out. */
  readonly limits?: EngineLimits;
  /** The exchange is at work in this folder, in this process or another: audited at a cut, which it does not notice. */
  readonly isRunning?: boolean;
  /** A ledger outside the folder was compared with what the folder has of it. */
  readonly ledgerComparison?: { readonly checked: number; readonly findings: readonly string[] } | null;
  readonly onProgress?: OnProgress;
}

/**
 * Proves what always holds: journal, event log, snapshots, ledger and history, each compared with what follows from the
 * others. Reads only, takes no lock. The order of reading makes the cut: first the ledger, then the history, then the
 * event log, then the journal, so that each has at least what those before it are based on.
 * @throws NotADataFolderError, SchemaTooNewError, DatabaseError when there is nothing that can be read; what is wrong
 *   with what can be read is in the report
 */
export async function auditDataFolder(dataFolder: string, options: AuditOptions = {}): Promise<AuditReport> {
  const { isRunning = false, onProgress = () => {} } = options;
  const ledger = await StoredLedger.open(dataFolder);
  try {
    const history = await StoredHistory.open(dataFolder);
    try {
      const limits = options.limits ?? ledger.engineLimits;
      const audit = new Audit(dataFolder, limits, isRunning, ledger, history, new AuditProgress(onProgress));
      return await audit.run(options.ledgerComparison ?? { checked: 0, findings: [] });
    } finally {
      await history?.close();
    }
  } finally {
    await ledger.close();
  }
}

class Audit {
  readonly #dataFolder: string;
  readonly #limits: EngineLimits;
  readonly #isRunning: boolean;
  readonly #ledger: StoredLedger;
  readonly #history: StoredHistory | null;
  readonly #progress: AuditProgress;
  readonly #findings = new Findings();

  constructor(
    dataFolder: string,
    limits: EngineLimits,
    isRunning: boolean,
    ledger: StoredLedger,
    history: StoredHistory | null,
    progress: AuditProgress,
  ) {
    this.#dataFolder = dataFolder;
    this.#limits = limits;
    this.#isRunning = isRunning;
    this.#ledger = ledger;
    this.#history = history;
    this.#progress = progress;
  }

  async run(comparison: NonNullable<AuditOptions['ledgerComparison']>): Promise<AuditReport> {
    this.#findings.checked(5, comparison.checked);
    for (const finding of comparison.findings) this.#findings.add(5, finding);
    this.#progress.enter('logs');
    const eventLog = await findEventLogEnd(this.#dataFolder, this.#isRunning, this.#findings);
    const replayed = await this.#replay(eventLog);
    const { chain, input, result, catalogue } = replayed;
    await checkTransfers(this.#ledger, this.#findings, catalogue, chain.brokenEntries);
    const statements = this.#findings.reports();
    this.#progress.finish();
    return {
      ok: statements.every(({ ok }) => ok),
      folder: this.#dataFolder,
      isRunning: this.#isRunning,
      statements,
      stateHash: result?.stateHash ?? null,
      commandCount: result?.commandCount ?? 0,
      eventCount: result?.eventCount ?? 0,
      replayedFromSnapshot: input?.start?.path ?? null,
      replayedFromCommand: (input?.start?.state.commandSequence ?? 0) + 1,
      entryCount: chain.entryCount,
      restingOrders: result?.restingOrders ?? 0,
      journalTornBytes: input?.journal.tornBytes ?? 0,
      eventLogTorn: eventLog.torn,
      unloggedEvents: result === null ? 0 : Math.max(0, result.eventCount - eventLog.lastSequence),
      unsettledEvents: replayed.unsettledEvents,
      recomputedTrades: replayed.recomputedTrades,
      followedTrades: replayed.followedTrades,
      historySequence: this.#history === null ? null : Math.max(...this.#history.watermarks),
    };
  }

  async #replay(eventLog: EventLogEnd) {
    const findings = this.#findings;
    const journal = await attempt(() => findJournalEnd(this.#dataFolder, this.#isRunning));
    this.#progress.enter('entries');
    const entryCount = await this.#ledger.entryCount();
    const chain = await checkEntryChain(this.#ledger, findings, (count) => this.#progress.at(count / entryCount));
    if (journal instanceof Error) return this.#notProved(chain, journal);
    const started = await attempt(() => findReplayStart(this.#dataFolder, journal, this.#isRunning, findings));
    if (started instanceof Error) return this.#notProved(chain, started);
    const input = { dataFolder: this.#dataFolder, limits: this.#limits, journal, eventLog, ...started };
    const checks = await attempt(() => this.#checks(input, chain));
    if (checks instanceof Error) return this.#notProved(chain, checks);
    const { settlement, trades, history, catalogue } = checks;

    this.#progress.enter('replay');
    const from = input.start?.state.commandSequence ?? 0;
    const onProgress = (command: number): void => this.#progress.at((command - from) / (journal.lastSequence - from));
    const result = await attempt(() =>
      checkReplay(
        input,
        findings,
        catalogue,
        async (commands) => {
          for (const command of commands) {
            trades.compare(command.events);
            await settlement.compare(command);
            await history?.compare(command.events);
          }
        },
        onProgress,
      ),
    );
    if (result instanceof Error) return this.#notProved(chain, result);
    await settlement.finish(result, this.#isRunning);
    await history?.finish();
    this.#progress.enter('second replay');
    await checkSecondReplay(input, findings, result, onProgress);
    const { unsettledEvents } = settlement;
    const { recomputedTrades, followedTrades } = trades;
    return { chain, input, result, catalogue, unsettledEvents, recomputedTrades, followedTrades };
  }

  /** Everything that follows the replay, brought to where it begins. */
  async #checks(input: ReplayInput, chain: EntryChain) {
    const findings = this.#findings;
    const catalogue = new Catalogue();
    const { start } = input;
    const from = start?.state ?? { eventSequence: 0, timestampMs: 0 };
    for (const definition of start?.definitions() ?? []) define(catalogue, definition);
    const settlement = new SettlementCheck(this.#ledger, findings, catalogue, chain.brokenEntries, from.eventSequence);
    const trades = new TradeCheck(findings, catalogue);
    const history = this.#history === null ? null : new HistoryCheck(this.#history, findings, catalogue, from);
    for (const order of start?.restingOrders() ?? []) {
      settlement.putOld(order);
      trades.putOld(order);
      history?.putOld(order);
    }
    if (start !== null) this.#settleBefore(settlement, from.eventSequence, input.eventLog);
    return { settlement, trades, history, catalogue };
  }

  /** Settlement may be behind the snapshot that the replay begins with: then the event log tells what it has to do. */
  #settleBefore(settlement: SettlementCheck, throughSequence: number, eventLog: EventLogEnd): void {
    const after = Math.max(Math.min(...this.#ledger.watermarks), eventLog.firstSequence - 1);
    if (after >= throughSequence) return;
    const cursor = new EventLogCursor(this.#dataFolder, after);
    try {
      for (let events = cursor.next(throughSequence, BATCH_EVENTS); events.length > 0; ) {
        settlement.settleHere(events);
        events = cursor.next(throughSequence, BATCH_EVENTS);
      }
    } finally {
      cursor.close();
    }
  }

  #notProved(chain: EntryChain, error: Error) {
    this.#findings.require(4, false, () => `the journal can't be replayed: ${error.message}`);
    for (const statement of [3, 5, 6, 7] as const)
      this.#findings.add(statement, 'not proved, since the journal could not be replayed');
    const catalogue = new Catalogue();
    return { chain, input: null, result: null, catalogue, unsettledEvents: 0, recomputedTrades: 0, followedTrades: 0 };
  }
}

const BATCH_EVENTS = 4_096;

/** What can't be read or replayed is a finding, not the end of the audit. */
async function attempt<Value>(act: () => Value | Promise<Value>): Promise<Value | Error> {
  try {
    return await act();
  } catch (error) {
    return error as Error;
  }
}
