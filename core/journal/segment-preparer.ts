import { fail } from '../assert.ts';
import { type FileOperations, syncData, syncFolder, tryNames, type WriteOutcome } from './file-operations.ts';
import { LogKind } from './frame.ts';
import { logFolder, temporaryPath } from './segment-files.ts';
import { type LogFile, syncFile, writeZeros } from './segment-write.ts';

/**
 * Zeros written and synced in one step: little enough that a group which arrives meanwhile hardly waits, and more than
 * twice the largest group, so that one step a group has the next segment ready in time.
 */
const STEP_BYTES = 516 * 1024;

/**
 * Makes the journal's next segment ahead of time, step by step: a file full of zeros, synced, under a temporary name.
 * Commands already taken then never wait for space, and a group's sync never has to write metadata.
 */
export class SegmentPreparer {
  readonly #files: FileOperations;
  readonly #dataFolder: string;
  readonly #segmentBytes: number;
  readonly #path: string;
  #file: LogFile | null = null;
  #preparedBytes = 0;

  constructor(files: FileOperations, dataFolder: string, segmentBytes: number) {
    this.#files = files;
    this.#dataFolder = dataFolder;
    this.#segmentBytes = segmentBytes;
    this.#path = temporaryPath(dataFolder, LogKind.JOURNAL, 'next');
  }

  get preparedBytes(): number {
    return this.#preparedBytes;
  }
  get isReady(): boolean {
    return this.#preparedBytes === this.#segmentBytes;
  }

  /** Prepares some more of a segment that is not ready. Doing so again after DISK_FULL goes on where it stopped. */
  step(): WriteOutcome {
    if (this.#file === null) {
      const fd = tryNames(this.#path, () => this.#files.open(this.#path, 'wx+'));
      if (fd === 'DISK_FULL') return 'DISK_FULL';
      this.#file = { fd, path: this.#path };
    }
    const endBytes = Math.min(this.#preparedBytes + STEP_BYTES, this.#segmentBytes);
    if (writeZeros(this.#files, this.#file, this.#preparedBytes, endBytes) === 'DISK_FULL') return 'DISK_FULL';
    if (endBytes === this.#segmentBytes) syncFile(this.#files, this.#file);
    else syncData(this.#files, this.#file);
    this.#preparedBytes = endBytes;
    return 'DONE';
  }

  /**
   * Gives the ready segment its name, durably, and hands it over; the next one may then be prepared.
   * @returns DISK_FULL when the folder has no room for the name: the same again later
   */
  take(path: string): LogFile | 'DISK_FULL' {
    const file = this.#file;
    if (file === null || !this.isReady) fail(`segment ${path} was taken before it was ready`);
    if (tryNames(path, () => this.#files.rename(this.#path, path)) === 'DISK_FULL') return 'DISK_FULL';
    syncFolder(this.#files, logFolder(this.#dataFolder, LogKind.JOURNAL));
    this.#file = null;
    this.#preparedBytes = 0;
    return { fd: file.fd, path };
  }

  close(): void {
    if (this.#file !== null) this.#files.close(this.#file.fd);
    this.#file = null;
  }
}
