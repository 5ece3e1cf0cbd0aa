import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EngineLimits } from '../../core/engine/engine.ts';
import { BehaviourChangedError } from '../../core/journal/journal-errors.ts';
import { RecordedEvents } from '../../core/journal/recorded-events.ts';
import type { SnapshotReader } from '../../core/journal/snapshot-reader.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import { decodeEvent, type ExchangeEvent } from '../../core/protocol/event-decoder.ts';

import type { RecordWindow } from '../../core/protocol/record-window.ts';
import { define } from '../definitions/define.ts';
import type { Findings } from './check-report.ts';
import { IdSet } from './id-set.ts';
import { type CommandFacts, JournalReplay } from './journal-replay.ts';
import type { EventLogEnd, JournalEnd } from './log-ends.ts';
import { requireStateOf } from './snapshot-check.ts';

/** A command with what the engine made of it. */
export interface ReplayedCommand extends CommandFacts {
  readonly events: readonly ExchangeEvent[];
}

/** What is replayed, and what is there to compare it with. */
export interface ReplayInput {
  readonly dataFolder: string;
  readonly limits: EngineLimits; // those that the exchange runs with
  readonly start: SnapshotReader | null; // null: from the first command
  readonly snapshots: readonly SnapshotReader[]; // whose states the replay must come by
  readonly journal: JournalEnd;
  readonly eventLog: EventLogEnd;
}

/** What a checked replay leaves. */
export interface ReplayResult {
  readonly stateHash: string;
  readonly commandCount: number; // the last one's sequence
  readonly eventCount: number; // likewise
  readonly restingOrders: number;
  readonly highestLedgerSequence: number;
  readonly commandIds: IdSet; // of the commands replayed
}

/**
 * Replays the journal, comparing every event with the event log as far as that reaches, and hands the commands on.
 * @param catalogue knows every instrument before the commands that name it are handed on
 * @param onCommands of one group, in order
 * @param onProgress the command replayed last
 * @throws what JournalReplay throws, when the journal can't be replayed
 */
export async function checkReplay(
  input: ReplayInput,
  findings: Findings,
  catalogue: Catalogue,
  onCommands: (commands: readonly ReplayedCommand[]) => Promise<void>,
  onProgress: (commandSequence: number) => void,
): Promise<ReplayResult> {
  const { dataFolder, limits, start, journal, eventLog } = input;
  const observer = new LogComparison(input, findings, catalogue);
  const replay = new JournalReplay(dataFolder, limits, start, journal.lastSequence, observer);
  const { engine } = replay;
  try {
    while (replay.next()) {
      await onCommands(observer.take());
      onProgress(engine.lastCommandSequence);
      await nextTurn();
    }
  } finally {
    replay.close();
    observer.close();
  }
  engine.verifyInvariants();
  findings.checked(4, engine.lastCommandSequence);
  findings.require(
    4,
    engine.lastCommandSequence >= journal.lastSequence,
    () => `the journal ends at command ${journal.lastSequence}, only ${engine.lastCommandSequence} can be replayed`,
  );
  findings.require(
    4,
    eventLog.lastSequence <= engine.lastEventSequence,
    () => `the event log has event ${eventLog.lastSequence}, the journal yields only ${engine.lastEventSequence}`,
  );
  return {
    stateHash: engine.stateHash(),
    commandCount: engine.lastCommandSequence,
    eventCount: engine.lastEventSequence,
    restingOrders: engine.restingOrders,
    highestLedgerSequence: engine.highestLedgerSequence,
    commandIds: observer.commandIds,
  };
}

/** Replays once more: the same end, and on the way the states that the snapshots keep. */
export async function checkSecondReplay(
  { dataFolder, limits, start, snapshots, journal }: ReplayInput,
  findings: Findings,
  first: ReplayResult,
  onProgress: (commandSequence: number) => void,
): Promise<void> {
  const waiting = new Map(snapshots.map((snapshot) => [snapshot.state.commandSequence, snapshot]));
  const replay = new JournalReplay(dataFolder, limits, start, journal.lastSequence, {
    onCommand: () => compareSnapshot(),
    onEvent: () => {},
  });
  const { engine } = replay;
  const compareSnapshot = (): void => {
    const snapshot = waiting.get(engine.lastCommandSequence);
    if (snapshot === undefined) return;
    waiting.delete(engine.lastCommandSequence);
    requireStateOf(snapshot, engine, limits, findings);
  };
  try {
    while (replay.next()) {
      onProgress(engine.lastCommandSequence);
      await nextTurn();
    }
  } finally {
    replay.close();
  }
  compareSnapshot();
  const stateHash = engine.stateHash();
  findings.require(
    7,
    stateHash === first.stateHash && engine.lastEventSequence === first.eventCount,
    () =>
      `replays differ: state ${first.stateHash} after ${first.eventCount} events, then ${stateHash} after ${engine.lastEventSequence}`,
  );
}

/** Watches a replay: command ids unique, events as in the log, definitions into the catalogue. */
class LogComparison {
  readonly commandIds = new IdSet();
  readonly #findings: Findings;
  readonly #catalogue: Catalogue;
  readonly #recorded: RecordedEvents;
  readonly #firstRecorded: number;
  #commands: { commandId: number; ledgerSequence: number; events: ExchangeEvent[] }[] = [];
  #lastSequence: number;
  #isComparing = true;

  constructor({ dataFolder, start, eventLog }: ReplayInput, findings: Findings, catalogue: Catalogue) {
    this.#findings = findings;
    this.#catalogue = catalogue;
    this.#lastSequence = start?.state.eventSequence ?? 0;
    this.#firstRecorded = Math.max(this.#lastSequence + 1, eventLog.firstSequence);
    this.#recorded = new RecordedEvents(dataFolder, this.#firstRecorded, eventLog.lastSequence);
  }

  onCommand(command: CommandFacts): void {
    const { commandId } = command;
    this.#findings.require(4, this.commandIds.add(commandId), () => `command id ${commandId} stands twice`);
    this.#commands.push({ ...command, events: [] });
  }

  onEvent(window: RecordWindow, at: number, continuationAt: number, slots: number): void {
    const event = decodeEvent(window, at, continuationAt);
    const { eventSequence } = event;
    this.#findings.require(
      6,
      eventSequence === this.#lastSequence + 1,
      () => `event ${eventSequence} follows event ${this.#lastSequence}`,
    );
    this.#lastSequence = eventSequence;
    if (this.#isComparing && eventSequence >= this.#firstRecorded && eventSequence <= this.#recorded.lastSequence)
      this.#compare(window, at, continuationAt, slots);
    define(this.#catalogue, event);
    this.#commands.at(-1)!.events.push(event);
  }

  /** @returns the commands since the last call */
  take(): ReplayedCommand[] {
    const commands = this.#commands;
    this.#commands = [];
    return commands;
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
}
