import { crc32 } from 'node:zlib';
import { fail } from '../assert.ts';
import type { EngineState } from '../engine/engine-state.ts';
import {
  type FileOperations,
  NODE_FILES,
  syncData,
  syncFolder,
  tryNames,
  type WriteOutcome,
  writeFully,
} from './file-operations.ts';
import type { LogFile } from './segment-write.ts';
import { syncFile } from './segment-write.ts';
import {
  KEPT_SNAPSHOTS,
  listSnapshots,
  snapshotFolder,
  snapshotPath,
  temporarySnapshotPath,
} from './snapshot-files.ts';
import {
  encodeSectionHeader,
  encodeSnapshotHeader,
  encodeSnapshotTrailer,
  SNAPSHOT_TRAILER,
} from './snapshot-format.ts';

/** Written and synced in one step: a group of commands that arrives meanwhile hardly waits. */
const STEP_BYTES = 512 * 1024;

/**
 * Writes one snapshot: step by step under a temporary name, then into place. Whoever owns the logs says when: not
 * before the journal is durable through its command and the event log synced through its event.
 */
export class SnapshotWriter {
  readonly state: EngineState;
  readonly #files: FileOperations;
  readonly #dataFolder: string;
  readonly #temporaryPath: string;
  readonly #pieces: Uint8Array[]; // what is still to be written, in order; the trailer comes after them
  #file: LogFile | null = null;
  #positionBytes = 0;
  #crc = 0;
  #isWhole = false;

  constructor(dataFolder: string, state: EngineState, files: FileOperations = NODE_FILES) {
    this.state = state;
    this.#files = files;
    this.#dataFolder = dataFolder;
    this.#temporaryPath = temporarySnapshotPath(dataFolder);
    this.#pieces = [
      encodeSnapshotHeader(state),
      ...state.sections.flatMap((section) => [encodeSectionHeader(section), new Uint8Array(section.bytes)]),
    ];
  }

  get path(): string {
    return snapshotPath(this.#dataFolder, this.state.commandSequence);
  }
  /** Whether it is written and synced under its temporary name. */
  get isWhole(): boolean {
    return this.#isWhole;
  }
  get writtenBytes(): number {
    return this.#positionBytes;
  }

  /**
   * Writes some more of a snapshot that is not whole.
   * @returns DISK_FULL when there is no space: give it up
   * @throws StorageError
   */
  step(): WriteOutcome {
    if (this.#file === null) {
      const fd = tryNames(this.#temporaryPath, () => this.#files.open(this.#temporaryPath, 'wx+'));
      if (fd === 'DISK_FULL') return 'DISK_FULL';
      this.#file = { fd, path: this.#temporaryPath };
    }
    let stepBytes = STEP_BYTES;
    for (let piece = this.#pieces[0]; piece !== undefined && stepBytes > 0; piece = this.#pieces[0]) {
      const part = piece.subarray(0, stepBytes);
      if (this.#write(part) === 'DISK_FULL') return 'DISK_FULL';
      stepBytes -= part.length;
      if (part.length === piece.length) this.#pieces.shift();
      else this.#pieces[0] = piece.subarray(part.length);
    }
    if (this.#pieces.length > 0) {
      syncData(this.#files, this.#file);
      return 'DONE';
    }
    const fileBytes = this.#positionBytes + SNAPSHOT_TRAILER.BYTES;
    if (this.#write(encodeSnapshotTrailer(this.state, fileBytes, this.#crc)) === 'DISK_FULL') return 'DISK_FULL';
    syncFile(this.#files, this.#file);
    this.#isWhole = true;
    return 'DONE';
  }

  /**
   * Gives the whole snapshot its name, durably, and removes all but the newest two.
   * @returns DISK_FULL when the folder has no room for the name: give it up
   * @throws StorageError
   */
  place(): WriteOutcome {
    if (!this.#isWhole) fail(`snapshot ${this.path} is placed before it is whole`);
    if (tryNames(this.path, () => this.#files.rename(this.#temporaryPath, this.path)) === 'DISK_FULL')
      return 'DISK_FULL';
    const folder = snapshotFolder(this.#dataFolder);
    syncFolder(this.#files, folder); // before the older ones go: two are there at every moment
    this.#close();
    const superfluous = listSnapshots(this.#dataFolder).slice(KEPT_SNAPSHOTS);
    for (const { path } of superfluous) tryNames(path, () => this.#files.unlink(path));
    return 'DONE';
  }

  /** Removes what was written of a snapshot that is not in place. */
  abandon(): void {
    if (this.#file === null) return;
    this.#close();
    tryNames(this.#temporaryPath, () => this.#files.unlink(this.#temporaryPath));
  }

  #write(bytes: Uint8Array): WriteOutcome {
    if (writeFully(this.#files, this.#file!, bytes, this.#positionBytes) === 'DISK_FULL') return 'DISK_FULL';
    // An empty section that came from another thread has no memory at all, for which crc32 begins anew.
    if (bytes.length > 0) this.#crc = crc32(bytes, this.#crc);
    this.#positionBytes += bytes.length;
    return 'DONE';
  }

  #close(): void {
    if (this.#file !== null) this.#files.close(this.#file.fd);
    this.#file = null;
  }
}
