import { cpSync } from 'node:fs';
import { Redis } from 'ioredis';
import type { PrivateRedis } from '../../../main/services/private-redis.ts';
import type { LedgerChange } from '../../../workers/ledger/redis/ledger-changes.ts';
import { RedisLedger, type RedisLedgerSettings } from '../../../workers/ledger/redis/redis-ledger.ts';
import { startRedis, startRedisOver } from '../../support/servers/test-servers.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { LEDGER_SETTINGS } from './ledger-settings.ts';
import type { LedgerEntry, OpenLedger } from './ledger-under-test.ts';

/** A ledger on a server of its own, which ends with it. */
export interface OpenRedisLedger extends OpenLedger {
  readonly ledger: RedisLedger;
  readonly redis: PrivateRedis;
}

export async function openRedisLedger(
  redis?: PrivateRedis,
  settings: Partial<RedisLedgerSettings> = {},
): Promise<OpenRedisLedger> {
  const server = redis ?? (await startRedis());
  const ledger = await RedisLedger.open({ ...LEDGER_SETTINGS, ...settings, url: server.url });
  return {
    ledger,
    redis: server,
    entries: () => entriesOf(ledger),
    dump: () => dumpOf(server.url),
    crash: async () => {
      const folder = temporaryFolder();
      cpSync(server.folder, folder, { recursive: true }); // as a machine that stops now would leave it
      return openRedisLedger(await startRedisOver(folder));
    },
    close: async () => {
      ledger.close();
      await server.stop();
    },
  };
}

/** @returns every change that was not trimmed */
export async function changesOf(ledger: RedisLedger): Promise<LedgerChange[]> {
  const all: LedgerChange[] = [];
  for (;;) {
    const { changes } = await ledger.changesAfter(all.at(-1)?.ledgerSequence ?? 0, 1_000);
    if (changes.length === 0) return all;
    all.push(...changes);
  }
}

async function entriesOf(ledger: RedisLedger): Promise<LedgerEntry[]> {
  return (await changesOf(ledger)).flatMap(({ ledgerSequence, timestampMs, lines }) =>
    lines.flatMap((line) => {
      if (line.kind !== 'ENTRY') return [];
      const { accountId, assetId, reason, operationId } = line;
      return {
        ledgerSequence,
        timestampMs,
        accountId,
        assetId,
        reason,
        operationId,
        availableBefore: BigInt(line.availableBefore),
        availableAfter: BigInt(line.availableAfter),
        heldBefore: BigInt(line.heldBefore),
        heldAfter: BigInt(line.heldAfter),
      };
    }),
  );
}

/** @returns every key with all that it holds, as Redis would write it to disk */
export async function dumpOf(url: string): Promise<Record<string, string>> {
  const client = new Redis(url);
  try {
    const keys = (await client.keys('*')).sort();
    const values = await Promise.all(keys.map((key) => client.dumpBuffer(key)));
    return Object.fromEntries(keys.map((key, index) => [key, values[index]!.toString('hex')]));
  } finally {
    client.disconnect();
  }
}
