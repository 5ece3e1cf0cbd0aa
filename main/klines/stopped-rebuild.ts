import { existsSync } from 'node:fs';
import { FolderCatalogue } from '../../workers/definitions/folder-catalogue.ts';
import { catchUpKlines } from '../../workers/klines/kline-catch-up.ts';
import { KlineCheck } from '../../workers/klines/kline-check.ts';
import { KlineWriter } from '../../workers/klines/kline-writer.ts';
import { rebuildKlines } from '../../workers/klines/rebuild-klines.ts';
import { historyDatabasePath } from '../../workers/storage/history-database.ts';
import { klinesDatabasePath } from '../../workers/storage/klines-database.ts';
import { SqliteDatabase } from '../../workers/storage/sqlite-database.ts';
import { readPartitionCount } from '../../workers/storage/view-database.ts';
import { ConfigurationError } from '../configuration.ts';
import { closeKlineStores, openKlineStores } from '../exchange-klines.ts';
import { lockUnlessRunning } from '../lock-unless-running.ts';
import { instrumentIdsOf, type KlinesRebuildJson, rebuildJson, stepText } from './rebuilds.ts';

export interface StoppedRebuild {
  readonly dataFolder: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly symbols: readonly string[]; // all when empty
  readonly isVerifyOnly: boolean;
}

/**
 * Recomputes the candles of a stopped exchange, which is kept from starting meanwhile. Trades that the history has and
 * the candles lack are added first, as a start does; where nothing may be changed they are left out of the comparison.
 * @returns null when an exchange is at work there
 * @throws DatabaseError, ConfigurationError
 */
export async function rebuildStopped(
  { dataFolder, fromMs, toMs, symbols, isVerifyOnly }: StoppedRebuild,
  onProgress: (step: string, share: number) => void,
): Promise<KlinesRebuildJson | null> {
  const lock = await lockUnlessRunning(dataFolder);
  if (lock === null) return null;
  try {
    const catalogue = new FolderCatalogue(dataFolder).complete();
    const instrumentIds = instrumentIdsOf(catalogue, symbols, (message) => {
      throw new ConfigurationError(message);
    });
    // A write that fails rejects what waits for it, which ends the rebuild: nothing else has to end.
    const stores = await openKlineStores(dataFolder, await partitionCountOf(dataFolder), () => {});
    try {
      const { trades, database } = stores;
      const writer = await KlineWriter.open(database, catalogue);
      const onAdded = (eventSequence: number, of: number): void => onProgress('newest trades', eventSequence / of);
      if (!isVerifyOnly) await catchUpKlines({ writer, trades, onProgress: onAdded });
      const check = new KlineCheck({ ...stores, writer });
      const symbolOf = (instrumentId: number): string => catalogue.instrument(instrumentId)!.symbol;
      const report = await rebuildKlines(
        check,
        { fromMs, toMs, instrumentIds, isVerifyOnly },
        ({ instrumentId, reachedMs, share }) => onProgress(stepText(symbolOf(instrumentId), reachedMs), share),
      );
      return rebuildJson(report);
    } finally {
      await closeKlineStores(stores);
    }
  } finally {
    await lock.release();
  }
}

async function partitionCountOf(dataFolder: string): Promise<number> {
  if (!existsSync(historyDatabasePath(dataFolder)))
    throw new ConfigurationError(
      `${dataFolder} has no history.sqlite, whose trades candles are made from: start the exchange once, which makes it anew`,
    );
  const database = await SqliteDatabase.openReader(klinesDatabasePath(dataFolder));
  try {
    return await readPartitionCount(database);
  } finally {
    await database.close();
  }
}
