import { randomUUID } from 'node:crypto';
import { type ExchangeDatabase, readMeta } from './exchange-database.ts';
import type { SqliteDatabase } from './sqlite-database.ts';

/**
 * Where a data folder has its balances: in itself, or in the one Redis that holds the ledger of this epoch. Former epochs
 * are those of ledgers that a rebuild has replaced, the latest last.
 */
export type FolderLedger = { readonly formerEpochs?: readonly string[] } & (
  | { readonly kind: 'embedded' }
  | { readonly kind: 'redis'; readonly epoch: string }
);

/** The folder has its balances elsewhere than the settings say: beginning there with none would lose them. */
export class FolderLedgerError extends Error {
  override readonly name = 'FolderLedgerError';
}

/**
 * Keeps where a folder has its ledger from its first start on, durably. Called before a start number is given out.
 * @param wanted what the settings ask for
 * @throws FolderLedgerError
 */
export async function fixFolderLedger(exchange: ExchangeDatabase, wanted: FolderLedger['kind']): Promise<FolderLedger> {
  const stored = await readFolderLedger(exchange.database);
  if (stored?.kind === 'embedded' && wanted === 'redis')
    throw new FolderLedgerError(
      'this data folder keeps its balances itself; it takes a Redis only through `ledger rebuild`. Run that, unset RINGBOOK_REDIS_URL, or choose another folder',
    );
  if (stored?.kind === 'redis' && wanted === 'embedded')
    throw new FolderLedgerError(
      'the balances of this data folder are in Redis: name it with RINGBOOK_REDIS_URL, or choose another folder',
    );
  if (stored !== null) return stored;
  const ledger: FolderLedger = wanted === 'redis' ? { kind: 'redis', epoch: randomUUID() } : { kind: 'embedded' };
  exchange.putMeta('ledger', JSON.stringify(ledger));
  await exchange.commits.durable();
  return ledger;
}

const MAX_FORMER_EPOCHS = 100;

/** A rebuild begins: whatever ledger the folder had is not its ledger any more, durably. */
export async function moveFolderLedger(exchange: ExchangeDatabase, to: FolderLedger['kind']): Promise<FolderLedger> {
  const stored = await readFolderLedger(exchange.database);
  const former = [...(stored?.formerEpochs ?? []), ...(stored?.kind === 'redis' ? [stored.epoch] : [])];
  const formerEpochs = former.slice(-MAX_FORMER_EPOCHS);
  const ledger: FolderLedger =
    to === 'redis' ? { kind: to, epoch: randomUUID(), formerEpochs } : { kind: to, formerEpochs };
  exchange.putMeta('ledger', JSON.stringify(ledger));
  await exchange.commits.durable();
  return ledger;
}

/** @returns null for a folder that was never started */
export async function readFolderLedger(database: SqliteDatabase): Promise<FolderLedger | null> {
  const stored = await readMeta(database, 'ledger');
  if (stored !== undefined) return JSON.parse(stored) as FolderLedger;
  // Folders from before Redis could be chosen tell only that they were started.
  return (await readMeta(database, 'startNumber')) === undefined ? null : { kind: 'embedded' };
}
