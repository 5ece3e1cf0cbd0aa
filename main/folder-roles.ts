import { type FolderLock, lockFolder } from '../workers/storage/folder-lock.ts';
import { WORKER_ROLES } from './worker-roles.ts';

/** Everything that is done over a data folder: each by one process at a time, all in one or split. */
export const ALL_ROLES = ['exchange', ...WORKER_ROLES, 'scheduler'] as const;
export type FolderRole = (typeof ALL_ROLES)[number];

/**
 * Takes roles of a data folder for this process, all of them or none.
 * @throws FolderLockedError naming the first that another process has
 */
export async function lockRoles(dataFolder: string, roles: readonly FolderRole[]): Promise<FolderLock> {
  const locks: FolderLock[] = [];
  const release = async (): Promise<void> => {
    for (const lock of locks.splice(0).reverse()) await lock.release();
  };
  try {
    for (const role of roles) locks.push(await lockFolder(dataFolder, role));
    return { release };
  } catch (error) {
    await release();
    throw error;
  }
}
