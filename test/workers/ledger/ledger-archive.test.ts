import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { LedgerUnavailableError } from '../../../core/ports/ledger.ts';
import { ArchiveGapError, type ChangeSource, LedgerArchive } from '../../../workers/ledger/redis/ledger-archive.ts';
import type { RedisLedger } from '../../../workers/ledger/redis/redis-ledger.ts';
import { ExchangeDatabase, exchangeDatabasePath, readMeta } from '../../../workers/storage/exchange-database.ts';
import { SqliteDatabase } from '../../../workers/storage/sqlite-database.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { restartRedis } from '../../support/servers/test-servers.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { openRedisLedger } from './redis-under-test.ts';

const NOW = 1_760_000_000_000;
const ACCOUNTS = [100, 101, 102, 103, 104];
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const KILLS = process.env.RINGBOOK_TEST_LONG === undefined ? 6 : 100;

function fatal(error: Error): never {
  throw error;
}

/** Random operations, and how many entries of each reason must be found for them. */
class Traffic {
  readonly entries = { deposit: 0, hold: 0, release: 0, cancel: 0, withdrawal: 0 };
  readonly #ledger: RedisLedger;
  readonly #random: RandomIntegers;
  readonly #open: { commandId: number; accountId: number; units: bigint }[] = [];
  #lastId = 0;
  #settled = 0;

