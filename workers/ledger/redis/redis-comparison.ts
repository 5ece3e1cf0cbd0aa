import type { ExchangeDatabase } from '../../storage/exchange-database.ts';
import type { RedisLedger } from './redis-ledger.ts';

/** What was looked at, and what differs, each in one sentence. */
export interface LedgerComparison {
  readonly checked: number;
  readonly findings: readonly string[];
}

type AmountRow = {
  readonly accountId: number;
  readonly assetId: number;
  readonly available: string;
  readonly held: string;
};

/**
 * Compares a ledger in Redis with its archive, both at rest and the archive complete: every balance, open hold, watermark
 * and pool, and the number of operations.
 * @throws LedgerUnavailableError, DatabaseError
 */
export async function compareWithArchive(exchange: ExchangeDatabase, ledger: RedisLedger): Promise<LedgerComparison> {
  const inRedis = await factsOfRedis(ledger);
  const inArchive = await factsOfArchive(exchange);
  const findings: string[] = [];
  const names = new Set([...inRedis.keys(), ...inArchive.keys()]);
  for (const name of names)
    if (inRedis.get(name) !== inArchive.get(name))
      findings.push(
        `${name}: ${inRedis.get(name) ?? 'nothing'} in Redis, ${inArchive.get(name) ?? 'nothing'} in exchange.sqlite`,
      );
  return { checked: names.size, findings };
}

async function factsOfRedis(ledger: RedisLedger): Promise<Map<string, string>> {
  const facts = new Map<string, string>();
  const { watermarks } = await ledger.balances(0);
  for (const [partition, watermark] of watermarks.entries())
    if (watermark > 0) facts.set(`watermark of partition ${partition}`, String(watermark));
  for await (const accountId of ledger.accountIds())
    for (const { assetId, availableUnits, heldUnits } of (await ledger.balances(accountId)).balances)
      facts.set(`account ${accountId} asset ${assetId}`, `${availableUnits} available and ${heldUnits} held`);
  for (const { commandId, accountId, assetId, units } of await ledger.openHoldsBelow(Number.MAX_SAFE_INTEGER))
    facts.set(`hold ${commandId}`, `${units} units of asset ${assetId}, account ${accountId}`);
  for (const { assetId, creditedUnits, debitedUnits } of await ledger.pools())
    facts.set(`pool of asset ${assetId}`, `${creditedUnits} credited and ${debitedUnits} debited`);
  for (const [name, count] of Object.entries(await ledger.operationCounts()))
    facts.set(`number of ${name}`, String(count));
  facts.set('change sequence', String(await ledger.ledgerSequence()));
  return facts;
}

async function factsOfArchive(exchange: ExchangeDatabase): Promise<Map<string, string>> {
  const { database } = exchange;
  const facts = new Map<string, string>();
  const watermarks = await database.all<{ partition: number; watermark: number }>(
    'SELECT partition, event_sequence AS watermark FROM watermarks WHERE event_sequence > 0',
  );
  for (const { partition, watermark } of watermarks)
    facts.set(`watermark of partition ${partition}`, String(watermark));
  const balances = await database.all<AmountRow>(
    `SELECT account_id AS accountId, asset_id AS assetId, CAST(available_units AS TEXT) AS available,
       CAST(held_units AS TEXT) AS held FROM balances`,
  );
  for (const { accountId, assetId, available, held } of balances)
    facts.set(`account ${accountId} asset ${assetId}`, `${available} available and ${held} held`);
  const holds = await database.all<{ commandId: number; accountId: number; assetId: number; units: string }>(
    `SELECT command_id AS commandId, account_id AS accountId, asset_id AS assetId, CAST(units AS TEXT) AS units FROM holds`,
  );
  for (const { commandId, accountId, assetId, units } of holds)
    facts.set(`hold ${commandId}`, `${units} units of asset ${assetId}, account ${accountId}`);
  const pools = await database.all<{ assetId: number; credited: string; debited: string }>(
    'SELECT asset_id AS assetId, credited_units AS credited, debited_units AS debited FROM pools',
  );
  for (const { assetId, credited, debited } of pools)
    facts.set(`pool of asset ${assetId}`, `${credited} credited and ${debited} debited`);
  for (const name of ['credits', 'debits']) {
    const rows = await database.all<{ count: number }>(`SELECT count(*) AS count FROM ${name}`);
    facts.set(`number of ${name}`, String(rows[0]!.count));
  }
  facts.set('change sequence', (await exchange.readMeta('ledgerSequence')) ?? '0');
  return facts;
}
