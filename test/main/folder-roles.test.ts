import { expect, test } from 'vitest';
import { ALL_ROLES, lockRoles } from '../../main/folder-roles.ts';
import { FolderLockedError } from '../../workers/storage/folder-lock.ts';
import { temporaryFolder } from '../workers/temporary-folder.ts';

test('each role is one process at a time; who is refused one takes none', async () => {
  const folder = temporaryFolder();
  const history = await lockRoles(folder, ['history']);
  const settlement = await lockRoles(folder, ['settlement']);
  await expect(lockRoles(folder, ['history'])).rejects.toThrow(
    new RegExp(`in use by process ${process.pid} \\(role history\\)`),
  );
  await expect(lockRoles(folder, ['exchange', 'audit-tap', 'history'])).rejects.toThrow(FolderLockedError);
  await expect(lockRoles(folder, ALL_ROLES)).rejects.toThrow(FolderLockedError);
  const others = await lockRoles(folder, ['exchange', 'audit-tap', 'scheduler']); // nothing of theirs was kept
  await Promise.all([history, settlement, others].map((lock) => lock.release()));
  await (await lockRoles(folder, ALL_ROLES)).release();
});
