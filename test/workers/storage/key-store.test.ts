import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { FIRST_CLIENT_ACCOUNT_ID } from '../../../core/money/asset.ts';
import { MAX_START_NUMBER } from '../../../core/protocol/command-id.ts';
import {
  ExchangeDatabase,
  exchangeDatabasePath,
  PartitionCountError,
} from '../../../workers/storage/exchange-database.ts';
import { InvalidAccountError, SqliteKeyStore } from '../../../workers/storage/key-store.ts';
import { MasterKeyError } from '../../../workers/storage/secret-cipher.ts';
import { raiseStartNumber, StartNumbersExhaustedError } from '../../../workers/storage/start-number.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const CLOCK = { nowMs: () => 1_760_000_000_000 };
const MASTER_KEY = 'ab'.repeat(32);

function rethrow(error: Error): never {
  throw error;
}

async function withStore<Result>(
  folder: string,
  act: (store: SqliteKeyStore, exchange: ExchangeDatabase) => Promise<Result>,
  masterKey?: string,
): Promise<Result> {
  const exchange = await ExchangeDatabase.open(folder, rethrow);
  try {
    return await act(await SqliteKeyStore.open(exchange, CLOCK, masterKey), exchange);
  } finally {
    await exchange.close();
  }
}

test('accounts, keys and nonces survive reopening, digits and all', async () => {
  const folder = temporaryFolder();
  const nonce = 9_999_999_999_999_999_999_123_456_789n; // 19 digits and 9 decimals
  const made = await withStore(folder, async (store) => {
    const account = await store.createAccount('alice');
    const key = await store.createKey(account.accountId, ['trader', 'fundManager']);
    await store.useNonce(key.keyId, nonce);
    return { account, key };
  });
  expect(made.account).toEqual({ accountId: FIRST_CLIENT_ACCOUNT_ID, name: 'alice', createdMs: CLOCK.nowMs() });
  expect(made.key).toMatchObject({ keyId: 1, accountName: 'alice', roles: ['trader', 'fundManager'] });
  expect(made.key.key).toMatch(/^account-[A-Za-z0-9]{20}$/);
  await withStore(folder, async (store) => {
    expect(store.find(made.key.key)).toMatchObject({ apiKey: made.key, lastNonce: nonce });
    expect(store.listAccounts()).toEqual([made.account]);
    expect(store.useNonce(1, nonce)).toBeNull();
    expect(store.useNonce(1, nonce - 1n)).toBeNull();
    await store.useNonce(1, nonce + 1n);
    const next = await store.createAccount('bob');
    expect(next.accountId).toBe(FIRST_CLIENT_ACCOUNT_ID + 1);
    expect((await store.createKey(next.accountId, ['auditor'])).keyId).toBe(2);
  });
});

test('two requests of one turn can not share a nonce', async () => {
  await withStore(temporaryFolder(), async (store) => {
    const account = await store.createAccount('alice');
    const { keyId, key } = await store.createKey(account.accountId, ['trader']);
    expect(store.find(key)?.lastNonce).toBe(-1n);
    const uses = Array.from({ length: 100 }, () => store.useNonce(keyId, 0n));
    expect(uses.filter((use) => use !== null)).toHaveLength(1);
    await Promise.all(uses);
    expect(store.find('account-unknown')).toBeUndefined();
  });
});

test('names, accounts and roles that can not be used are refused', async () => {
  await withStore(temporaryFolder(), async (store) => {
    const { accountId } = await store.createAccount('alice');
    await expect(store.createAccount('alice')).rejects.toThrow(InvalidAccountError);
    await expect(store.createAccount('')).rejects.toThrow(InvalidAccountError);
    await expect(store.createAccount('a'.repeat(65))).rejects.toThrow(/1 to 64/);
    await expect(store.createKey(99, ['trader'])).rejects.toThrow(/99 does not exist/);
    await expect(store.createKey(accountId, [])).rejects.toThrow(/at least one of/);
    await expect(store.createKey(accountId, ['owner' as 'trader'])).rejects.toThrow(InvalidAccountError);
  });
});

test('with a master key no secret lies readable on disk, and another master key opens nothing', async () => {
  const folder = temporaryFolder();
  const plain = await withStore(folder, async (store) => {
    const { accountId } = await store.createAccount('alice');
    return store.createKey(accountId, ['trader']);
  });
  const sealed = await withStore(
    folder,
    async (store, exchange) => {
      expect(store.find(plain.key)?.apiKey.secret).toBe(plain.secret);
      const key = await store.createKey(plain.accountId, ['trader']);
      const rows = await exchange.database.all<{ secret: string }>('SELECT secret FROM api_keys');
      for (const { secret } of rows) expect(secret).toMatch(/^aes-256-gcm:/); // the older one as well
      return key;
    },
    MASTER_KEY,
  );
  expect(readFileSync(exchangeDatabasePath(folder)).includes(sealed.secret)).toBe(false);
  await withStore(folder, async (store) => expect(store.find(sealed.key)?.apiKey).toEqual(sealed), MASTER_KEY);
  await expect(withStore(folder, async () => {}, 'cd'.repeat(32))).rejects.toThrow(MasterKeyError);
  await expect(withStore(folder, async () => {})).rejects.toThrow(/RINGBOOK_MASTER_KEY/);
  await expect(withStore(folder, async () => {}, 'short')).rejects.toThrow(/64 hex digits/);
});

test('the start number rises with every start, and ends before command ids would repeat', async () => {
  const folder = temporaryFolder();
  for (let start = 1; start <= 3; start++)
    await withStore(folder, async (_, exchange) => expect(await raiseStartNumber(exchange)).toBe(start));
  await withStore(folder, async (_, exchange) => {
    exchange.putMeta('startNumber', String(MAX_START_NUMBER - 1));
    await exchange.commits.durable();
    expect(await raiseStartNumber(exchange)).toBe(MAX_START_NUMBER);
    await expect(raiseStartNumber(exchange)).rejects.toThrow(StartNumbersExhaustedError);
    expect(Number.isSafeInteger(MAX_START_NUMBER * 2 ** 32 + 2 ** 32 - 1)).toBe(true);
  });
});

test('the number of partitions is fixed when the folder is made', async () => {
  const folder = temporaryFolder();
  const made = await ExchangeDatabase.open(folder, rethrow, 3);
  expect(made.partitionCount).toBe(3);
  await made.close();
  const again = await ExchangeDatabase.open(folder, rethrow);
  expect(again.partitionCount).toBe(3);
  await again.close();
  await expect(ExchangeDatabase.open(folder, rethrow, 8)).rejects.toThrow(PartitionCountError);
  await expect(ExchangeDatabase.open(temporaryFolder(), rethrow, 0)).rejects.toThrow(PartitionCountError);
  const byDefault = await ExchangeDatabase.open(temporaryFolder(), rethrow);
  expect(byDefault.partitionCount).toBe(8);
  await byDefault.close();
});
