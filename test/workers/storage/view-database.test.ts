import { expect, test } from 'vitest';
import { HistoryDatabase, historyDatabasePath } from '../../../workers/storage/history-database.ts';
import { KlinesDatabase, klinesDatabasePath } from '../../../workers/storage/klines-database.ts';
import { SqliteDatabase } from '../../../workers/storage/sqlite-database.ts';
import { TapDatabase, tapDatabasePath } from '../../../workers/storage/tap-database.ts';
import { temporaryFolder } from '../temporary-folder.ts';

function rethrow(error: Error): void {
  throw error;
}

test.each([
  ['history.sqlite', HistoryDatabase, historyDatabasePath],
  ['klines.sqlite', KlinesDatabase, klinesDatabasePath],
  ['the tap', TapDatabase, tapDatabasePath],
])('%s is opened while its writer stands still amid a commit', async (_, view, pathOf) => {
  const folder = temporaryFolder();
  await (await view.open(folder, 4, rethrow)).close();
  const writer = await SqliteDatabase.open(pathOf(folder));
  await writer.exec('BEGIN IMMEDIATE; UPDATE watermarks SET event_sequence = 7');
  const opened = await view.open(folder, 4, rethrow);
  expect(opened.partitionCount).toBe(4);
  await opened.close();
  await writer.exec('ROLLBACK');
  await writer.close();
});
