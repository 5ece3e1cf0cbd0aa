import { join } from 'node:path';
import { HISTORY_SCHEMA } from './history-schema.ts';
import { ViewDatabase } from './view-database.ts';

/**
 * A batch changes pages all over the indexes, which the next one changes again: with SQLite's own settings (a cache of 2 MiB,
 * copied from the log into the file every 4 MiB) each commit wrote nearly all of them twice. 32 MiB and 64 MiB took 0.8 of
 * the processor time for 290,000 events, and a third of the time beside other programs that sync the same disk.
 */
const WRITING = 'PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 16384';

/** `history.sqlite` of a data folder: orders, trades, daily volumes. */
export type HistoryDatabase = ViewDatabase;
export const HistoryDatabase = {
  /** See ViewDatabase.open. */
  async open(dataFolder: string, partitionCount: number, onFatal: (error: Error) => void): Promise<HistoryDatabase> {
    const path = historyDatabasePath(dataFolder);
    const history = await ViewDatabase.open(path, HISTORY_SCHEMA, partitionCount, onFatal);
    await history.database.exec(WRITING);
    return history;
  },
};

export function historyDatabasePath(dataFolder: string): string {
  return join(dataFolder, 'history.sqlite');
}
