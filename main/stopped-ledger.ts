import { LedgerUnavailableError } from '../core/ports/ledger.ts';
import { ArchiveGapError, LedgerArchive } from '../workers/ledger/redis/ledger-archive.ts';
import { compareWithArchive, type LedgerComparison } from '../workers/ledger/redis/redis-comparison.ts';
import { RedisLedger } from '../workers/ledger/redis/redis-ledger.ts';
import { ExchangeDatabase } from '../workers/storage/exchange-database.ts';
import { readFolderLedger } from '../workers/storage/folder-ledger.ts';
import { readRaisedFloor } from '../workers/storage/start-number.ts';

/**
 * Archives what a stopped exchange left in Redis, so that its folder tells everything, and compares the two. The caller
 * has the folder's lock.
 * @returns null for a folder that keeps its balances itself; a Redis that can't be asked is a finding
 * @throws DatabaseError
 */
export async function compareStoppedLedger(
  dataFolder: string,
  redisUrl: string | undefined,
): Promise<LedgerComparison | null> {
  const fatal = (error: Error): never => {
    throw error;
  };
  const exchange = await ExchangeDatabase.open(dataFolder, fatal);
  try {
    const folder = await readFolderLedger(exchange.database);
    if (folder?.kind !== 'redis') return null;
    if (redisUrl === undefined)
      return { checked: 1, findings: ['its balances are in Redis, which RINGBOOK_REDIS_URL must name: not compared'] };
    const ledger = await openStoppedLedger(exchange, folder.epoch, redisUrl);
    try {
      const archive = await LedgerArchive.open(exchange, ledger, () => {});
      while (await archive.step());
      return await compareWithArchive(exchange, ledger);
    } finally {
      ledger.close();
    }
  } catch (error) {
    if (!(error instanceof LedgerUnavailableError || error instanceof ArchiveGapError)) throw error;
    return { checked: 1, findings: [`Redis and exchange.sqlite could not be compared: ${error.message}`] };
  } finally {
    await exchange.close();
  }
}

/**
 * @param exchange of a folder whose lock the caller has: nobody else writes this ledger, but a copy of the folder might
 * @throws LedgerUnavailableError, LedgerPausedError, StaleWriterError
 */
export async function openStoppedLedger(exchange: ExchangeDatabase, epoch: string, url: string): Promise<RedisLedger> {
  return RedisLedger.open({
    url,
    epoch,
    writer: await readRaisedFloor(exchange.database),
    partitionCount: exchange.partitionCount,
    knownSequence: Number((await exchange.readMeta('ledgerSequence')) ?? '0'),
  });
}
