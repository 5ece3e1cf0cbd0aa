import { expect, test } from 'vitest';
import { TapDatabase, tapDatabasePath } from '../../../workers/storage/tap-database.ts';
import { WATERMARKS } from '../../../workers/storage/view-database.ts';
import { ViewWatermarks } from '../../../workers/storage/view-watermarks.ts';
import { temporaryFolder } from '../temporary-folder.ts';

function rethrow(error: Error): void {
  throw error;
}

/** Each of them waits in a thread of the driver's four: with all of them waiting, nobody could commit. */
const AT_ONCE = 3;

test('processes that make a database at the same time make one', async () => {
  for (let round = 0; round < 30; round++) {
    const folder = temporaryFolder();
    const opened = await Promise.all(Array.from({ length: AT_ONCE }, () => TapDatabase.open(folder, 4, rethrow)));
    for (const database of opened) await database.close();
  }
});

test('watermarks are read beside their writer, from before there is a file on', async () => {
  const folder = temporaryFolder();
  const watermarks = new ViewWatermarks(tapDatabasePath(folder), 3);
  expect(await watermarks.watermarks()).toEqual([0, 0, 0]);
  const database = await TapDatabase.open(folder, 3, rethrow);
  database.commits.put(WATERMARKS, [1, 7]);
  await database.commits.durable();
  expect(await watermarks.watermarks()).toEqual([0, 7, 0]);
  database.commits.put(WATERMARKS, [2, 9]);
  await database.commits.durable();
  expect(await watermarks.watermarks()).toEqual([0, 7, 9]);
  await database.close();
  expect(await watermarks.watermarks()).toEqual([0, 7, 9]);
  await watermarks.close();
});
