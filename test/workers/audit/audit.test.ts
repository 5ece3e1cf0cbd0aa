import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { FRAME } from '../../../core/journal/frame.ts';
import { listSegments } from '../../../core/journal/segment-files.ts';
import { auditDataFolder } from '../../../workers/audit/audit.ts';
import { IdSet } from '../../../workers/audit/id-set.ts';
import { NotADataFolderError } from '../../../workers/audit/stored-ledger.ts';
import { exchangeDatabasePath } from '../../../workers/storage/exchange-database.ts';
import { SchemaTooNewError } from '../../../workers/storage/migrations.ts';
import { SqliteDatabase } from '../../../workers/storage/sqlite-database.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { type CapturedFolder, settledFolder } from '../captured-folder.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { LIMITS, randomOrder, TradingFolder } from '../trading-folder.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
let settled: CapturedFolder;

beforeAll(async () => {
  settled = await settledFolder(seed, 300);
});

async function brokenStatements(folder: string): Promise<number[]> {
  const { ok, statements } = await auditDataFolder(folder, { limits: LIMITS });
  const broken = statements.filter((statement) => !statement.ok).map(({ number }) => number);
  expect(ok).toBe(broken.length === 0);
  return broken;
}

async function findingsAfter(sql: string): Promise<{ broken: number[]; text: string }> {
  const folder = settled.copy();
  const database = await SqliteDatabase.open(exchangeDatabasePath(folder));
  await database.exec(`PRAGMA ignore_check_constraints = ON; ${sql}`);
  await database.close();
  const { ok, statements } = await auditDataFolder(folder, { limits: LIMITS });
  expect(ok).toBe(false);
  return {
    broken: statements.filter((statement) => !statement.ok).map(({ number }) => number),
    text: statements.flatMap(({ findings }) => findings).join('\n'),
  };
}

