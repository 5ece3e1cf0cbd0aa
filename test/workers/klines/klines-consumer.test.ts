import { afterEach, expect, test } from 'vitest';
import { catchUpKlines } from '../../../workers/klines/kline-catch-up.ts';
import { rebuildKlines } from '../../../workers/klines/rebuild-klines.ts';
import { EventGapError } from '../../../workers/storage/view-database.ts';
import { type PlainTrade, plainKlines, plainMarketInfo } from '../../support/plain-klines.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { batchOf, KlineFolder, PARTITIONS, randomTrades } from './kline-folder.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const ROUNDS = process.env.RINGBOOK_TEST_LONG === '1' ? 40 : 3;
const BEFORE_A_LEAP_YEAR_MS = Date.UTC(2023, 11, 30, 22, 58);
const INSTRUMENTS = [1, 2, 5, 6];
const EVERYTHING = { fromMs: 0, toMs: Date.UTC(2100, 0, 1), instrumentIds: INSTRUMENTS, isVerifyOnly: false };

const opened: KlineFolder[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

async function open(folder = temporaryFolder()): Promise<KlineFolder> {
  const klines = await KlineFolder.open(folder);
  opened.push(klines);
  return klines;
}

/** Delivers like a feed that is cut off at any moment: batches of any size, doubled, overlapping, partitions in any order. */
async function deliver(random: RandomIntegers, klines: KlineFolder, trades: readonly PlainTrade[]): Promise<void> {
  const end = trades.at(-1)!.tradeId;
  const sent = [...klines.writer.watermarks];
  while (sent.some((sequence) => sequence < end)) {
    const partition = random.below(PARTITIONS);
    const before = Math.max(0, sent[partition]! - (random.onceIn(3) ? random.below(60) : 0));
    const last = Math.min(end, before + random.between(1, 200));
    const batch = batchOf(trades, partition, before, last);
    await klines.consumer.consume(batch);
    if (random.onceIn(4)) await klines.consumer.consume(batch);
    sent[partition] = Math.max(sent[partition]!, last);
  }
}

test.each(Array.from({ length: ROUNDS }, (_, round) => seed + round))(
  'candles of all sizes are those of a slow computation, of a rebuild and of a file begun anew (SEED=%i)',
  { timeout: 120_000 },
  async (roundSeed) => {
    const random = new RandomIntegers(roundSeed);
    const trades = randomTrades(random, 600, BEFORE_A_LEAP_YEAR_MS);
    const end = trades.at(-1)!.tradeId;
    const expected = plainKlines(trades);
    expect(new Set(expected.map(({ size }) => size)).size).toBe(10);

    const folder = temporaryFolder();
    const first = await KlineFolder.open(folder);
    await first.record(trades, end);
    const middle = trades[random.below(trades.length)]!.tradeId;
    await deliver(
      random,
      first,
      trades.filter(({ tradeId }) => tradeId <= middle),
    );
    await first.close();
    const live = await open(folder); // as after a restart
    await deliver(random, live, trades);
    const rows = await live.rows();
    expect(rows).toEqual(expected);
    for (const instrumentId of INSTRUMENTS) {
      const own = trades.filter((trade) => trade.instrumentId === instrumentId);
      expect(await live.store.marketInfo(instrumentId)).toEqual(
        plainMarketInfo(own, instrumentId, own.at(-1)!.timestampMs),
      );
    }

    expect(await rebuildKlines(live.check, EVERYTHING, () => {})).toMatchObject({ corrected: 0, differing: 0 });
    const infos = await Promise.all(INSTRUMENTS.map((instrumentId) => live.store.marketInfo(instrumentId)));
    await live.klines.database.run('DELETE FROM klines');
    await live.klines.database.run('UPDATE market_info SET last_ticks = 0, lots = 7');
    const rebuilt = await rebuildKlines(live.check, EVERYTHING, () => {});
    expect(rebuilt).toMatchObject({ checked: expected.length, corrected: expected.length });
    expect(await live.rows()).toEqual(rows);
    expect(await Promise.all(INSTRUMENTS.map((instrumentId) => live.store.marketInfo(instrumentId)))).toEqual(infos);

    const anew = await open();
    await anew.record(trades, end);
    await catchUpKlines({ writer: anew.writer, trades: anew.trades, windowEvents: random.between(10, 2_000) });
    expect(await anew.rows()).toEqual(rows);
    expect(anew.writer.watermarks).toEqual(Array(PARTITIONS).fill(end));
  },
);

test(`what was lost, changed or made up is found, told and put right once (SEED=${seed})`, {
  timeout: 60_000,
}, async () => {
  const random = new RandomIntegers(seed);
  const klines = await open();
  const trades = randomTrades(random, 300, BEFORE_A_LEAP_YEAR_MS);
  await klines.record(trades, trades.at(-1)!.tradeId);
  await catchUpKlines(klines);
  const right = await klines.rows();
  const { database } = klines.klines;
  const damaged = new Map<string, 'lost' | 'changed'>();
  for (let count = 0; count < 25; count++) {
    const { instrumentId, size, openMs } = random.oneOf(right);
    const act = random.oneOf(['lost', 'changed'] as const);
    damaged.set(`${instrumentId} ${size} ${openMs}`, act);
    const where = 'WHERE instrument_id = ? AND size = ? AND open_ms = ?';
    const change = random.oneOf([
      "lots = lots || '0'",
      'open_ticks = open_ticks + 1',
      'trades = trades + 1',
      'last_sequence = last_sequence + 1',
    ]);
    await database.run(`${act === 'lost' ? 'DELETE FROM klines' : `UPDATE klines SET ${change}`} ${where}`, [
      instrumentId,
      size,
      openMs,
    ]);
  }
  const spurious = right.find(({ size }) => size === '1d')!;
  const emptyMs = spurious.openMs - 7 * 86_400_000;
  await klines.writer.correct(spurious.instrumentId, {
    missing: [{ ...spurious, openMs: emptyMs }],
    right: [],
    removed: [],
  });

  const verified = await rebuildKlines(klines.check, { ...EVERYTHING, isVerifyOnly: true }, () => {});
  expect(verified.corrected).toBe(0);
  expect(verified.differing).toBe(damaged.size + 1);
  expect(verified.differences).toContainEqual({ stored: { ...spurious, openMs: emptyMs }, recomputed: null });

  const rebuilt = await rebuildKlines(klines.check, EVERYTHING, () => {});
  expect(rebuilt.corrected).toBe(rebuilt.differing);
  for (const kline of right)
    if (damaged.get(`${kline.instrumentId} ${kline.size} ${kline.openMs}`) === 'changed')
      Object.assign(kline, { revision: expect.toSatisfy((revision: number) => revision === 1 || revision === 2) });
  expect(await klines.rows()).toEqual(right);
  expect(await rebuildKlines(klines.check, EVERYTHING, () => {})).toMatchObject({ corrected: 0, differing: 0 });
});

test('a batch that leaves a gap is refused with nothing stored, and the right one goes on', async () => {
  const klines = await open();
  const trades = randomTrades(new RandomIntegers(seed), 40, BEFORE_A_LEAP_YEAR_MS);
  const end = trades.at(-1)!.tradeId;
  await klines.consumer.consume(batchOf(trades, 1, 0, 20));
  const rows = await klines.rows();
  await expect(klines.consumer.consume(batchOf(trades, 1, 21, end))).rejects.toThrow(EventGapError);
  expect(await klines.rows()).toEqual(rows);
  await klines.consumer.consume(batchOf(trades, 1, 20, end));
  expect(await klines.rows()).toEqual(
    plainKlines(trades.filter(({ instrumentId }) => instrumentId % PARTITIONS === 1)),
  );
  expect(await klines.consumer.watermarks()).toEqual([0, end, 0, 0]);
});

test('the first trade opens and the last closes by sequence, where all happened in one millisecond', async () => {
  const klines = await open();
  const trade = (tradeId: number, priceTicks: number): PlainTrade => {
    return {
      tradeId,
      instrumentId: 1,
      timestampMs: BEFORE_A_LEAP_YEAR_MS,
      priceTicks,
      quantityLots: 1,
      notionalUnits: BigInt(priceTicks),
    };
  };
  const trades = [trade(1, 50), trade(2, 90), trade(3, 10), trade(4, 70)];
  await klines.consumer.consume(batchOf(trades, 1, 0, 2));
  await klines.consumer.consume(batchOf(trades, 1, 2, 4));
  const [minute] = await klines.rows();
  expect(minute).toMatchObject({
    openTicks: 50,
    highTicks: 90,
    lowTicks: 10,
    closeTicks: 70,
    trades: 4,
    firstSequence: 1,
    lastSequence: 4,
  });
});
