import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { NotADataFolderError } from '../../workers/audit/stored-ledger.ts';
import { klinesDatabasePath } from '../../workers/storage/klines-database.ts';
import type { Configuration } from '../configuration.ts';

/** @returns the data folder. @throws NotADataFolderError when it has no candles */
export function requireKlines({ dataFolder: folder }: Configuration): string {
  const dataFolder = resolve(folder);
  if (existsSync(klinesDatabasePath(dataFolder))) return dataFolder;
  throw new NotADataFolderError(
    `${dataFolder} holds no candles: name the folder with --data-dir, or start the exchange once, which makes them`,
  );
}
