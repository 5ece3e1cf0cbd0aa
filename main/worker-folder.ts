import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { exchangeDatabasePath, readMeta } from '../workers/storage/exchange-database.ts';
import { readBusNamespace } from '../workers/storage/folder-bus.ts';
import { readFolderLedger } from '../workers/storage/folder-ledger.ts';
import { SqliteDatabase } from '../workers/storage/sqlite-database.ts';

/** The exchange that a worker belongs to has not made its data folder, or keeps its balances in it. */
export class WorkerFolderError extends Error {
  override readonly name = 'WorkerFolderError';
}

/** What a worker must know of the exchange's data folder, read beside the exchange. */
export interface WorkerFolder {
  readonly dataFolder: string;
  readonly partitionCount: number;
  readonly epoch: string; // of the ledger in Redis
  readonly busNamespace: string; // of its queues
  /** Reads `exchange.sqlite`; the exchange alone writes it. */
  readonly database: SqliteDatabase;
}

const PATIENCE_MS = 60_000;
const PAUSE_MS = 200;

/**
 * Waits until the exchange has made the data folder, so that all processes may be started at once.
 * @param onWaiting told once, when there is something to wait for
 * @throws WorkerFolderError after a minute, or for a folder that a split exchange can't have; DatabaseError
 */
export async function openWorkerFolder(
  dataFolder: string,
  onWaiting: () => void,
  patienceMs = PATIENCE_MS,
): Promise<WorkerFolder> {
  const endMs = performance.now() + patienceMs;
  for (let isFirst = true; ; isFirst = false) {
    const folder = await tryOpen(dataFolder);
    if (typeof folder !== 'string') return folder;
    if (isFirst) onWaiting();
    if (performance.now() > endMs)
      throw new WorkerFolderError(
        folder === 'no broker'
          ? `the exchange in ${dataFolder} was never started with RabbitMQ, over which workers get its events: start it ` +
              'with RINGBOOK_AMQP_URL (ringbook exchange)'
          : `no exchange has made the data folder ${dataFolder}: start one (ringbook exchange), or name its folder with --data-dir`,
      );
    await sleep(PAUSE_MS);
  }
}

/** @returns what is missing, which the exchange's first start may yet come to */
async function tryOpen(dataFolder: string): Promise<WorkerFolder | 'no folder' | 'no broker'> {
  const path = exchangeDatabasePath(dataFolder);
  if (!existsSync(path)) return 'no folder';
  const database = await SqliteDatabase.openReader(path);
  const tables = await database.all("SELECT 1 FROM sqlite_schema WHERE name = 'meta'");
  const partitionCount = tables.length === 0 ? undefined : await readMeta(database, 'partitionCount');
  const ledger = partitionCount === undefined ? null : await readFolderLedger(database);
  const busNamespace = ledger === null ? null : await readBusNamespace(database);
  if (ledger?.kind === 'redis' && busNamespace !== null)
    return { dataFolder, partitionCount: Number(partitionCount), epoch: ledger.epoch, busNamespace, database };
  await database.close();
  if (ledger?.kind === 'embedded')
    throw new WorkerFolderError(
      `the exchange in ${dataFolder} keeps its balances in that folder: \`ledger rebuild\` moves them into Redis, which workers need`,
    );
  return ledger === null ? 'no folder' : 'no broker';
}
