import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { retireSegments } from '../../../core/journal/retirement.ts';
import { listSegments } from '../../../core/journal/segment-files.ts';
import { listSnapshots } from '../../../core/journal/snapshot-files.ts';
import { auditDataFolder } from '../../../workers/audit/audit.ts';
import { HistoryConsumer } from '../../../workers/history/history-consumer.ts';
import { exchangeDatabasePath } from '../../../workers/storage/exchange-database.ts';
import { HistoryDatabase, historyDatabasePath } from '../../../workers/storage/history-database.ts';
import { SqliteDatabase } from '../../../workers/storage/sqlite-database.ts';
import { writeSnapshot } from '../../core/journal/snapshot-tape.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { CapturedFolder } from '../captured-folder.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { LIMITS, TradingFolder } from '../trading-folder.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

/** A folder with two snapshots, the oldest segments in the archive; consumers have met everything up to `consumeUntil`. */
async function retire(consumeUntil: 'first snapshot' | 'end'): Promise<CapturedFolder> {
  const folder = temporaryFolder();
  const random = new RandomIntegers(seed);
  const trading = await TradingFolder.open(folder);
  const history = await HistoryDatabase.open(folder, trading.exchange.partitionCount, (error) => {
    throw error;
  });
  await trading.trade(random, 700);
  trading.startSettlement();
  trading.feed.subscribe(await HistoryConsumer.open(history, trading.catalogue));
  await trading.feed.settledThrough(trading.endSequence);
  const consumedSequence = trading.endSequence;
  if (consumeUntil === 'first snapshot') {
    await trading.feed.stop();
    await trading.trade(random, 200);
  }
  writeSnapshot(folder, trading.engine.exportState());
  await trading.trade(random, 300);
  writeSnapshot(folder, trading.engine.exportState(false)); // amid trading: without a hash
  await trading.trade(random, 100);
  if (consumeUntil === 'end') await trading.feed.settledThrough(trading.endSequence);
  await trading.abandon();
  await history.close();
  retireSegments(folder, consumeUntil === 'end' ? trading.endSequence : consumedSequence);
  return new CapturedFolder(folder);
}

let retired: Record<'first snapshot' | 'end', CapturedFolder>;

beforeAll(async () => {
  retired = { 'first snapshot': await retire('first snapshot'), end: await retire('end') };
});

async function audit(folder: string) {
  const report = await auditDataFolder(folder, { limits: LIMITS });
  return { report, found: report.statements.flatMap(({ findings }) => findings) };
}

describe(`a folder whose oldest segments are in the archive (SEED=${seed})`, () => {
  test.each(['end', 'first snapshot'] as const)('is proved from a snapshot on, consumers at its %s', async (until) => {
    const folder = retired[until].copy();
    const { report, found } = await audit(folder);
    expect(found).toEqual([]);
    expect(report.ok).toBe(true);
    expect(report.replayedFromCommand).toBeGreaterThan(1);
    expect(report.unsettledEvents > 0).toBe(until === 'first snapshot');
    for (const { checked } of report.statements) expect(checked).toBeGreaterThan(0);
    expect(report.recomputedTrades).toBeGreaterThan(0);
  });

  test('what is wrong after the snapshot is found', async () => {
    const folder = retired.end.copy();
    const database = await SqliteDatabase.open(historyDatabasePath(folder));
    const [trade] = await database.all<{ id: number }>('SELECT max(trade_id) AS id FROM trades');
    await database.run('UPDATE trades SET price_ticks = price_ticks + 1 WHERE trade_id = ?', [trade!.id]);
    await database.close();
    expect((await audit(folder)).found).toEqual([
      expect.stringMatching(`^history: trade ${trade!.id} has priceTicks `),
    ]);
  });

  test('a unit held too much by an order from before the snapshot is found', async () => {
    const folder = retired.end.copy();
    const database = await SqliteDatabase.open(exchangeDatabasePath(folder));
    await database.exec(
      `UPDATE balances SET held_units = held_units + 1, available_units = available_units - 1
       WHERE account_id = 100 AND asset_id = 2`,
    );
    await database.close();
    expect((await audit(folder)).found).toEqual([
      expect.stringMatching(/^account 100 asset 2: \d+ held/),
      expect.stringMatching(/^account 100 asset 2: balance/),
    ]);
  });

  test('a damaged snapshot is named; with the other one the proof goes on', async () => {
    const folder = retired.end.copy();
    const [, older] = listSnapshots(folder);
    const bytes = readFileSync(older!.path);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(older!.path, bytes);
    const { report, found } = await audit(folder);
    expect(found).toEqual([expect.stringContaining(older!.path)]);
    expect(report.stateHash).not.toBeNull();
  });

  test('without any snapshot it is proved from the archive; without both nothing is, and the reason is said', async () => {
    const folder = retired.end.copy();
    for (const { path } of listSnapshots(folder)) rmSync(path);
    expect((await audit(folder)).report).toMatchObject({
      ok: true,
      replayedFromCommand: 1,
      replayedFromSnapshot: null,
    });
    rmSync(join(folder, 'archive'), { recursive: true });
    const { found } = await audit(folder);
    const first = listSegments(folder, 1)[0]!.firstSequence;
    const reason = `the journal can't be replayed: it begins with command ${first}, and no snapshot reaches it`;
    expect(found).toContainEqual(expect.stringContaining(reason));
  });
});

describe('with the whole journal there', () => {
  let folder: string;
  beforeAll(async () => {
    folder = temporaryFolder();
    const trading = await TradingFolder.open(folder);
    await trading.trade(new RandomIntegers(seed), 100);
    writeSnapshot(folder, trading.engine.exportState(false));
    const state = trading.engine.exportState(false);
    await trading.trade(new RandomIntegers(seed), 50);
    writeSnapshot(folder, { ...state, commandSequence: state.commandSequence + 1 });
    await trading.settle();
    await trading.abandon();
  });

  test('a snapshot of another state than the replay comes to is found', async () => {
    const { report, found } = await audit(folder);
    expect(report.replayedFromCommand).toBe(1);
    expect(found).toEqual([expect.stringContaining(listSnapshots(folder)[0]!.path)]);
  });
});