  constructor(ledger: RedisLedger, random: RandomIntegers) {
    this.#ledger = ledger;
    this.#random = random;
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++)
      await Promise.all(Array.from({ length: 1 + this.#random.below(8) }, () => this.#act()));
  }

  async #act(): Promise<void> {
    this.#lastId += 1;
    const id = this.#lastId;
    const accountId = this.#random.oneOf(ACCOUNTS);
    const units = 1n + BigInt(this.#random.below(2 ** 31)) * BigInt(1 + this.#random.below(1_000));
    const request = { accountId, assetId: 1, units, timestampMs: NOW };
    const kind = this.#random.below(10);
    if (kind < 2) {
      expect(await this.#ledger.credit({ ...request, operationId: id })).toMatchObject({ outcome: 'CREDITED' });
      this.entries.deposit += 1;
    } else if (kind < 6) {
      const { outcome } = await this.#ledger.hold({ ...request, commandId: id });
      if (outcome !== 'HELD') return;
      this.entries.hold += 1;
      this.#open.push({ commandId: id, accountId, units });
    } else await this.#close(kind);
  }

  async #close(kind: number): Promise<void> {
    const hold = this.#open.pop();
    if (hold === undefined) return;
    const { commandId, accountId, units } = hold;
    if (kind < 7) {
      expect(await this.#ledger.release(commandId, NOW)).toMatchObject({ outcome: 'RELEASED' });
      this.entries.release += 1;
    } else if (kind < 8) {
      expect(await this.#ledger.debit({ operationId: commandId, timestampMs: NOW })).toMatchObject({ units });
      this.entries.withdrawal += 1;
    } else {
      const beforeSequence = this.#settled;
      const eventSequence = ++this.#settled;
      const leg = { eventSequence, accountId, assetId: 1, availableDeltaUnits: units, heldDeltaUnits: -units };
      const legs = [{ ...leg, reason: 'cancel' as const }];
      const settledCommands = [{ commandId, eventSequence }];
      const batch = {
        partition: 2,
        beforeSequence,
        lastSequence: eventSequence,
        timestampMs: NOW,
        legs,
        settledCommands,
      };
      expect(await this.#ledger.settle(batch)).toMatchObject({ outcome: 'APPLIED' });
      this.entries.cancel += 1;
    }
  }
}

/** The file is the ledger: every entry once and joined, and everything that follows from them as Redis has it. */
async function expectArchived(exchange: ExchangeDatabase, ledger: RedisLedger, traffic: Traffic): Promise<void> {
  const { database } = exchange;
  const rows = <Row>(sql: string): Promise<Row[]> => database.all<Row>(sql);
  const counts = await rows<{ reason: string; n: number }>('SELECT reason, count(*) AS n FROM entries GROUP BY reason');
  const found = Object.fromEntries(counts.map(({ reason, n }) => [reason, n]));
  expect({ deposit: 0, hold: 0, release: 0, cancel: 0, withdrawal: 0, ...found }).toEqual(traffic.entries);
  const [numbers] = await rows<{ n: number; last: number }>(
    'SELECT count(*) AS n, max(entry_sequence) AS last FROM entries',
  );
  expect(numbers!.n).toBe(numbers!.last);
  expect(
    await rows(`SELECT * FROM (SELECT entry_sequence, available_before, held_before,
       lag(available_after, 1, 0) OVER own AS available, lag(held_after, 1, 0) OVER own AS held
     FROM entries WINDOW own AS (PARTITION BY account_id, asset_id ORDER BY entry_sequence))
     WHERE available_before <> available OR held_before <> held`),
  ).toEqual([]);
  for (const accountId of ACCOUNTS) {
    const { balances, watermarks } = await ledger.balances(accountId);
    const stored = await rows<Record<'a' | 'h', string>>(
      `SELECT CAST(available_units AS TEXT) AS a, CAST(held_units AS TEXT) AS h FROM balances WHERE account_id = ${accountId}`,
    );
    expect(stored.map(({ a, h }) => [BigInt(a), BigInt(h)])).toEqual(
      balances.map(({ availableUnits, heldUnits }) => [availableUnits, heldUnits]),
    );
    const marks = await rows<{ event_sequence: number }>('SELECT event_sequence FROM watermarks WHERE partition = 2');
    expect(marks[0]?.event_sequence ?? 0).toBe(watermarks[2]);
  }
  const holds = await rows<{ commandId: number }>('SELECT command_id AS commandId FROM holds ORDER BY command_id');
  const open = await ledger.openHoldsBelow(Number.MAX_SAFE_INTEGER);
  expect(holds.map(({ commandId }) => commandId)).toEqual(open.map(({ commandId }) => commandId));
  const [pool] = await rows<{ credited: string; debited: string }>(
    'SELECT credited_units AS credited, debited_units AS debited FROM pools',
  );
  const sum = async (table: string): Promise<bigint> =>
    (await rows<{ units: string }>(`SELECT CAST(units AS TEXT) AS units FROM ${table}`)).reduce(
      (total, { units }) => total + BigInt(units),
      0n,
    );
  expect([pool?.credited ?? '0', pool?.debited ?? '0']).toEqual([`${await sum('credits')}`, `${await sum('debits')}`]);
  expect(Number(await exchange.readMeta('ledgerSequence'))).toBe(await ledger.ledgerSequence());
}

/** @returns what the file of another process says */
async function archivedSequence(folder: string): Promise<number> {
  const reader = await SqliteDatabase.openReader(exchangeDatabasePath(folder));
  const sequence = Number((await readMeta(reader, 'ledgerSequence')) ?? '0');
  await reader.close();
  return sequence;
}

async function streamLength(url: string): Promise<number> {
  const client = new Redis(url);
  const length = await client.xlen('{s0}:entries');
  client.disconnect();
  return length;
}

test(`a ledger at work is archived whole, and what is archived is trimmed (SEED=${seed})`, async () => {
  const exchange = await ExchangeDatabase.open(temporaryFolder(), fatal);
  let archive: LedgerArchive | null = null;
  const opened = await openRedisLedger(undefined, { onWrite: () => archive?.wake() });
  archive = await LedgerArchive.open(exchange, opened.ledger, fatal);
  const traffic = new Traffic(opened.ledger, new RandomIntegers(seed));
  await traffic.run(150);
  await archive.archivedThrough(await opened.ledger.ledgerSequence());
  await expectArchived(exchange, opened.ledger, traffic);
  await archive.stop();
  expect(await streamLength(opened.redis.url)).toBe(0);
  await opened.ledger.raiseFloor(2 ** 40); // after everything was trimmed the next change joins on
  archive = await LedgerArchive.open(exchange, opened.ledger, fatal);
  await archive.archivedThrough(await opened.ledger.ledgerSequence());
  expect(await exchange.readMeta('ledgerFloor')).toBe(String(2 ** 40));
  await archive.stop();
  await opened.close();
  await exchange.close();
});

test(`killed ${KILLS} times at any moment, the archive loses and doubles nothing (SEED=${seed})`, {
  timeout: 120_000 + KILLS * 20_000,
}, async () => {
  const folder = temporaryFolder();
  const opened = await openRedisLedger();
  const random = new RandomIntegers(seed);
  const traffic = new Traffic(opened.ledger, random);
  const program = fileURLToPath(new URL('./archive-process.ts', import.meta.url));
  for (let kill = 0; kill < KILLS; kill++) {
    const child = spawn(process.execPath, [program, folder, opened.redis.url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    await Promise.race([once(child.stdout, 'data'), exited]);
    expect(child.exitCode).toBeNull();
    const running = traffic.run(20 + random.below(60));
    if (kill % 2 === 0) await waitUntil(async () => (await archivedSequence(folder)) > 0, 'something is archived');
    await sleep(random.below(100));
    child.kill('SIGKILL');
    await exited;
    await running;
  }
  const exchange = await ExchangeDatabase.open(folder, fatal);
  expect(Number(await exchange.readMeta('ledgerSequence'))).toBeGreaterThan(0); // some of it was archived by the killed
  const archive = await LedgerArchive.open(exchange, opened.ledger, fatal);
  await archive.archivedThrough(await opened.ledger.ledgerSequence());
  await archive.stop();
  await expectArchived(exchange, opened.ledger, traffic);
  await exchange.close();
  await opened.close();
});

test('a crash between any two of its steps is made up for by the next start', async () => {
  const folder = temporaryFolder();
  const opened = await openRedisLedger();
  const traffic = new Traffic(opened.ledger, new RandomIntegers(seed));
  /** Ends the archive where a test wants it to, as a crash there would. */
  const breaking = (where: 'READ' | 'ARCHIVED' | 'TRIMMED'): ChangeSource => ({
    changesAfter: async (sequence, limit) => {
      const changes = await opened.ledger.changesAfter(sequence, limit);
      if (where === 'READ') throw new Error('crash');
      return changes;
    },
    trimThrough: async (sequence) => {
      if (where === 'TRIMMED') await opened.ledger.trimThrough(sequence);
      throw new Error('crash');
    },
    untilUsable: () => Promise.resolve(),
  });
  for (const where of ['READ', 'ARCHIVED', 'TRIMMED', 'ARCHIVED', 'READ', 'TRIMMED'] as const) {
    await traffic.run(20);
    const exchange = await ExchangeDatabase.open(folder, fatal);
    const archive = await LedgerArchive.open(exchange, breaking(where), () => {});
    await expect(archive.step()).rejects.toThrow('crash');
    await exchange.close();
  }
  const exchange = await ExchangeDatabase.open(folder, fatal);
  const archive = await LedgerArchive.open(exchange, opened.ledger, fatal);
  while (await archive.step());
  await expectArchived(exchange, opened.ledger, traffic);
  await exchange.close();
  await opened.close();
});

test('a Redis that goes away is not waited for without end; what it had is archived when it is back', async () => {
  const exchange = await ExchangeDatabase.open(temporaryFolder(), fatal);
  const { ledger, redis } = await openRedisLedger();
  const archive = await LedgerArchive.open(exchange, ledger, fatal);
  const traffic = new Traffic(ledger, new RandomIntegers(seed));
  await traffic.run(30);
  const sequence = await ledger.ledgerSequence();
  await redis.kill();
  await expect.poll(() => ledger.trouble, { timeout: 20_000 }).toBeInstanceOf(LedgerUnavailableError);
  await expect(archive.archivedThrough(sequence)).rejects.toBeInstanceOf(LedgerUnavailableError);
  const again = await restartRedis(redis);
  await waitUntil(() => archive.archivedSequence === sequence, 'it is archived by itself');
  await expectArchived(exchange, ledger, traffic);
  await archive.stop();
  ledger.close();
  await exchange.close();
  await again.stop();
});

test('changes that left Redis before they were archived are missed, and nothing is joined over the gap', async () => {
  const { ledger, redis, close } = await openRedisLedger();
  const traffic = new Traffic(ledger, new RandomIntegers(seed));
  for (const [from, through] of [
    [1, 5],
    [1, null],
  ] as const) {
    await traffic.run(10);
    const exchange = await ExchangeDatabase.open(temporaryFolder(), fatal);
    const operator = new Redis(redis.url);
    await operator.xtrim('{s0}:entries', 'MINID', '=', through ?? '999999-0');
    operator.disconnect();
    const failures: Error[] = [];
    const archive = await LedgerArchive.open(exchange, ledger, (error) => failures.push(error));
    await expect(archive.archivedThrough(from)).rejects.toThrow(ArchiveGapError);
    expect(failures).toHaveLength(1);
    expect(await exchange.database.all('SELECT * FROM entries')).toEqual([]);
    await exchange.close();
  }
  await close();
});
