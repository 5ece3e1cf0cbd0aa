import { expect, test } from 'vitest';
import { ExchangeDatabase } from '../../../workers/storage/exchange-database.ts';
import { SqliteKeyStore } from '../../../workers/storage/key-store.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const REVOKED_MS = 1_760_000_000_000;

function rethrow(error: Error): never {
  throw error;
}

test('a revoked key is unknown from then on, also after reopening; its id still names it, others stay valid', async () => {
  const folder = temporaryFolder();
  const open = async () => {
    const exchange = await ExchangeDatabase.open(folder, rethrow);
    return { exchange, store: await SqliteKeyStore.open(exchange, { nowMs: () => REVOKED_MS }) };
  };
  const before = await open();
  const { accountId } = await before.store.createAccount('alice');
  const revoked = await before.store.createKey(accountId, ['trader']);
  const kept = await before.store.createKey(accountId, ['auditor']);
  await expect(before.store.revokeKey('account-nobody')).rejects.toMatchObject({ code: 'INVALID_ACCOUNT' });
  const summary = { keyId: 1, key: revoked.key, accountId, roles: ['trader'], revokedMs: REVOKED_MS };
  expect(await before.store.revokeKey(revoked.key)).toEqual(summary);
  expect(await before.store.revokeKey(revoked.key)).toEqual(summary);
  expect(before.store.find(revoked.key)).toBeUndefined();
  await before.exchange.close();

  const after = await open();
  expect(after.store.find(revoked.key)).toBeUndefined();
  expect(after.store.find(kept.key)?.apiKey).toEqual(kept);
  expect(after.store.keyOf(revoked.keyId)).toEqual(revoked);
  expect(after.store.keysOf(accountId)).toEqual([kept]);
  expect(after.store.listKeys()).toEqual([summary, expect.objectContaining({ keyId: 2, revokedMs: null })]);
  expect(JSON.stringify(after.store.listKeys())).not.toContain(kept.secret);
  await after.exchange.close();
});
