import { type FolderLock, FolderLockedError } from '../workers/storage/folder-lock.ts';
import { ALL_ROLES, lockRoles } from './folder-roles.ts';

/** Keeps an exchange from starting in a folder. @returns null when one is at work there, or a worker of one */
export async function lockUnlessRunning(dataFolder: string): Promise<FolderLock | null> {
  try {
    return await lockRoles(dataFolder, ALL_ROLES);
  } catch (error) {
    if (error instanceof FolderLockedError) return null;
    throw error;
  }
}
