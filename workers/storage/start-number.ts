import { firstCommandIdOf, MAX_START_NUMBER } from '../../core/protocol/command-id.ts';
import { type ExchangeDatabase, readMeta } from './exchange-database.ts';
import type { SqliteDatabase } from './sqlite-database.ts';

/** The folder was started more often than command ids can tell apart. */
export class StartNumbersExhaustedError extends Error {
  override readonly name = 'StartNumbersExhaustedError';
}

/**
 * Raises the start number and returns it once it is durable, so that no start ever gives out a command id of another.
 * @returns 1 … 2^21 - 1
 * @throws StartNumbersExhaustedError
 */
export async function raiseStartNumber(exchange: ExchangeDatabase): Promise<number> {
  const startNumber = (await readStartNumber(exchange.database)) + 1;
  if (startNumber > MAX_START_NUMBER)
    throw new StartNumbersExhaustedError(
      `this data folder was started ${MAX_START_NUMBER} times: no command ids are left`,
    );
  exchange.putMeta('startNumber', String(startNumber));
  await exchange.commits.durable();
  return startNumber;
}

/**
 * @returns the highest floor that starts of this folder may have raised in its ledger: a higher one is that of a copy of
 *   the folder, which has the ledger now
 */
export async function readRaisedFloor(database: SqliteDatabase): Promise<number> {
  const raised = await readMeta(database, 'raisedFloor');
  return raised === undefined ? firstCommandIdOf(await readStartNumber(database)) : Number(raised);
}

/** @returns 0 for a folder that was never started */
async function readStartNumber(database: SqliteDatabase): Promise<number> {
  return Number((await readMeta(database, 'startNumber')) ?? '0');
}
