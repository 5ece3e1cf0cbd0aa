import type { EngineLimits } from '../../core/engine/engine.ts';
import { EventLogCursor } from '../../core/journal/event-log-cursor.ts';
import { NODE_FILES, syncData } from '../../core/journal/file-operations.ts';
import { LogKind } from '../../core/journal/frame.ts';
import { listSegments } from '../../core/journal/segment-files.ts';
import { Catalogue } from '../../core/money/catalogue.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import type { AmountTable } from '../audit/amount-table.ts';
import { Findings } from '../audit/check-report.ts';
import { findEventLogEnd, findJournalEnd } from '../audit/log-ends.ts';
import { OpenOrders } from '../audit/open-orders.ts';
import { checkReplay, type ReplayInput } from '../audit/replay-check.ts';
import { findReplayStart } from '../audit/snapshot-check.ts';
import { define } from '../definitions/define.ts';
import { RebuildRefusedError } from './rebuild-errors.ts';

/** Where the journal ends. */
export interface StoryEnd {
  readonly eventSequence: number; // the cut
  readonly timestampMs: number; // of the last event told; 0 when none was
  readonly highestLedgerSequence: number; // that a command is based on
  readonly needs: AmountTable; // of all orders that are open then
}

/** @param events in order, each once */
export type OnEvents = (events: readonly ExchangeEvent[], catalogue: Catalogue) => Promise<void>;

const BATCH_EVENTS = 4_096;

/**
 * Everything that happened after some event, told by the journal of a stopped exchange: replayed from its oldest snapshot
 * or its beginning, and what lies before that by the event log. May be told more than once.
 */
export class JournalStory {
  readonly #input: ReplayInput;

  private constructor(input: ReplayInput) {
    this.#input = input;
  }

  /** @throws RebuildRefusedError, JournalDamagedError, NoReplayStartError, UnknownVersionError, StorageError */
  static async open(dataFolder: string, limits: EngineLimits): Promise<JournalStory> {
    syncJournal(dataFolder); // what was written and not synced when the exchange died is about to be relied on
    const findings = new Findings();
    const eventLog = await findEventLogEnd(dataFolder, false, findings);
    const journal = await findJournalEnd(dataFolder, false);
    const replayStart = findReplayStart(dataFolder, journal, false, findings);
    requireNone(findings);
    return new JournalStory({ dataFolder, limits, journal, eventLog, ...replayStart });
  }

  /**
   * @param afterSequence the first event told is at or before the one after it
   * @param onProgress share of the journal replayed, 0 … 1
   * @throws RebuildRefusedError when journal and event log tell different stories; what reading and replaying throw
   */
  async tell(afterSequence: number, onEvents: OnEvents, onProgress: (share: number) => void): Promise<StoryEnd> {
    const { start, journal } = this.#input;
    const findings = new Findings();
    const catalogue = new Catalogue();
    const orders = new OpenOrders();
    for (const definition of start?.definitions() ?? []) define(catalogue, definition);
    for (const order of start?.restingOrders() ?? []) orders.putOld(order);
    if (start !== null) await this.#tellBefore(afterSequence, start.state.eventSequence, catalogue, onEvents);

    let waiting: ExchangeEvent[] = [];
    let timestampMs = start?.state.timestampMs ?? 0;
    const tellWaiting = async (): Promise<void> => {
      const events = waiting;
      waiting = [];
      if (events.length > 0) await onEvents(events, catalogue);
    };
    const fromCommand = start?.state.commandSequence ?? 0;
    const replay = await checkReplay(
      this.#input,
      findings,
      catalogue,
      async (commands) => {
        for (const { events } of commands)
          for (const event of events) {
            const problem = orders.apply(event);
            findings.require(4, problem === null, () => `event ${event.eventSequence}: ${problem}`);
            timestampMs = event.timestampMs;
            waiting.push(event);
          }
        if (waiting.length >= BATCH_EVENTS) await tellWaiting();
      },
      (command) => onProgress((command - fromCommand) / (journal.lastSequence - fromCommand)),
    );
    await tellWaiting();
    requireNone(findings);
    const { eventCount: eventSequence, highestLedgerSequence } = replay;
    return { eventSequence, timestampMs, highestLedgerSequence, needs: orders.needs(catalogue) };
  }

  async #tellBefore(
    afterSequence: number,
    throughSequence: number,
    catalogue: Catalogue,
    onEvents: OnEvents,
  ): Promise<void> {
    if (afterSequence >= throughSequence) return;
    const cursor = new EventLogCursor(this.#input.dataFolder, afterSequence);
    try {
      for (;;) {
        const events = cursor.next(throughSequence, BATCH_EVENTS);
        if (events.length === 0) return;
        await onEvents(events, catalogue);
      }
    } finally {
      cursor.close();
    }
  }
}

function requireNone(findings: Findings): void {
  const finding = findings.reports().flatMap((statement) => statement.findings)[0];
  if (finding !== undefined)
    throw new RebuildRefusedError(`${finding}. The ledger can be rebuilt only from a sound journal: run \`audit\``);
}

function syncJournal(dataFolder: string): void {
  const last = listSegments(dataFolder, LogKind.JOURNAL).at(-1);
  if (last === undefined) return;
  const fd = NODE_FILES.open(last.path, 'r+');
  try {
    syncData(NODE_FILES, { fd, path: last.path });
  } finally {
    NODE_FILES.close(fd);
  }
}
