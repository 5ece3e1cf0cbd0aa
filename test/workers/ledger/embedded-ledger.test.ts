import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { EmbeddedLedger } from '../../../workers/ledger/embedded-ledger.ts';
import { ExchangeDatabase, exchangeDatabasePath } from '../../../workers/storage/exchange-database.ts';
import { SqliteDatabase } from '../../../workers/storage/sqlite-database.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { ledgerContract } from './ledger-contract.ts';
import type { LedgerEntry, OpenLedger } from './ledger-under-test.ts';

const NOW = 1_760_000_000_000;

type EntryRow = Omit<LedgerEntry, AmountColumn> & Record<AmountColumn, string>;
type AmountColumn = 'availableBefore' | 'availableAfter' | 'heldBefore' | 'heldAfter';

async function openIn(folder: string): Promise<OpenLedger> {
  const exchange = await ExchangeDatabase.open(folder, (error) => {
    throw error;
  });
  const ledger = await EmbeddedLedger.open(exchange);
  return {
    ledger,
    entries: async () => {
      const rows = await exchange.database.all<EntryRow>(
        `SELECT ledger_sequence AS ledgerSequence, account_id AS accountId, asset_id AS assetId, reason,
           operation_id AS operationId, timestamp_ms AS timestampMs,
           CAST(available_before AS TEXT) AS availableBefore, CAST(available_after AS TEXT) AS availableAfter,
           CAST(held_before AS TEXT) AS heldBefore, CAST(held_after AS TEXT) AS heldAfter
         FROM entries ORDER BY entry_sequence`,
      );
      return rows.map((row) => ({
        ...row,
        availableBefore: BigInt(row.availableBefore),
        availableAfter: BigInt(row.availableAfter),
        heldBefore: BigInt(row.heldBefore),
        heldAfter: BigInt(row.heldAfter),
      }));
    },
    dump: async () => {
      const tables = await exchange.database.all<{ name: string }>(
        "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
      );
      return Promise.all(tables.map(({ name }) => exchange.database.all(`SELECT * FROM ${name}`)));
    },
    crash: () => openIn(copyAsCrashed(folder)),
    close: () => exchange.close(),
  };
}

/**
 * Copies the database as a machine that stops now would leave it. Between the two files the writer may go on, which is
 * harmless as long as the write-ahead log was not begun anew: then its frames hold whatever the database lacks.
 */
function copyAsCrashed(folder: string): string {
  const from = exchangeDatabasePath(folder);
  for (let attempt = 0; attempt < 100; attempt++) {
    const to = exchangeDatabasePath(temporaryFolder());
    mkdirSync(dirname(to), { recursive: true });
    const before = logSalt(from);
    copyFileSync(from, to);
    if (existsSync(`${from}-wal`)) copyFileSync(`${from}-wal`, `${to}-wal`);
    if (logSalt(from) === before) return dirname(to);
  }
  throw new Error('the write-ahead log was begun anew during a hundred copies');
}

function logSalt(path: string): string {
  if (!existsSync(`${path}-wal`)) return '';
  const header = Buffer.alloc(32);
  const fd = openSync(`${path}-wal`, 'r');
  readSync(fd, header, 0, 32, 0);
  closeSync(fd);
  return header.toString('hex');
}

ledgerContract({ name: 'embedded ledger', open: () => openIn(temporaryFolder()) });

test('what is on disk of tombstones is what is known of them', async () => {
  const folder = temporaryFolder();
  const { ledger, close } = await openIn(folder);
  for (let id = 1; id <= 10; id++) await ledger.release(id, NOW);
  for (let id = 101; id <= 105; id++) await ledger.release(id, NOW + 600_000); // two of the old ones go with each
  await close();
  const again = await openIn(folder);
  const request = { accountId: 100, assetId: 1, units: 1n, timestampMs: NOW };
  for (let id = 101; id <= 105; id++)
    expect(await again.ledger.hold({ ...request, commandId: id })).toEqual({ outcome: 'RELEASED' });
  await again.close();
  const database = await SqliteDatabase.open(exchangeDatabasePath(folder));
  expect(await database.all('SELECT count(*) AS n FROM closed_holds')).toEqual([{ n: 5 }]);
  await database.close();
});

test('a commit that fails answers nobody, and everything after it is refused', async () => {
  const fatal: Error[] = [];
  const exchange = await ExchangeDatabase.open(temporaryFolder(), (error) => fatal.push(error));
  const ledger = await EmbeddedLedger.open(exchange);
  const request = { accountId: 100, assetId: 1, units: 10n, timestampMs: NOW };
  await ledger.credit({ ...request, operationId: 1 });
  await exchange.database.exec(
    "CREATE TRIGGER full BEFORE INSERT ON entries BEGIN SELECT RAISE(ABORT, 'no room'); END",
  );
  const answers = await Promise.allSettled(
    [1, 2, 3].map((commandId) => ledger.hold({ ...request, units: 1n, commandId })),
  );
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  expect(fatal).toHaveLength(1);
  await expect(ledger.release(1, NOW)).rejects.toThrow(/no room/);
  await expect(ledger.balances(100)).rejects.toThrow(/no room/);
  await exchange.close();
});

test('floor, holds, tombstones and watermarks survive reopening', async () => {
  const folder = temporaryFolder();
  const first = await openIn(folder);
  await first.ledger.credit({ operationId: 1, accountId: 100, assetId: 1, units: 100n, timestampMs: NOW });
  const request = { accountId: 100, assetId: 1, units: 10n, timestampMs: NOW };
  const held = await first.ledger.hold({ ...request, commandId: 70 });
  await first.ledger.hold({ ...request, commandId: 71 });
  await first.ledger.hold({ ...request, commandId: 72 });
  await first.ledger.release(71, NOW);
  const settled = [{ commandId: 72, eventSequence: 9 }];
  const batch = {
    partition: 7,
    beforeSequence: 0,
    lastSequence: 9,
    timestampMs: NOW,
    legs: [],
    settledCommands: settled,
  };
  const answer = await first.ledger.settle(batch);
  await first.ledger.raiseFloor(60);
  const sequence = await first.ledger.ledgerSequence();
  await first.close();

  const { ledger, close } = await openIn(folder);
  expect(await ledger.ledgerSequence()).toBe(sequence);
  expect(await ledger.hold({ ...request, commandId: 59 })).toEqual({ outcome: 'BELOW_FLOOR' });
  expect(await ledger.hold({ ...request, commandId: 70 })).toEqual({ ...held, outcome: 'REPEATED' });
  expect(await ledger.hold({ ...request, commandId: 71 })).toEqual({ outcome: 'RELEASED' });
  expect(await ledger.release(72, NOW)).toEqual({ outcome: 'SETTLED' });
  expect(await ledger.settle(batch)).toMatchObject({ outcome: 'REPEATED', watermark: 9 });
  expect(answer).toMatchObject({ outcome: 'APPLIED' });
  expect(await ledger.balances(100)).toEqual({
    balances: [{ assetId: 1, availableUnits: 80n, heldUnits: 20n }],
    watermarks: [0, 0, 0, 0, 0, 0, 0, 9],
  });
  await close();
});
