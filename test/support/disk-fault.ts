export type DiskTarget = 'journal' | 'events' | 'ledger' | 'history' | 'jobs';
/** Logs are written and synced; of a database the commit is met as a whole. */
export type DiskOperation = 'write' | 'sync' | 'commit';

/** What a disk does instead of what it is asked for. */
export interface DiskFault {
  readonly target: DiskTarget;
  readonly operation: DiskOperation;
  /** STALL: nothing until the fault is taken away. Else the code of the error it answers at once. */
  readonly act: 'STALL' | 'EIO' | 'SQLITE_IOERR';
}

/** @returns the file that says that a fault was met */
export function reachedPath(ordersPath: string, target: DiskTarget, operation: DiskOperation): string {
  return `${ordersPath}.${target}-${operation}`;
}
