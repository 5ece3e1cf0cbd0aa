import { DEFAULT_ENGINE_LIMITS, type EngineLimits } from '../../core/engine/engine.ts';
import { type ExchangeDatabase, readMeta } from './exchange-database.ts';
import type { SqliteDatabase } from './sqlite-database.ts';

/** The engine's limits decide what a replay refuses as full, so a folder keeps those that it was made with. */
export class EngineLimitsError extends Error {
  override readonly name = 'EngineLimitsError';
}

/**
 * @param wantedMaxOrders undefined to take what the folder has, or the default for a new one
 * @returns the folder's limits, durably fixed by the first call
 * @throws EngineLimitsError when the folder was made with another maximum
 */
export async function fixEngineLimits(
  exchange: ExchangeDatabase,
  wantedMaxOrders: number | undefined,
): Promise<EngineLimits> {
  const stored = await exchange.readMeta('engineLimits');
  if (stored !== undefined) {
    const limits = JSON.parse(stored) as EngineLimits;
    if (wantedMaxOrders !== undefined && wantedMaxOrders !== limits.maxOrders)
      throw new EngineLimitsError(
        `this data folder was made for ${limits.maxOrders} resting orders; unset RINGBOOK_MAX_ORDERS, or set it to that`,
      );
    return limits;
  }
  const limits = { ...DEFAULT_ENGINE_LIMITS, maxOrders: wantedMaxOrders ?? DEFAULT_ENGINE_LIMITS.maxOrders };
  exchange.putMeta('engineLimits', JSON.stringify(limits));
  await exchange.commits.durable();
  return limits;
}

/** @returns the limits of a folder that is only read; the default when its first start did not get that far */
export async function readEngineLimits(database: SqliteDatabase): Promise<EngineLimits> {
  const stored = await readMeta(database, 'engineLimits');
  return stored === undefined ? DEFAULT_ENGINE_LIMITS : (JSON.parse(stored) as EngineLimits);
}
