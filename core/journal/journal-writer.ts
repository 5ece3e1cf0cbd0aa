import { fail } from '../assert.ts';
import { type FileOperations, NODE_FILES, syncData, type WriteOutcome, writeFully } from './file-operations.ts';
import { FRAME, FrameBuilder, LogKind, MAX_PAYLOAD_BYTES } from './frame.ts';
import { DEFAULT_SEGMENT_BYTES, segmentPath } from './segment-files.ts';
import { SegmentPreparer } from './segment-preparer.ts';
import type { LogFile } from './segment-write.ts';

/** Where a log goes on: found by recovery. */
export interface LogEnd {
  readonly path: string; // of the last segment
  readonly positionBytes: number; // where the next frame goes
  readonly sizeBytes: number; // of that file; the journal's are filled with zeros up to there
  readonly lastSequence: number;
}

/** The share of a segment that is used before the next one is begun, and is finished twice as fast as it is used. */
const PREPARE_FROM = 1 / 4;

/**
 * Appends groups of commands to the journal. One writer at a time, the journal thread. A group is one frame, one write
 * and one sync; the next is written only after that sync returned, so only the last one can ever be torn.
 */
export class JournalWriter {
  readonly segmentBytes: number;
  readonly #files: FileOperations;
  readonly #dataFolder: string;
  readonly #preparer: SegmentPreparer;
  #file: LogFile;
  #positionBytes: number;
  #sizeBytes: number;
  #lastSequence: number;

  /** @param end from recoverJournal on the same folder */
  constructor(
    dataFolder: string,
    end: LogEnd,
    options: { readonly segmentBytes?: number; readonly files?: FileOperations } = {},
  ) {
    const { segmentBytes = DEFAULT_SEGMENT_BYTES, files = NODE_FILES } = options;
    this.segmentBytes = segmentBytes;
    this.#files = files;
    this.#dataFolder = dataFolder;
    this.#preparer = new SegmentPreparer(files, dataFolder, segmentBytes);
    this.#file = { fd: files.open(end.path, 'r+'), path: end.path };
    this.#positionBytes = end.positionBytes;
    this.#sizeBytes = end.sizeBytes;
    this.#lastSequence = end.lastSequence;
  }

  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** @returns a builder for groups that always fit into one of this writer's segments */
  newGroup(): FrameBuilder {
    return new FrameBuilder(LogKind.JOURNAL, Math.min(MAX_PAYLOAD_BYTES, this.segmentBytes - FRAME.HEADER_BYTES));
  }

  /**
   * Writes and syncs one group.
   * @returns DONE once it is durable; DISK_FULL when there is no space: nothing is lost, append the same group again
   * @throws StorageError; the writer must not be used afterwards
   */
  append(group: FrameBuilder): WriteOutcome {
    if (group.firstSequence !== this.#lastSequence + 1)
      fail(`journal: command ${group.firstSequence} after ${this.#lastSequence}`);
    const frame = group.finish();
    if (this.#positionBytes + frame.length > this.#sizeBytes && this.#roll(group.firstSequence) === 'DISK_FULL')
      return 'DISK_FULL';
    if (writeFully(this.#files, this.#file, frame, this.#positionBytes) === 'DISK_FULL') return 'DISK_FULL';
    syncData(this.#files, this.#file);
    this.#positionBytes += frame.length;
    this.#lastSequence = group.lastSequence;
    return 'DONE';
  }

  /**
   * Prepares some of the next segment. To be called after each group is answered, and again and again when idle.
   * @param isIdle false keeps to the least that makes the segment ready in time
   * @returns NOTHING_DUE, DONE when a step was made and more may be due, DISK_FULL when it must be tried again later
   */
  prepareAhead(isIdle: boolean): WriteOutcome | 'NOTHING_DUE' {
    const usedBytes = this.#positionBytes - this.#sizeBytes * PREPARE_FROM;
    if (this.#preparer.isReady || usedBytes < 0) return 'NOTHING_DUE';
    if (!isIdle && this.#preparer.preparedBytes >= usedBytes * 2) return 'NOTHING_DUE';
    return this.#preparer.step();
  }

  close(): void {
    this.#preparer.close();
    this.#files.close(this.#file.fd);
  }

  #roll(firstSequence: number): WriteOutcome {
    while (!this.#preparer.isReady) if (this.#preparer.step() === 'DISK_FULL') return 'DISK_FULL';
    const next = this.#preparer.take(segmentPath(this.#dataFolder, LogKind.JOURNAL, firstSequence));
    if (next === 'DISK_FULL') return 'DISK_FULL';
    this.#files.close(this.#file.fd);
    this.#file = next;
    this.#positionBytes = 0;
    this.#sizeBytes = this.segmentBytes;
    return 'DONE';
  }
}
