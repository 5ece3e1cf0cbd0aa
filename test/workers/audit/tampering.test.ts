import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { FRAME } from '../../../core/journal/frame.ts';
import { listSegments } from '../../../core/journal/segment-files.ts';
import { auditDataFolder } from '../../../workers/audit/audit.ts';
import { exchangeDatabasePath } from '../../../workers/storage/exchange-database.ts';
import { historyDatabasePath } from '../../../workers/storage/history-database.ts';
import { SqliteDatabase } from '../../../workers/storage/sqlite-database.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { type CapturedFolder, settledFolder } from '../captured-folder.ts';
import { LIMITS } from '../trading-folder.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const random = new RandomIntegers(seed);
let settled: CapturedFolder;

beforeAll(async () => {
  settled = await settledFolder(seed, 300);
});

async function findings(folder: string): Promise<string[]> {
  const { ok, statements } = await auditDataFolder(folder, { limits: LIMITS });
  const found = statements.flatMap((statement) => statement.findings);
  expect(ok).toBe(found.length === 0);
  return found;
}

/** Changes one row at random. @returns its key, and what an audit then finds */
async function afterChange(
  pathOf: (folder: string) => string,
  keySql: string,
  changeSql: string,
): Promise<{ readonly key: number; readonly found: string[] }> {
  const folder = settled.copy();
  const database = await SqliteDatabase.open(pathOf(folder));
  const keys = await database.all<{ key: number }>(keySql);
  const { key } = random.oneOf(keys);
  await database.run(changeSql, [key]);
  await database.close();
  return { key, found: await findings(folder) };
}

