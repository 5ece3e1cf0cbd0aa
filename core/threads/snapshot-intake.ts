import type { EngineState } from '../engine/engine-state.ts';
import type { EventLogWriter } from '../journal/event-log-writer.ts';
import type { FileOperations } from '../journal/file-operations.ts';
import { retireSegments } from '../journal/retirement.ts';
import { SnapshotWriter } from '../journal/snapshot-writer.ts';
import { CONTROL, loadSequence, ringDoorbell } from './shared-control.ts';
import type { SnapshotReport } from './thread-messages.ts';

export interface SnapshotIntakeParts {
  readonly control: Int32Array;
  readonly folder: string; // the data folder, its snapshot folder tidied
  readonly files: FileOperations;
  /** @returns the next state that the engine has handed over; called only when there is one */
  readonly take: () => EngineState;
  readonly report: (report: SnapshotReport) => void;
}

/**
 * Takes engine states into snapshot files, one at a time and step by step, so that commands hardly wait. One is put in
 * place when the logs reach it, and then segments that it made superfluous are retired.
 */
export class SnapshotIntake {
  readonly #parts: SnapshotIntakeParts;
  #writer: SnapshotWriter | null = null;
  #settled = 0; // states taken whose snapshot is in place or given up

  constructor(parts: SnapshotIntakeParts) {
    this.#parts = parts;
  }

  get isDrained(): boolean {
    return this.#writer === null && !this.#hasNext;
  }

  /**
   * @returns DONE when a step was made and more may be due; IDLE when there is none, or the logs must go on first
   * @throws StorageError
   */
  turn(durableCommandSequence: number, eventLog: EventLogWriter): 'DONE' | 'IDLE' {
    if (this.#writer === null) {
      if (!this.#hasNext) return 'IDLE';
      const { folder, files, take } = this.#parts;
      this.#writer = new SnapshotWriter(folder, take(), files);
    }
    const writer = this.#writer;
    if (!writer.isWhole) {
      if (writer.step() === 'DISK_FULL') this.#giveUp(writer);
      return 'DONE';
    }
    const { commandSequence, eventSequence } = writer.state;
    if (durableCommandSequence < commandSequence || eventLog.lastSequence < eventSequence) return 'IDLE';
    if (eventLog.syncedSequence < eventSequence) eventLog.sync();
    if (writer.place() === 'DISK_FULL') this.#giveUp(writer);
    else this.#tellPlaced(writer);
    return 'DONE';
  }

  /** Leaves the file of an unfinished snapshot to the next start, which removes it. */
  close(): void {
    this.#writer?.abandon();
    this.#writer = null;
  }

  get #hasNext(): boolean {
    return Atomics.load(this.#parts.control, CONTROL.SNAPSHOTS_HANDED) !== this.#settled;
  }

  #tellPlaced({ state, path, writtenBytes }: SnapshotWriter): void {
    const { commandSequence, eventSequence, restingOrders, stateHash } = state;
    this.#parts.report({
      type: 'snapshot-placed',
      path,
      commandSequence,
      eventSequence,
      restingOrders,
      stateHash,
      sizeBytes: writtenBytes,
    });
    this.#settle();
    const { folder, control, files, report } = this.#parts;
    const retired = retireSegments(folder, loadSequence(control, CONTROL.CONSUMED_EVENT), files);
    if (retired.journalSegments.length + retired.eventSegments.length > 0)
      report({ type: 'segments-retired', ...retired });
  }

  #giveUp(writer: SnapshotWriter): void {
    writer.abandon();
    const { commandSequence } = writer.state;
    const reason = `the disk that holds ${writer.path} is full`;
    this.#parts.report({ type: 'snapshot-failed', commandSequence, reason });
    this.#settle();
  }

  #settle(): void {
    this.#writer = null;
    this.#settled = (this.#settled + 1) | 0;
    Atomics.store(this.#parts.control, CONTROL.SNAPSHOTS_SETTLED, this.#settled);
    ringDoorbell(this.#parts.control, CONTROL.ENGINE_DOORBELL); // it may have the next one
  }
}
