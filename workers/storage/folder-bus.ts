import { randomUUID } from 'node:crypto';
import { type ExchangeDatabase, readMeta } from './exchange-database.ts';
import type { SqliteDatabase } from './sqlite-database.ts';

/**
 * Begins the names of everything that a data folder has on a broker, from its first start with one on, durably: two
 * exchanges on one broker never meet.
 */
export async function fixBusNamespace(exchange: ExchangeDatabase): Promise<string> {
  const stored = await readBusNamespace(exchange.database);
  if (stored !== null) return stored;
  const namespace = `ringbook-${randomUUID().slice(0, 8)}`;
  exchange.putMeta('busNamespace', namespace);
  await exchange.commits.durable();
  return namespace;
}

/** @returns null for a folder that was never started with a broker */
export async function readBusNamespace(database: SqliteDatabase): Promise<string | null> {
  return (await readMeta(database, 'busNamespace')) ?? null;
}
