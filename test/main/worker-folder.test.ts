import { expect, test } from 'vitest';
import { openWorkerFolder } from '../../main/worker-folder.ts';
import { ExchangeDatabase } from '../../workers/storage/exchange-database.ts';
import { fixBusNamespace } from '../../workers/storage/folder-bus.ts';
import { fixFolderLedger } from '../../workers/storage/folder-ledger.ts';
import { temporaryFolder } from '../workers/temporary-folder.ts';

const open = (folder: string) => openWorkerFolder(folder, () => {}, 100);

test('a worker says what it lacks: a folder, Redis, or RabbitMQ', async () => {
  const folder = temporaryFolder();
  await expect(open(folder)).rejects.toThrow(/no exchange has made the data folder/);
  const exchange = await ExchangeDatabase.open(
    folder,
    (error) => {
      throw error;
    },
    8,
  );
  await fixFolderLedger(exchange, 'redis');
  await expect(open(folder)).rejects.toThrow(/never started with RabbitMQ.*RINGBOOK_AMQP_URL/);
  const busNamespace = await fixBusNamespace(exchange);
  const opened = await open(folder);
  expect(opened).toMatchObject({ partitionCount: 8, busNamespace });
  await opened.database.close();
  await exchange.close();

  const other = temporaryFolder();
  const embedded = await ExchangeDatabase.open(other, () => {}, 8);
  await fixFolderLedger(embedded, 'embedded');
  await embedded.close();
  await expect(open(other)).rejects.toThrow(/keeps its balances in that folder/);
});
