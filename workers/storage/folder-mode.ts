import type { ExchangeDatabase } from './exchange-database.ts';

/** The folder was made in another mode. A sandbox start gives money away, so no folder ever changes its mode. */
export class FolderModeError extends Error {
  override readonly name = 'FolderModeError';
}

/**
 * Keeps the mode of a data folder from its first start on, durably.
 * @throws FolderModeError
 */
export async function fixMode(exchange: ExchangeDatabase, mode: 'sandbox' | 'production'): Promise<void> {
  const stored = await exchange.readMeta('mode');
  if (stored === mode) return;
  if (stored !== undefined)
    throw new FolderModeError(
      `this data folder was made in ${stored} mode: start it with RINGBOOK_MODE=${stored}, or choose another folder`,
    );
  exchange.putMeta('mode', mode);
  await exchange.commits.durable();
}
