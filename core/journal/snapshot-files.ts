import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readdirSync, readSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type FileOperations, syncFolder } from './file-operations.ts';
import { StorageError } from './journal-errors.ts';
import {
  decodeSnapshotHeader,
  isTrailerOf,
  SNAPSHOT_HEADER,
  SNAPSHOT_TRAILER,
  type SnapshotHeader,
} from './snapshot-format.ts';

/**
 * Names on disk, below the data folder:
 *   snapshots/<command sequence, 16 digits>.snapshot   whole and synced before it got this name
 *   snapshots/next.temporary                           being written; removed at the next start
 * The two newest are kept. A snapshot is a shortcut: the journal alone gives the same state.
 */
const FOLDER = 'snapshots';
const SUFFIX = '.snapshot';
const TEMPORARY_SUFFIX = '.temporary';
const SEQUENCE_DIGITS = 16;
export const KEPT_SNAPSHOTS = 2;

export interface SnapshotFile {
  readonly path: string;
  readonly commandSequence: number; // by its name
}

export function snapshotFolder(dataFolder: string): string {
  return join(dataFolder, FOLDER);
}

export function snapshotPath(dataFolder: string, commandSequence: number): string {
  return join(snapshotFolder(dataFolder), String(commandSequence).padStart(SEQUENCE_DIGITS, '0') + SUFFIX);
}

export function temporarySnapshotPath(dataFolder: string): string {
  return join(snapshotFolder(dataFolder), `next${TEMPORARY_SUFFIX}`);
}

/** @returns the snapshots by name, newest first, whether valid or not; none when there is no folder */
export function listSnapshots(dataFolder: string): SnapshotFile[] {
  const folder = snapshotFolder(dataFolder);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(SUFFIX) && /^\d{16}$/.test(name.slice(0, -SUFFIX.length)))
    .sort()
    .reverse()
    .map((name) => ({ path: join(folder, name), commandSequence: Number(name.slice(0, SEQUENCE_DIGITS)) }));
}

/** Makes the folder durable and removes what an interrupted snapshot left. */
export function tidySnapshotFolder(files: FileOperations, dataFolder: string): void {
  const folder = snapshotFolder(dataFolder);
  if (!existsSync(folder)) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    syncFolder(files, dirname(folder));
  }
  for (const name of readdirSync(folder)) if (name.endsWith(TEMPORARY_SUFFIX)) files.unlink(join(folder, name));
}

/**
 * Looks at header and trailer alone: where a snapshot stands, for little.
 * @returns what the header says, or why it is no snapshot
 * @throws StorageError
 */
export function peekSnapshot({ path, commandSequence }: SnapshotFile): SnapshotHeader | string {
  const head = new Uint8Array(SNAPSHOT_HEADER.BYTES);
  const tail = new Uint8Array(SNAPSHOT_TRAILER.BYTES);
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throw new StorageError(path, 'open', error);
  }
  try {
    const sizeBytes = fstatSync(fd).size;
    const header = decodeSnapshotHeader(head.subarray(0, readSync(fd, head, 0, head.length, 0)));
    if (typeof header === 'string') return header;
    if (header.commandSequence !== commandSequence)
      return `it stands at command ${header.commandSequence}, not where its name says`;
    readSync(fd, tail, 0, tail.length, Math.max(0, sizeBytes - tail.length));
    return isTrailerOf(tail, header, sizeBytes) ? header : 'it ends without its own trailer';
  } catch (error) {
    throw new StorageError(path, 'read', error);
  } finally {
    closeSync(fd);
  }
}
