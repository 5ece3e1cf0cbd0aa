import type { Kline } from '../../core/ports/klines.ts';
import { readKlines } from '../../workers/klines/kline-rows.ts';
import { klinesDatabasePath } from '../../workers/storage/klines-database.ts';
import { SqliteDatabase } from '../../workers/storage/sqlite-database.ts';
import { inOrder } from './plain-klines.ts';

/** @returns every candle of a data folder, in order of instrument, size and time */
export async function storedKlines(dataFolder: string): Promise<Kline[]> {
  const database = await SqliteDatabase.openReader(klinesDatabasePath(dataFolder));
  const klines = await readKlines(database, '', []);
  await database.close();
  return inOrder(klines);
}

/** Changes candles behind the exchange's back. */
export async function tamperWithKlines(dataFolder: string, sql: string): Promise<void> {
  const database = await SqliteDatabase.open(klinesDatabasePath(dataFolder), true);
  await database.exec(sql);
  await database.close();
}
