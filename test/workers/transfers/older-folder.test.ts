import { expect, test } from 'vitest';
import { ExchangeDatabase, exchangeDatabasePath } from '../../../workers/storage/exchange-database.ts';
import { EXCHANGE_SCHEMA } from '../../../workers/storage/exchange-schema.ts';
import { migrate } from '../../../workers/storage/migrations.ts';
import { SqliteDatabase } from '../../../workers/storage/sqlite-database.ts';
import { TransferStore } from '../../../workers/transfers/transfer-store.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const BEFORE_TRANSFERS = EXCHANGE_SCHEMA.findIndex((step) => step.includes('CREATE TABLE transfers'));
const CREDITED = 2 ** 32 + 7;
const GRANT = 100 * 2 ** 16 + 1;

test('what an older program credited is a done transfer from then on; grants stay grants', async () => {
  const folder = temporaryFolder();
  const older = await SqliteDatabase.open(exchangeDatabasePath(folder));
  await migrate(older, EXCHANGE_SCHEMA.slice(0, BEFORE_TRANSFERS));
  for (const [index, id] of [GRANT, CREDITED].entries()) {
    await older.run('INSERT INTO credits VALUES (?, 100, 1, ?, 5, 1)', [id, '9223372036854775807']);
    await older.run(`INSERT INTO entries VALUES (?, 1, 100, 1, 0, 5, 0, 0, 'deposit', ?, 1760000000000)`, [
      index + 1,
      id,
    ]);
  }
  await older.run(`INSERT INTO entries VALUES (3, 1, 100, 1, 5, 4, 0, 1, 'hold', ?, 1760000000001)`, [CREDITED]);
  await older.close();

  const exchange = await ExchangeDatabase.open(folder, (error) => {
    throw error;
  });
  const store = await TransferStore.open(exchange);
  expect(await store.list({ limit: 10 })).toEqual([
    {
      transferId: CREDITED,
      kind: 'deposit',
      state: 'done',
      decision: 'confirm',
      accountId: 100,
      assetId: 1,
      units: 9_223_372_036_854_775_807n,
      clientKey: '',
      network: '',
      address: '',
      memo: '',
      txHash: '',
      failure: '',
      createdMs: 1_760_000_000_000,
      updatedMs: 1_760_000_000_000,
    },
  ]);
  await store.close();
  await exchange.close();
});
