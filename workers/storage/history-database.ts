import { join } from 'node:path';
import { HISTORY_SCHEMA } from './history-schema.ts';
import { ViewDatabase } from './view-database.ts';

/** `history.sqlite` of a data folder: orders, trades, daily volumes. */
export type HistoryDatabase = ViewDatabase;
export const HistoryDatabase = {
  /** See ViewDatabase.open. */
  open(dataFolder: string, partitionCount: number, onFatal: (error: Error) => void): Promise<HistoryDatabase> {
    return ViewDatabase.open(historyDatabasePath(dataFolder), HISTORY_SCHEMA, partitionCount, onFatal);
  },
};

export function historyDatabasePath(dataFolder: string): string {
  return join(dataFolder, 'history.sqlite');
}
