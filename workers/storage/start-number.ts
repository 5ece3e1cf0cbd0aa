import type { ExchangeDatabase } from './exchange-database.ts';

/** Command ids are start number × 2^32 + counter and stay below 2^53. */
export const MAX_START_NUMBER = 2 ** 21 - 1;

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
  const startNumber = Number((await exchange.readMeta('startNumber')) ?? '0') + 1;
  if (startNumber > MAX_START_NUMBER)
    throw new StartNumbersExhaustedError(
      `this data folder was started ${MAX_START_NUMBER} times: no command ids are left`,
    );
  exchange.putMeta('startNumber', String(startNumber));
  await exchange.commits.durable();
  return startNumber;
}
