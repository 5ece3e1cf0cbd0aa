import { fail } from '../assert.ts';
import {
  type FileOperations,
  NODE_FILES,
  syncData,
  syncFolder,
  tryNames,
  type WriteOutcome,
  writeFully,
} from './file-operations.ts';
import { FRAME, FrameBuilder, LogKind, MAX_PAYLOAD_BYTES } from './frame.ts';
import type { EventLogScan } from './log-scan.ts';
import { DEFAULT_SEGMENT_BYTES, logFolder, segmentPath, tidyLogFolder } from './segment-files.ts';
import { type LogFile, replaceSegment } from './segment-write.ts';

/**
 * Appends batches of events to the event log: one frame a batch, written at once for the readers, synced when the owner
 * asks and before a next segment begins. What a crash takes from its end follows from the journal and is written again.
 */
export class EventLogWriter {
  readonly #files: FileOperations;
  readonly #dataFolder: string;
  readonly #segmentBytes: number;
  #file: LogFile;
  #positionBytes: number;
  #lastSequence: number;
  #syncedSequence: number;

  /**
   * Drops the torn end that the scan found and goes on behind it.
   * @throws DiskFullError, StorageError
   */
  constructor(
    dataFolder: string,
    scan: EventLogScan,
    options: { readonly segmentBytes?: number; readonly files?: FileOperations } = {},
  ) {
    const { segmentBytes = DEFAULT_SEGMENT_BYTES, files = NODE_FILES } = options;
    this.#files = files;
    this.#dataFolder = dataFolder;
    this.#segmentBytes = segmentBytes;
    this.#positionBytes = scan.lastSegment?.validBytes ?? 0;
    this.#lastSequence = scan.lastSequence;
    this.#syncedSequence = scan.lastSequence; // the segment is written anew and synced right below
    tidyLogFolder(files, dataFolder, LogKind.EVENTS);
    const path = scan.lastSegment?.segment.path ?? segmentPath(dataFolder, LogKind.EVENTS, scan.firstSequence);
    replaceSegment(files, dataFolder, LogKind.EVENTS, path, this.#positionBytes, this.#positionBytes);
    this.#file = { fd: files.open(path, 'r+'), path };
  }

  /** Highest event sequence in the log, whether synced or not. */
  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** Highest event sequence that is synced. */
  get syncedSequence(): number {
    return this.#syncedSequence;
  }

  /** Whether something was written since the last sync. */
  get isDirty(): boolean {
    return this.#syncedSequence < this.#lastSequence;
  }

  /** @returns a builder for batches that always fit into one of this writer's segments */
  newBatch(): FrameBuilder {
    return new FrameBuilder(LogKind.EVENTS, Math.min(MAX_PAYLOAD_BYTES, this.#segmentBytes - FRAME.HEADER_BYTES));
  }

  /**
   * Writes one batch. Readers find it afterwards.
   * @returns DISK_FULL when there is no space: nothing is lost, append the same batch again
   * @throws StorageError; the writer must not be used afterwards
   */
  append(batch: FrameBuilder): WriteOutcome {
    if (batch.firstSequence !== this.#lastSequence + 1)
      fail(`event log: event ${batch.firstSequence} after ${this.#lastSequence}`);
    const frame = batch.finish();
    if (this.#positionBytes + frame.length > this.#segmentBytes && this.#roll(batch.firstSequence) === 'DISK_FULL')
      return 'DISK_FULL';
    if (writeFully(this.#files, this.#file, frame, this.#positionBytes) === 'DISK_FULL') return 'DISK_FULL';
    this.#positionBytes += frame.length;
    this.#lastSequence = batch.lastSequence;
    return 'DONE';
  }

  /** Makes everything appended durable. */
  sync(): void {
    if (!this.isDirty) return;
    syncData(this.#files, this.#file);
    this.#syncedSequence = this.#lastSequence;
  }

  close(): void {
    this.sync();
    this.#files.close(this.#file.fd);
  }

  #roll(firstSequence: number): WriteOutcome {
    this.sync(); // a successor says that this segment is whole
    const path = segmentPath(this.#dataFolder, LogKind.EVENTS, firstSequence);
    const fd = tryNames(path, () => this.#files.open(path, 'wx+'));
    if (fd === 'DISK_FULL') return 'DISK_FULL';
    syncFolder(this.#files, logFolder(this.#dataFolder, LogKind.EVENTS));
    this.#files.close(this.#file.fd);
    this.#file = { fd, path };
    this.#positionBytes = 0;
    return 'DONE';
  }
}