describe(`a folder after random trading (SEED=${seed})`, () => {
  test('all seven statements hold, each proved on something', async () => {
    const report = await auditDataFolder(settled.copy(), { limits: LIMITS });
    expect(report.statements.flatMap(({ findings }) => findings)).toEqual([]);
    expect(report).toMatchObject({ ok: true, unsettledEvents: 0, unloggedEvents: 0, journalTornBytes: 0 });
    expect(report.statements.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    for (const { checked } of report.statements) expect(checked).toBeGreaterThan(0);
    expect(report.stateHash).toMatch(/^[0-9a-f]{16}$/);
    expect(report.commandCount).toBeGreaterThan(200);
    expect(report.entryCount).toBeGreaterThan(500);
    expect(report.restingOrders).toBeGreaterThan(0);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  test('a checked folder is as it was', async () => {
    const folder = settled.copy();
    const first = await auditDataFolder(folder, { limits: LIMITS });
    expect(await auditDataFolder(folder, { limits: LIMITS })).toEqual(first);
    const trading = await TradingFolder.open(folder);
    expect(trading.engine.stateHash()).toBe(first.stateHash);
    await trading.abandon();
  });

  test('holds on their way and events not settled yet are part of the proof', async () => {
    const folder = temporaryFolder();
    const random = new RandomIntegers(seed + 1);
    const trading = await TradingFolder.open(folder);
    await trading.settle();
    await trading.trade(random, 100);
    await trading.feed.settledThrough(trading.endSequence);
    await trading.feed.stop();
    await trading.trade(random, 100);
    for (let hold = 0; hold < 5; hold++) await trading.holdOnly(randomOrder(random));
    await trading.place(randomOrder(random)); // held, matched, and not in the journal when the process dies
    await trading.abandon();
    const report = await auditDataFolder(folder, { limits: LIMITS });
    expect(report.statements.filter(({ ok }) => !ok)).toEqual([]);
    expect(report.unsettledEvents).toBeGreaterThan(100);
  });

  // SQL, the statements that it breaks, those that it may break as well (by where the seed put the row), a finding.
  test.each<[string, number[], number[], string]>([
    [
      'UPDATE balances SET available_units = available_units + 1 WHERE account_id = 100 AND asset_id = 1',
      [1, 5],
      [],
      'account 100 asset 1',
    ],
    [
      'UPDATE balances SET held_units = held_units + 1, available_units = available_units - 1 WHERE account_id = 101 AND asset_id = 2',
      [3, 5],
      [],
      'account 101 asset 2',
    ],
    ['UPDATE balances SET available_units = -1 WHERE account_id = 101 AND asset_id = 2', [1, 2, 5], [], '-1 available'],
    [
      'DELETE FROM balances WHERE account_id = 102 AND asset_id = 1',
      [1, 5],
      [3],
      'account 102 asset 1 has entries, but no balance',
    ],
    ['UPDATE pools SET credited_units = credited_units + 1 WHERE asset_id = 3', [1], [], 'asset 3: all accounts'],
    ['DELETE FROM credits WHERE operation_id = (SELECT max(operation_id) FROM credits)', [1], [], 'pool says'],
    [`DELETE FROM entries WHERE ${first('fill')}`, [5, 6], [], 'has no entry'],
    [`UPDATE entries SET operation_id = operation_id + 1 WHERE ${first('fee')}`, [5], [], 'must get fee'],
    [`UPDATE entries SET operation_id = 99999999 WHERE ${first('fee')}`, [5], [], 'settles event 99999999'],
    [`UPDATE entries SET reason = 'cancel' WHERE ${first('fill')}`, [5], [], 'must get fill'],
    ['UPDATE entries SET available_after = available_after + 1 WHERE entry_sequence = 5', [1, 5], [], 'asset 5'],
    ['UPDATE entries SET ledger_sequence = 1 WHERE entry_sequence = 20', [6], [], 'entry 20'],
    ["UPDATE meta SET value = '3' WHERE name = 'ledgerSequence'", [6], [], 'highest is 3'],
    ['UPDATE watermarks SET event_sequence = event_sequence + 1000000 WHERE partition = 1', [6], [], 'partition 1'],
    [
      'UPDATE watermarks SET event_sequence = event_sequence + 1000000 WHERE partition = 7',
      [6],
      [],
      'partition 7: settled through',
    ],
    ['DELETE FROM watermarks WHERE partition = 2', [5], [3], 'once too often'],
    [
      'INSERT INTO holds SELECT command_id, 100, 1, 5, 0, 1 FROM closed_holds LIMIT 1',
      [3],
      [],
      'though settlement has met its command',
    ],
    ['INSERT INTO holds VALUES (1, 100, 1, 5, 0, 1)', [3], [], 'account 100 asset 1'],
  ])('%s is found', async (sql, broken, possiblyBroken, text) => {
    const found = await findingsAfter(sql);
    expect(found.text).toContain(text);
    expect(found.broken).toEqual(expect.arrayContaining(broken));
    expect([...broken, ...possiblyBroken]).toEqual(expect.arrayContaining(found.broken));
  });

  test('a flipped bit in the journal is found, by file and offset', async () => {
    const folder = settled.copy();
    const { path } = listSegments(folder, 1)[0]!;
    flipBit(path, FRAME.HEADER_BYTES + 40);
    const report = await auditDataFolder(folder, { limits: LIMITS });
    expect(report.ok).toBe(false);
    expect(report.stateHash).toBeNull();
    expect(report.statements[3]!.findings[0]).toContain(`${path} is damaged at byte 0`);
  });

  test('an event log with another event is found', async () => {
    const folder = settled.copy();
    const foreign = temporaryFolder();
    const trading = await TradingFolder.open(foreign);
    await trading.trade(new RandomIntegers(seed + 2), 50);
    await trading.abandon();
    rmSync(join(folder, 'events'), { recursive: true });
    cpSync(join(foreign, 'events'), join(folder, 'events'), { recursive: true });
    const report = await auditDataFolder(folder, { limits: LIMITS });
    expect(report.statements.filter(({ ok }) => !ok).map(({ number }) => number)).toEqual([4]);
    expect(report.statements[3]!.findings[0]).toMatch(/event \d+: the replay gives other bytes/);
  });

  test('a journal that lost its end is found: log and settlement know more', async () => {
    const folder = settled.copy();
    const segments = listSegments(folder, 1);
    for (const { path } of segments.slice(1)) rmSync(path);
    if (segments.length === 1) writeFileSync(segments[0]!.path, Buffer.alloc(64 * 1024));
    const broken = await brokenStatements(folder);
    expect(broken).toContain(4);
    expect(broken).toContain(6);
  });

  test('a missing event log only has to be written again', async () => {
    const folder = settled.copy();
    rmSync(join(folder, 'events'), { recursive: true });
    const report = await auditDataFolder(folder, { limits: LIMITS });
    expect(report.ok).toBe(true);
    expect(report.unloggedEvents).toBe(report.eventCount);
  });
});

test('a folder that is none, or of a later program, is refused with a reason', async () => {
  await expect(auditDataFolder(temporaryFolder())).rejects.toThrow(NotADataFolderError);
  const folder = settled.copy();
  const database = await SqliteDatabase.open(exchangeDatabasePath(folder));
  await database.exec('PRAGMA user_version = 99');
  await database.close();
  await expect(auditDataFolder(folder)).rejects.toThrow(SchemaTooNewError);
});

test('a set of ids tells new ones from known ones, wherever they lie', () => {
  const ids = new IdSet();
  const random = new RandomIntegers(seed);
  const reference = new Set<number>();
  for (let step = 0; step < 20_000; step++) {
    const start = random.oneOf([0, 2 ** 32, 3 * 2 ** 32, 2 ** 53 - 2 ** 15]);
    const id = start + random.below(2 ** 15);
    expect(ids.has(id)).toBe(reference.has(id));
    expect(ids.add(id)).toBe(!reference.has(id));
    reference.add(id);
  }
});

function first(reason: string): string {
  return `entry_sequence = (SELECT min(entry_sequence) FROM entries WHERE reason = '${reason}')`;
}

function flipBit(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 1;
  writeFileSync(path, bytes);
}
