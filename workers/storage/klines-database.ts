import { join } from 'node:path';
import { KLINES_SCHEMA } from './klines-schema.ts';
import { ViewDatabase } from './view-database.ts';

/** `klines.sqlite` of a data folder: candles of all sizes and the market info. */
export type KlinesDatabase = ViewDatabase;
export const KlinesDatabase = {
  /** See ViewDatabase.open. */
  open(dataFolder: string, partitionCount: number, onFatal: (error: Error) => void): Promise<KlinesDatabase> {
    return ViewDatabase.open(klinesDatabasePath(dataFolder), KLINES_SCHEMA, partitionCount, onFatal);
  },
};

export function klinesDatabasePath(dataFolder: string): string {
  return join(dataFolder, 'klines.sqlite');
}
