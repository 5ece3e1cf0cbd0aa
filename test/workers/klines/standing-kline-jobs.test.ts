import { afterEach, beforeEach, expect, test } from 'vitest';
import type { KlineJobs } from '../../../core/ports/klines.ts';
import { StandingKlineJobs } from '../../../workers/klines/standing-kline-jobs.ts';
import { inOrder, type PlainTrade, plainKlines, plainMarketInfo } from '../../support/plain-klines.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { batchOf, KlineFolder, PARTITIONS } from './kline-folder.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 1_440 * MINUTE_MS;
const START_MS = Date.UTC(2026, 1, 26, 22, 30); // over the end of a February and of a week
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const JOBS = ['refresh1m', 'marketInfo', 'check1mHistory', 'refreshOtherSizes', 'checkBaseHistory'] as const;

let klines: KlineFolder;
let jobs: KlineJobs;
let nowMs: number;
let trades: PlainTrade[];

beforeEach(async () => {
  klines = await KlineFolder.open(temporaryFolder());
  nowMs = START_MS;
  trades = [];
  jobs = anew();
});
afterEach(() => klines.close());

/** Jobs as a process begins with them. */
function anew(): KlineJobs {
  const { check, writer } = klines;
  return new StandingKlineJobs({ check, writer, clock: { nowMs: () => nowMs }, instrumentIds: () => [1, 2, 3] });
}

/** Trades that the history and the candles get, at the present moment. */
async function trade(...added: readonly (readonly [instrumentId: number, priceTicks: number])[]): Promise<void> {
  const beforeSequence = trades.at(-1)?.tradeId ?? 0;
  for (const [instrumentId, priceTicks] of added) {
    const tradeId = (trades.at(-1)?.tradeId ?? 0) + 1;
    const notionalUnits = BigInt(priceTicks) * klines.writer.quoteUnitsPerTickLot(instrumentId);
    trades.push({ tradeId, instrumentId, timestampMs: nowMs, priceTicks, quantityLots: 1, notionalUnits });
  }
  const lastSequence = trades.at(-1)!.tradeId;
  await klines.record(trades.slice(-added.length), lastSequence);
  for (let partition = 0; partition < PARTITIONS; partition++)
    await klines.consumer.consume(batchOf(trades, partition, beforeSequence, lastSequence));
}

test(`doubled, late, missed and restarted ticks in any order change nothing but the day of the market info (SEED=${seed})`, {
  timeout: 60_000,
}, async () => {
  const random = new RandomIntegers(seed);
  for (let step = 0; step < 60; step++) {
    nowMs += random.below(random.oneOf([1_000, 30_000, 3_600_000, DAY_MS]));
    if (random.onceIn(2)) await trade([random.between(1, 3), random.between(1, 1_000)], [1, random.between(1, 1_000)]);
    if (trades.length === 0) continue;
    if (random.onceIn(8)) jobs = anew();
    const asked = Array.from({ length: random.below(4) }, () => random.oneOf(JOBS));
    const reports = await Promise.all(asked.map((job) => jobs[job]()));
    for (const [index, job] of asked.entries())
      if (job !== 'marketInfo') expect(reports[index]!.corrected, `${job}, step ${step}`).toBe(0);
  }
  expect(await klines.rows()).toEqual(plainKlines(trades));
  await jobs.marketInfo();
  for (const instrumentId of [1, 2, 3])
    if (trades.some((each) => each.instrumentId === instrumentId))
      expect(await klines.store.marketInfo(instrumentId)).toEqual(plainMarketInfo(trades, instrumentId, nowMs));
  expect(await anew().marketInfo()).toMatchObject({ corrected: 0 });
});

test('the day of the market info passes where nothing trades', async () => {
  await trade([1, 100], [1, 120]);
  nowMs += DAY_MS - MINUTE_MS;
  await jobs.marketInfo();
  expect(await klines.store.marketInfo(1)).toMatchObject({ openTicks: 100, lastTicks: 120, changeTicks: 20, lots: 2n });
  nowMs += MINUTE_MS;
  expect(await jobs.marketInfo()).toEqual({ checked: 1, corrected: 1 });
  expect(await klines.store.marketInfo(1)).toMatchObject({ openTicks: null, lastTicks: 120, changeTicks: 0, lots: 0n });
  expect(await jobs.marketInfo()).toEqual({ checked: 0, corrected: 0 });
});

test.each([
  ['refresh1m', "size = '1m' AND open_ms >= ?", 1],
  ['check1mHistory', "size = '1m'", 26],
  ['refreshOtherSizes', "size <> '1m' AND open_ms + 172800000 >= ?", 1],
  ['checkBaseHistory', 'open_ms > 0 AND ? > 0', 30],
] as const)('%s puts right what was lost or changed within its reach', async (job, reach, calls) => {
  for (const priceTicks of [5, 9, 2]) {
    await trade([1, priceTicks], [2, priceTicks + 1]);
    nowMs += MINUTE_MS;
  }
  const right = await klines.rows();
  expect(right).toEqual(plainKlines(trades));
  await jobs[job]();
  nowMs += MINUTE_MS;
  await trade([1, 7]);
  nowMs += MINUTE_MS;
  const now = plainKlines(trades);
  const bound = job === 'refresh1m' ? nowMs - 2 * MINUTE_MS : nowMs;
  const values = reach.includes('?') ? [bound] : [];
  await klines.klines.database.run(`UPDATE klines SET high_ticks = 1000 WHERE instrument_id = 1 AND ${reach}`, values);
  await klines.klines.database.run(`DELETE FROM klines WHERE instrument_id = 2 AND ${reach}`, values);
  expect(await klines.rows()).not.toEqual(now);
  let corrected = 0;
  for (let call = 0; call < calls; call++) corrected += (await jobs[job]()).corrected;
  expect(corrected).toBeGreaterThan(0);
  expect(inOrder(await klines.rows()).map((kline) => ({ ...kline, revision: 1 }))).toEqual(now);
  for (let call = 0; call < calls; call++) expect((await jobs[job]()).corrected).toBe(0);
});

test('an abort ends a job with its reason, and the next call goes on', async () => {
  await trade([1, 5]);
  nowMs += MINUTE_MS;
  await expect(jobs.refresh1m(AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
  expect(await jobs.refresh1m()).toEqual({ checked: 1, corrected: 0 });
});
