import { closeSync, fdatasyncSync, fsyncSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { StorageError } from './journal-errors.ts';

/** What the logs ask of a file system that they write to. Tests put delays and errors in front of the real one. */
export interface FileOperations {
  /** @param flags r: read   r+: read and write an existing file   wx+: create, refuse an existing one */
  open(path: string, flags: 'r' | 'r+' | 'wx+'): number;
  /** @returns bytes written, possibly fewer than asked for */
  write(fd: number, bytes: Uint8Array, offsetBytes: number, lengthBytes: number, positionBytes: number): number;
  fdatasync(fd: number): void;
  fsync(fd: number): void;
  close(fd: number): void;
  rename(from: string, to: string): void;
  unlink(path: string): void;
}

/** The owner alone reads what was traded. */
const FILE_MODE = 0o600;

export const NODE_FILES: FileOperations = {
  open: (path, flags) => openSync(path, flags, FILE_MODE),
  write: writeSync,
  fdatasync: fdatasyncSync,
  fsync: fsyncSync,
  close: closeSync,
  rename: renameSync,
  unlink: unlinkSync,
};

/** Outcome of an act that may wait for space: nothing is lost, the caller does the same again later. */
export type WriteOutcome = 'DONE' | 'DISK_FULL';

/**
 * Writes everything at a position, in one call unless the file system takes less.
 * @returns DISK_FULL when there is no space; writing the same bytes there again is safe
 * @throws StorageError for every other failure
 */
export function writeFully(
  files: FileOperations,
  file: { readonly fd: number; readonly path: string },
  bytes: Uint8Array,
  positionBytes: number,
): WriteOutcome {
  let written = 0;
  while (written < bytes.length) {
    try {
      const taken = files.write(file.fd, bytes, written, bytes.length - written, positionBytes + written);
      if (taken < 1) throw new Error('nothing was written');
      written += taken;
    } catch (error) {
      if (isDiskFull(error)) return 'DISK_FULL';
      throw new StorageError(file.path, 'write', error);
    }
  }
  return 'DONE';
}

/** @throws StorageError: after a failed sync nobody knows what the disk holds, so it is never tried again */
export function syncData(files: FileOperations, file: { readonly fd: number; readonly path: string }): void {
  try {
    files.fdatasync(file.fd);
  } catch (error) {
    throw new StorageError(file.path, 'sync', error);
  }
}

/** Makes names durable: created, renamed and removed files of a folder. */
export function syncFolder(files: FileOperations, folder: string): void {
  try {
    const fd = files.open(folder, 'r');
    try {
      files.fsync(fd);
    } finally {
      files.close(fd);
    }
  } catch (error) {
    throw new StorageError(folder, 'sync', error);
  }
}

/** Runs an act on names (open, rename), where a full disk can be waited for. */
export function tryNames<T>(path: string, act: () => T): T | 'DISK_FULL' {
  try {
    return act();
  } catch (error) {
    if (isDiskFull(error)) return 'DISK_FULL';
    throw new StorageError(path, 'open', error);
  }
}

function isDiskFull(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOSPC' || code === 'EDQUOT';
}