describe(`one thing is changed in a sound folder, and only that is found (SEED=${seed})`, () => {
  test('nothing changed, nothing found, and everything looked at', async () => {
    const report = await auditDataFolder(settled.copy(), { limits: LIMITS });
    expect(report.statements.flatMap((statement) => statement.findings)).toEqual([]);
    expect(report).toMatchObject({ ok: true, isRunning: false, replayedFromCommand: 1, followedTrades: 0 });
    expect(report.recomputedTrades).toBeGreaterThan(10);
    expect(report.historySequence).toBeGreaterThan(300);
  });

  test.each(['available_before', 'held_before'])("an entry's %s", async (column) => {
    const { key, found } = await afterChange(
      exchangeDatabasePath,
      'SELECT entry_sequence AS key FROM entries',
      `UPDATE entries SET ${column} = ${column} + 1 WHERE entry_sequence = ?`,
    );
    expect(found).toEqual([
      expect.stringMatching(new RegExp(`^entry ${key} \\(account \\d+, asset \\d+, .*begins at`)),
    ]);
  });

  test('a unit added to a balance: the balance, and the sum of its asset', async () => {
    const { key, found } = await afterChange(
      exchangeDatabasePath,
      'SELECT 1000 * account_id + asset_id AS key FROM balances',
      'UPDATE balances SET available_units = available_units + 1 WHERE 1000 * account_id + asset_id = ?',
    );
    const [accountId, assetId] = [Math.floor(key / 1_000), key % 1_000];
    expect(found).toEqual([
      expect.stringMatching(`^asset ${assetId}: all accounts have `),
      expect.stringMatching(`^account ${accountId} asset ${assetId}: balance `),
    ]);
  });

  test('a unit moved from available to held', async () => {
    const { key, found } = await afterChange(
      exchangeDatabasePath,
      'SELECT 1000 * account_id + asset_id AS key FROM balances WHERE available_units > 0',
      `UPDATE balances SET available_units = available_units - 1, held_units = held_units + 1
       WHERE 1000 * account_id + asset_id = ?`,
    );
    const whose = `account ${Math.floor(key / 1_000)} asset ${key % 1_000}`;
    expect(found).toEqual([
      expect.stringMatching(`^${whose}: \\d+ held`),
      expect.stringMatching(`^${whose}: balance `),
    ]);
  });

  test('a hold left behind', async () => {
    const { key, found } = await afterChange(
      exchangeDatabasePath,
      'SELECT command_id AS key FROM closed_holds',
      'INSERT INTO holds VALUES (?, 100, 1, 5, 0, 1)',
    );
    expect(found).toEqual([`hold ${key} is open (account 100, asset 1, 5), though settlement has met its command`]);
  });

  test('a hold that nothing was held for', async () => {
    const { found } = await afterChange(
      exchangeDatabasePath,
      'SELECT 9007199254740991 AS key',
      'INSERT INTO holds VALUES (?, 100, 1, 5, 0, 1)',
    );
    expect(found).toEqual([expect.stringMatching(/^account 100 asset 1: .*on their way: 9007199254740991\)$/)]);
  });

  test.each([
    ['a trade removed', 'DELETE FROM trades WHERE trade_id = ?', /^history: trade KEY is missing \(/],
    [
      "a trade's price",
      'UPDATE trades SET price_ticks = price_ticks + 1 WHERE trade_id = ?',
      /^history: trade KEY has priceTicks \d+, must be \d+$/,
    ],
    [
      "a trade's fee",
      'UPDATE trades SET taker_fee_units = taker_fee_units + 1 WHERE trade_id = ?',
      /^history: trade KEY has taker\.feeUnits \d+, must be \d+$/,
    ],
    [
      'a trade added',
      `INSERT INTO trades SELECT trade_id + 1000000000, instrument_id, timestamp_ms, taker_side, price_ticks,
         quantity_lots, notional_units, fee_asset_id, maker_order_id, maker_account_id, maker_fee_units, taker_order_id,
         taker_account_id, taker_fee_units FROM trades WHERE trade_id = ?`,
      /^history: trade 1\d{9} is stored, the journal yields none$/,
    ],
  ])('%s', async (_what, sql, finding) => {
    const { key, found } = await afterChange(historyDatabasePath, 'SELECT trade_id AS key FROM trades', sql);
    expect(found).toEqual([expect.stringMatching(new RegExp(finding.source.replace('KEY', `${key}`)))]);
  });

  test.each([
    ['an order removed', 'DELETE FROM orders WHERE order_id = ?', /^history: order KEY is missing$/],
    [
      'what an order executed',
      'UPDATE orders SET executed_lots = executed_lots + 1 WHERE order_id = ?',
      /^history: order KEY has executedLots \d+, must be \d+$/,
    ],
    [
      'an order added',
      `INSERT INTO orders SELECT order_id + 1000000000, account_id, key_id, instrument_id, side, order_type,
         time_in_force, self_trade_prevention, flags, price_ticks, stop_price_ticks, quantity_lots, budget_units,
         expires_at_ms, maker_rate_ppm, taker_rate_ppm, client_order_id, accepted_sequence, last_sequence, created_ms,
         closed_ms, status, remaining_lots, remaining_units, executed_lots, executed_units, cancel_reason, slot,
         generation, accepted_price_ticks, accepted_quantity_lots FROM orders WHERE order_id = ?`,
      /^history: order \d+ is stored, the journal yields none$/,
    ],
  ])('%s', async (_what, sql, finding) => {
    const { key, found } = await afterChange(historyDatabasePath, 'SELECT order_id AS key FROM orders', sql);
    expect(found).toEqual([expect.stringMatching(new RegExp(finding.source.replace('KEY', `${key}`)))]);
  });

  test('a daily volume', async () => {
    const { key, found } = await afterChange(
      historyDatabasePath,
      'SELECT account_id AS key FROM daily_volumes WHERE instrument_id = 1',
      `UPDATE daily_volumes SET buy_taker_trades = buy_taker_trades + 1 WHERE account_id = ? AND instrument_id = 1`,
    );
    expect(found).toEqual([
      expect.stringMatching(`^history: the volume of account ${key}, instrument 1, 2025-10-09 has buyTaker.trades `),
    ]);
  });

  test('a bit of the event log, in any frame but the last', async () => {
    const folder = settled.copy();
    const segments = listSegments(folder, 2);
    const { path } = random.oneOf(segments);
    const bytes = readFileSync(path);
    const frames = frameOffsets(bytes);
    const isLast = path === segments.at(-1)!.path;
    const at = random.oneOf(isLast ? frames.slice(0, -1) : frames);
    const end = at + FRAME.HEADER_BYTES + bytes.readUInt32LE(at + FRAME.PAYLOAD_BYTES);
    bytes[random.between(at, end - 1)]! ^= 1 << random.below(8);
    writeFileSync(path, bytes);
    expect(await findings(folder)).toEqual([expect.stringContaining(`event log: ${path} is damaged at byte ${at}: `)]);
  });
});

/** Where the frames of a segment begin. */
function frameOffsets(bytes: Buffer): number[] {
  const offsets: number[] = [];
  for (let at = 0; at < bytes.length && bytes.readUInt32LE(at) !== 0; ) {
    offsets.push(at);
    at += FRAME.HEADER_BYTES + bytes.readUInt32LE(at + FRAME.PAYLOAD_BYTES);
  }
  return offsets;
}
