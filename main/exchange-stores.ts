import { mkdirSync, statfsSync } from 'node:fs';
import type { EngineLimits } from '../core/engine/engine.ts';
import { DiskFullError } from '../core/journal/journal-errors.ts';
import { SqliteHistoryStore } from '../workers/history/sqlite-history-store.ts';
import { fixEngineLimits } from '../workers/storage/engine-limits.ts';
import { ExchangeDatabase } from '../workers/storage/exchange-database.ts';
import { fixBusNamespace, readBusNamespace } from '../workers/storage/folder-bus.ts';
import { fixFolderLedger } from '../workers/storage/folder-ledger.ts';
import type { FolderLock } from '../workers/storage/folder-lock.ts';
import { fixMode } from '../workers/storage/folder-mode.ts';
import { HistoryDatabase } from '../workers/storage/history-database.ts';
import { SqliteKeyStore } from '../workers/storage/key-store.ts';
import { raiseStartNumber } from '../workers/storage/start-number.ts';
import type { Configuration } from './configuration.ts';
import type { ExchangeClock } from './exchange-clock.ts';
import type { ExchangeHooks } from './exchange-hooks.ts';
import { closeKlineStores, type KlineStores, openKlineStores } from './exchange-klines.ts';
import { ExchangeLedger } from './exchange-ledger.ts';
import { openTransferStores, type TransferStores } from './exchange-transfers.ts';
import { ExchangeWork } from './exchange-work.ts';
import { type FolderRole, lockRoles } from './folder-roles.ts';
import { readMarkets } from './instruments-file.ts';

/** Everything that is kept in the data folder, but for journal, event log and snapshots, which the core's threads keep. */
export interface ExchangeStores {
  readonly lock: FolderLock;
  readonly work: ExchangeWork;
  readonly database: ExchangeDatabase;
  readonly limits: EngineLimits;
  readonly keyStore: SqliteKeyStore;
  readonly exchangeLedger: ExchangeLedger;
  readonly historyDatabase: HistoryDatabase;
  readonly historyStore: SqliteHistoryStore;
  readonly klineStores: KlineStores;
  readonly transferStores: TransferStores;
  readonly startNumber: number; // of this start: raised, durably
  readonly busNamespace: string | null; // of its queues; null without a broker
}

export interface StoreHooks extends ExchangeHooks {
  /** The ledger's disk is full, or has room again. */
  readonly onLedgerDiskFull: (isFull: boolean) => void;
}

/**
 * Takes its roles' locks in the folder and opens its stores, in the order in which they need each other.
 * Databases that a worker writes are made here, too, if it has not been there: this process then only reads them.
 * @param configuration its dataFolder is an absolute path
 * @throws FolderLockedError, DiskFullError, DatabaseError, FolderLedgerError, StartNumbersExhaustedError, …
 */
export async function openStores(
  configuration: Configuration,
  roles: readonly FolderRole[],
  clock: ExchangeClock,
  hooks: StoreHooks,
): Promise<ExchangeStores> {
  const { dataFolder, mode, masterKey, redisUrl, amqpUrl } = configuration;
  const { logger, onFatal, onLedgerDiskFull } = hooks;
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  requireSpace(dataFolder);
  const lock = await lockRoles(dataFolder, roles);
  let work: ExchangeWork | undefined;
  const database = await ExchangeDatabase.open(dataFolder, onFatal, undefined, (isFull) => {
    onLedgerDiskFull(isFull);
    work?.tellDiskFull(isFull);
  });
  await fixMode(database, mode);
  const limits = await fixEngineLimits(
    database,
    configuration,
    () => readMarkets(configuration.instrumentsFile).instruments.length,
  );
  const keyStore = await SqliteKeyStore.open(database, clock, masterKey);
  const folderLedger = await fixFolderLedger(database, redisUrl === undefined ? 'embedded' : 'redis');
  const busNamespace = amqpUrl === undefined ? null : await fixBusNamespace(database);
  if (amqpUrl === undefined && (await readBusNamespace(database.database)) !== null)
    logger.warn('this folder has had a RabbitMQ: jobs that wait there go on when RINGBOOK_AMQP_URL is set again');
  work = await ExchangeWork.open({ dataFolder, redisUrl, amqpUrl, busNamespace }, { clock, logger, onFatal });
  const startNumber = await raiseStartNumber(database);
  const exchangeLedger = await ExchangeLedger.open(database, folderLedger, startNumber, configuration, {
    ...hooks,
    onLedgerTrouble: (trouble) => work.tellLedgerTrouble(trouble),
  });
  const historyDatabase = await HistoryDatabase.open(dataFolder, database.partitionCount, onFatal);
  const historyStore = await SqliteHistoryStore.open(dataFolder);
  const klineStores = await openKlineStores(dataFolder, database.partitionCount, onFatal);
  const transferStores = await openTransferStores(database, clock);
  const stores = { work, database, limits, keyStore, exchangeLedger, historyDatabase, historyStore, klineStores };
  return { lock, ...stores, transferStores, startNumber, busNamespace };
}

/** At an orderly end, when nothing uses them any more. The transfers have closed their own stores by then. */
export async function closeStores(stores: ExchangeStores): Promise<void> {
  await stores.exchangeLedger.close();
  await closeKlineStores(stores.klineStores);
  await stores.historyStore.close();
  await stores.historyDatabase.close();
  await stores.work.close();
  await stores.database.close();
  await stores.lock.release();
}

/** Less than the database's first pages: refused before anything meets it half-way through its own first write. */
const LEAST_FREE_BYTES = 2 ** 20;

/** @throws DiskFullError */
function requireSpace(dataFolder: string): void {
  const { bavail, bsize } = statfsSync(dataFolder);
  if (bavail * bsize < LEAST_FREE_BYTES) throw new DiskFullError(dataFolder);
}
