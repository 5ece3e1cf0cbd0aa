import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { type FileOperations, syncFolder, tryNames, type WriteOutcome, writeFully } from './file-operations.ts';
import type { LogKind } from './frame.ts';
import { DiskFullError, StorageError } from './journal-errors.ts';
import { logFolder, temporaryPath } from './segment-files.ts';

const COPY_BYTES = 1024 * 1024;
const ZEROS = new Uint8Array(COPY_BYTES);

/** An open file of a log. */
export interface LogFile {
  readonly fd: number;
  readonly path: string;
}

/**
 * Puts a fresh file in a segment's place: the first `validBytes` of the old one, then zeros up to `sizeBytes`. The new
 * file is synced before it takes the name, so that a crash at any point leaves either the old file or the new one. It
 * is fresh so that pages which a failed sync left clean in memory, yet not on disk, are written for certain.
 * @param validBytes 0 when there is no old file, or nothing of it stays
 * @throws DiskFullError, StorageError
 */
export function replaceSegment(
  files: FileOperations,
  dataFolder: string,
  kind: LogKind,
  path: string,
  validBytes: number,
  sizeBytes: number,
): void {
  const temporary = temporaryPath(dataFolder, kind, 'recovered');
  const requireSpace = <T>(outcome: T | 'DISK_FULL'): T => {
    if (outcome === 'DISK_FULL') throw new DiskFullError(path);
    return outcome;
  };
  const fd = requireSpace(tryNames(temporary, () => files.open(temporary, 'wx+')));
  try {
    const copy = { fd, path: temporary };
    if (validBytes > 0) requireSpace(copyPrefix(files, path, copy, validBytes));
    requireSpace(writeZeros(files, copy, validBytes, sizeBytes));
    syncFile(files, copy);
  } finally {
    files.close(fd);
  }
  requireSpace(tryNames(path, () => files.rename(temporary, path)));
  syncFolder(files, logFolder(dataFolder, kind));
}

/**
 * Keeps bytes of a segment that is about to be replaced without them, beside it as `<segment>.<position>.torn`: a group
 * that was never acknowledged, or the only copy of what somebody may want to look at.
 * @throws DiskFullError, StorageError
 */
export function keepTornBytes(files: FileOperations, path: string, fromBytes: number, lengthBytes: number): void {
  const keptPath = `${path}.${fromBytes}.torn`;
  if (existsSync(keptPath)) files.unlink(keptPath); // of a start that died in the middle of writing it
  const bytes = new Uint8Array(lengthBytes);
  const from = openSync(path, 'r');
  const takenBytes = readSync(from, bytes, 0, lengthBytes, fromBytes);
  closeSync(from);
  const fd = tryNames(keptPath, () => files.open(keptPath, 'wx+'));
  if (fd === 'DISK_FULL') throw new DiskFullError(keptPath);
  try {
    const kept = { fd, path: keptPath };
    if (writeFully(files, kept, bytes.subarray(0, takenBytes), 0) === 'DISK_FULL') throw new DiskFullError(keptPath);
    syncFile(files, kept);
  } finally {
    files.close(fd);
  }
}

/** Writes zeros over a range of positions. Doing so again after DISK_FULL is safe. */
export function writeZeros(files: FileOperations, file: LogFile, fromBytes: number, toBytes: number): WriteOutcome {
  for (let position = fromBytes; position < toBytes; position += COPY_BYTES) {
    const zeros = ZEROS.subarray(0, Math.min(COPY_BYTES, toBytes - position));
    if (writeFully(files, file, zeros, position) === 'DISK_FULL') return 'DISK_FULL';
  }
  return 'DONE';
}

/** Syncs content and size. */
export function syncFile(files: FileOperations, file: LogFile): void {
  try {
    files.fsync(file.fd);
  } catch (error) {
    throw new StorageError(file.path, 'sync', error);
  }
}

function copyPrefix(files: FileOperations, fromPath: string, to: LogFile, prefixBytes: number): WriteOutcome {
  const chunk = new Uint8Array(Math.min(COPY_BYTES, prefixBytes));
  const from = openSync(fromPath, 'r');
  try {
    let position = 0;
    while (position < prefixBytes) {
      const taken = readSync(from, chunk, 0, Math.min(chunk.length, prefixBytes - position), position);
      if (taken === 0) throw new StorageError(fromPath, 'read', new Error(`it ends at byte ${position}`));
      if (writeFully(files, to, chunk.subarray(0, taken), position) === 'DISK_FULL') return 'DISK_FULL';
      position += taken;
    }
    return 'DONE';
  } finally {
    closeSync(from);
  }
}
