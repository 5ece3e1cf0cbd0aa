import type { EventLogWriter } from '../journal/event-log-writer.ts';
import type { JournalWriter } from '../journal/journal-writer.ts';
import type { CommandIntake } from './command-intake.ts';
import type { EventIntake } from './event-intake.ts';
import { CONTROL, ringDoorbell } from './shared-control.ts';
import type { SnapshotIntake } from './snapshot-intake.ts';
import { SpaceWait } from './space-wait.ts';

/** How long events may stay unsynced. They follow from the journal, so a crash costs a replay and nothing else. */
const EVENT_SYNC_MS = 200;

export interface JournalLoopParts {
  readonly control: Int32Array;
  readonly commands: CommandIntake;
  readonly events: EventIntake;
  readonly journal: JournalWriter;
  readonly eventLog: EventLogWriter;
  readonly snapshots?: SnapshotIntake; // none when the exchange takes no snapshots
}

/**
 * What the journal thread does, a turn at a time: commands first, since clients wait for them; then events; then the
 * next segment and a snapshot. None of them waits for another: a full event ring or disk never keeps a command from its sync.
 */
export class JournalLoop {
  readonly #parts: JournalLoopParts;
  readonly #commandSpace = new SpaceWait();
  readonly #eventSpace = new SpaceWait();
  readonly #segmentSpace = new SpaceWait();
  #eventSyncAtMs = Infinity; // when what is in the event log must be synced; Infinity when it is

  /** Announces at once what both logs hold. */
  constructor(parts: JournalLoopParts) {
    this.#parts = parts;
    this.#announce(CONTROL.DURABLE_COMMAND, parts.commands.durableSequence);
    this.#announce(CONTROL.EVENT_LOG_END, parts.eventLog.lastSequence);
  }

  /** Whether all that was published is in the logs. True for good only when nobody publishes any more. */
  get isDrained(): boolean {
    const { commands, events, snapshots } = this.#parts;
    return commands.isDrained && events.isDrained && (snapshots?.isDrained ?? true);
  }

  /**
   * Looks at every source once.
   * @param nowMs of a monotonic clock
   * @returns 0 when there may be more to do at once; else how many ms the thread may wait for its doorbell at most
   */
  turn(nowMs: number): number {
    const hasTakenCommands = this.#takeCommands(nowMs);
    const hasTakenEvents = this.#takeEvents(nowMs);
    const isIdle = !hasTakenCommands && !hasTakenEvents;
    const hasPrepared = this.#prepareSegment(nowMs, isIdle);
    const hasSnapped = this.#advanceSnapshot();
    this.#showDiskFull();
    if (nowMs >= this.#eventSyncAtMs) this.#syncEvents();
    if (!isIdle || hasPrepared || hasSnapped) return 0;
    const wakeAtMs = Math.min(
      this.#eventSyncAtMs,
      this.#commandSpace.retryAtMs,
      this.#eventSpace.retryAtMs,
      this.#segmentSpace.retryAtMs,
    );
    return Math.max(wakeAtMs - nowMs, 1);
  }

  /** Syncs and closes both logs. */
  close(): void {
    this.#parts.snapshots?.close();
    this.#parts.eventLog.close();
    this.#parts.journal.close();
  }

  #takeCommands(nowMs: number): boolean {
    if (!this.#commandSpace.mayTry(nowMs)) return false;
    const { commands } = this.#parts;
    const outcome = commands.turn();
    this.#commandSpace.note(outcome === 'DISK_FULL', nowMs);
    if (outcome !== 'DONE') return false;
    this.#announce(CONTROL.DURABLE_COMMAND, commands.durableSequence);
    return true;
  }

  #takeEvents(nowMs: number): boolean {
    if (!this.#eventSpace.mayTry(nowMs)) return false;
    const { commands, events, eventLog } = this.#parts;
    const outcome = events.turn(commands.durableSequence);
    this.#eventSpace.note(outcome === 'DISK_FULL', nowMs);
    if (outcome !== 'DONE') return false;
    this.#announce(CONTROL.EVENT_LOG_END, eventLog.lastSequence);
    if (eventLog.isDirty) this.#eventSyncAtMs = Math.min(this.#eventSyncAtMs, nowMs + EVENT_SYNC_MS);
    return true;
  }

  #prepareSegment(nowMs: number, isIdle: boolean): boolean {
    if (!this.#segmentSpace.mayTry(nowMs)) return false;
    const outcome = this.#parts.journal.prepareAhead(isIdle);
    this.#segmentSpace.note(outcome === 'DISK_FULL', nowMs);
    return outcome === 'DONE';
  }

  #advanceSnapshot(): boolean {
    const { commands, eventLog, snapshots } = this.#parts;
    return snapshots?.turn(commands.durableSequence, eventLog) === 'DONE';
  }

  #syncEvents(): void {
    this.#parts.eventLog.sync();
    this.#eventSyncAtMs = Infinity;
  }

  #showDiskFull(): void {
    const isFull = this.#commandSpace.isWaiting || this.#eventSpace.isWaiting || this.#segmentSpace.isWaiting;
    Atomics.store(this.#parts.control, CONTROL.DISK_FULL, isFull ? 1 : 0);
  }

  #announce(word: number, sequence: number): void {
    const { control } = this.#parts;
    Atomics.store(control, word, sequence | 0);
    ringDoorbell(control, CONTROL.GATEWAY_DOORBELL);
  }
}
