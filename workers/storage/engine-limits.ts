import { DEFAULT_ENGINE_LIMITS, type EngineLimits } from '../../core/engine/engine.ts';
import { type ExchangeDatabase, readMeta } from './exchange-database.ts';
import type { SqliteDatabase } from './sqlite-database.ts';

/** The engine's limits decide what a replay refuses as full, so a folder keeps those that it was made with. */
export class EngineLimitsError extends Error {
  override readonly name = 'EngineLimitsError';
}

/** What is asked for at a start; what is undefined is taken as the folder has it, or as the default for a new one. */
export type WantedLimits = { readonly [Limit in keyof EngineLimits]: EngineLimits[Limit] | undefined };

const LIMITS: readonly (readonly [limit: keyof EngineLimits, variable: string, what: string])[] = [
  ['maxOrders', 'RINGBOOK_MAX_ORDERS', 'resting orders'],
  ['maxLevels', 'RINGBOOK_MAX_LEVELS', 'price levels'],
  ['maxInstruments', 'RINGBOOK_MAX_INSTRUMENTS', 'instruments'],
];

/**
 * @param firstInstruments how many a new folder is about to define; asked of new folders only
 * @returns the folder's limits, durably fixed by the first call
 * @throws EngineLimitsError when the folder was made with others, or a new one would have no room for its instruments
 */
export async function fixEngineLimits(
  exchange: ExchangeDatabase,
  wanted: WantedLimits,
  firstInstruments: () => number,
): Promise<EngineLimits> {
  const stored = await exchange.readMeta('engineLimits');
  if (stored !== undefined) {
    const limits = JSON.parse(stored) as EngineLimits;
    for (const [limit, variable, what] of LIMITS)
      if (wanted[limit] !== undefined && wanted[limit] !== limits[limit])
        throw new EngineLimitsError(
          `this data folder was made for ${limits[limit]} ${what}; unset ${variable}, or set it to that`,
        );
    return limits;
  }
  const limits: EngineLimits = {
    maxOrders: wanted.maxOrders ?? DEFAULT_ENGINE_LIMITS.maxOrders,
    maxLevels: wanted.maxLevels ?? DEFAULT_ENGINE_LIMITS.maxLevels,
    maxInstruments: wanted.maxInstruments ?? DEFAULT_ENGINE_LIMITS.maxInstruments,
  };
  const needed = firstInstruments();
  if (needed > limits.maxInstruments)
    throw new EngineLimitsError(
      `the first start defines ${needed} instruments, and there would be room for ${limits.maxInstruments}: ` +
        `set RINGBOOK_MAX_INSTRUMENTS to ${needed} or more`,
    );
  exchange.putMeta('engineLimits', JSON.stringify(limits));
  await exchange.commits.durable();
  return limits;
}

/** @returns the limits of a folder that is only read; the default when its first start did not get that far */
export async function readEngineLimits(database: SqliteDatabase): Promise<EngineLimits> {
  const stored = await readMeta(database, 'engineLimits');
  return stored === undefined ? DEFAULT_ENGINE_LIMITS : (JSON.parse(stored) as EngineLimits);
}
