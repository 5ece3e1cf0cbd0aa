import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAY_MS, MINUTE_MS } from '../core/klines/kline-calendar.ts';
import type { Catalogue } from '../core/money/catalogue.ts';
import { defaultMarkets } from '../core/money/default-markets.ts';
import { TRADES } from '../workers/history/history-rows.ts';
import { HistoryMinutes } from '../workers/klines/history-minutes.ts';
import { KlineCheck } from '../workers/klines/kline-check.ts';
import { KlineWriter } from '../workers/klines/kline-writer.ts';
import { KlinesConsumer } from '../workers/klines/klines-consumer.ts';
import { rebuildKlines } from '../workers/klines/rebuild-klines.ts';
import { SqliteKlineStore } from '../workers/klines/sqlite-kline-store.ts';
import { HistoryDatabase } from '../workers/storage/history-database.ts';
import { KlinesDatabase } from '../workers/storage/klines-database.ts';
import { WATERMARKS } from '../workers/storage/view-database.ts';
import { type BenchTrade, batchesOf, catalogueOf, historyRow, TradeYear } from './klines-trades.ts';
import type { Bench, BenchSettings, Report } from './support/bench.ts';
import { pairedPicture } from './support/paired-picture.ts';
import { pairedTable } from './support/paired-table.ts';
import { perSecond, type Run, runPairs } from './support/pairs.ts';
import { latencyNs } from './support/percentiles.ts';

const TRADES_OF_PAIR = { full: 500_000, short: 5_000 } as const;
const YEAR = { full: { instruments: 20, days: 365 }, short: { instruments: 2, days: 1 } } as const;
const QUERIES = { full: 2_000, short: 50 } as const;
const QUERIED = 1_000;
const PARTITIONS = 8;
const INSERT_ROWS = 500;
const RECORDED_ROWS = 20_000;
const BATCH_EVENTS = 4_096;
const INSTRUMENTS = 6;
/** Of the history's trades: candles are never made by them. */
const INDEXES_OF_OTHERS = ['maker', 'taker', 'maker_order', 'taker_order'];
const STEP_MS = 40;

export const klinesBench: Bench = {
  name: 'klines',
  about: 'trades into candles of ten sizes and market info, beside plain 500-row INSERTs; a year rebuilt; 1,000 read',
  size: '500,000 trades, 3 pairs; 20 instruments, 365 days of a trade a minute: 8 min and 3 GB',
  async run(settings) {
    const folder = mkdtempSync(join(tmpdir(), 'ringbook-bench-'));
    try {
      return await measure(folder, settings);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function measure(folder: string, { seed, isShort, size, progress }: BenchSettings): Promise<Report> {
  const form = isShort ? 'short' : 'full';
  const count = size ?? TRADES_OF_PAIR[form];
  const catalogue = catalogueOf(defaultMarkets(), INSTRUMENTS);
  const trades = new TradeYear(seed, INSTRUMENTS, STEP_MS, catalogue.instrument(1)!).take(count);
  progress('consuming the trades once, and rebuilding what they became: are all candles equal?');
  const candles = await proveRebuild(join(folder, 'proof'), trades, catalogue);
  progress('measuring');
  const result = await runPairs(
    isShort ? 1 : 3,
    () => insertPlainly(join(folder, 'plain'), trades),
    () => consume(join(folder, 'consumed'), trades, catalogue),
  );
  const year = await rebuildYear(join(folder, 'year'), seed, YEAR[form], progress);
  progress('reading');
  const { p50, p99 } = await query(join(folder, 'year'), QUERIES[form]);
  const limit = `the same trades by plain ${INSERT_ROWS}-row INSERTs, as many synced commits`;
  return {
    heading: 'Candles',
    mix:
      `${count.toLocaleString('en')} trades of ${INSTRUMENTS} instruments, ${STEP_MS} ms apart, in batches of ${BATCH_EVENTS} events, ${PARTITIONS} partitions, ` +
      `every commit synced; a year is ${YEAR[form].instruments} instruments, ${YEAR[form].days} days, a trade a minute`,
    proof: `${candles.toLocaleString('en')} candles of ten sizes are those of a rebuild from the trades, to the unit`,
    tables: [
      pairedTable({ name: 'trades into ten sizes and market info', limit, result }),
      {
        columns: ['of a year', 'candles', 'seconds', 'candles a second'],
        rows: [
          [
            'all sizes made anew by klines rebuild',
            year.candles.toLocaleString('en'),
            year.rebuildSeconds.toFixed(1),
            perSecond(year.candles / year.rebuildSeconds),
          ],
          [
            'all sizes compared by rebuild --verify',
            year.candles.toLocaleString('en'),
            year.verifySeconds.toFixed(1),
            perSecond(year.candles / year.verifySeconds),
          ],
        ],
      },
      {
        columns: [`${QUERIED.toLocaleString('en')} candles of 1m read`, 'p50, ms', 'p99, ms'],
        rows: [[`${QUERIES[form]} reads at random places`, p50.toFixed(2), p99.toFixed(2)]],
      },
    ],
    pictures: [
      pairedPicture(
        {
          picture: 'klines',
          title: 'Trades into candles',
          figure: 'ten sizes and market info',
          limit: `plain ${INSERT_ROWS}-row INSERTs of the trades`,
          unit: 'trades a second',
        },
        result,
        seed,
      ),
    ],
  };
}

type Trades = readonly BenchTrade[];

/** Consumes trades into a new klines.sqlite, batch by batch, each batch's commit synced before the next. */
async function consume(folder: string, trades: Trades, catalogue: Catalogue, keep = false): Promise<Run> {
  const database = await KlinesDatabase.open(folder, PARTITIONS, rethrow);
  const consumer = new KlinesConsumer(await KlineWriter.open(database, catalogue));
  const batches = batchesOf(trades, PARTITIONS, BATCH_EVENTS);
  const startMs = performance.now();
  for (const chunk of batches) await Promise.all(chunk.map((batch) => consumer.consume(batch)));
  const seconds = (performance.now() - startMs) / 1_000;
  await database.close();
  if (!keep) rmSync(folder, { recursive: true, force: true });
  return { seconds, operations: trades.length };
}

/** Inserts the trades as plainly as SQLite takes them, in as many synced commits as there are batches. */
async function insertPlainly(folder: string, trades: Trades): Promise<Run> {
  const history = await HistoryDatabase.open(folder, PARTITIONS, rethrow);
  const { database } = history;
  // Keys alone: the history's own indexes would be work that candles do not have.
  await dropIndexes(history, ['instrument', ...INDEXES_OF_OTHERS]);
  const row = `(${TRADES.columns.map(() => '?').join(', ')})`;
  const statement = await database.prepare(
    `INSERT INTO trades (${TRADES.columns.join(', ')}) VALUES ${Array(INSERT_ROWS).fill(row).join(', ')}`,
  );
  const whole = trades.length - (trades.length % INSERT_ROWS);
  const startMs = performance.now();
  await database.exec('BEGIN IMMEDIATE');
  for (let from = 0, committed = 0; from < whole; from += INSERT_ROWS) {
    await statement.run(trades.slice(from, from + INSERT_ROWS).flatMap(historyRow));
    if (from - committed < BATCH_EVENTS) continue;
    await database.exec('COMMIT; BEGIN IMMEDIATE');
    committed = from;
  }
  await database.exec('COMMIT');
  const seconds = (performance.now() - startMs) / 1_000;
  await statement.finalize();
  await history.close();
  rmSync(folder, { recursive: true, force: true });
  return { seconds, operations: whole };
}

/** @returns how many candles there are, all of them equal to those of a rebuild */
async function proveRebuild(folder: string, trades: Trades, catalogue: Catalogue): Promise<number> {
  const history = await HistoryDatabase.open(folder, PARTITIONS, rethrow);
  await record(history, trades);
  await consume(folder, trades, catalogue, true);
  const { check, close } = await openCheck(folder, catalogue);
  const instrumentIds = catalogue.instruments().map(({ instrumentId }) => instrumentId);
  const everything = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, instrumentIds, isVerifyOnly: true };
  const { checked, differing, differences } = await rebuildKlines(check, everything, () => {});
  await close();
  await history.close();
  if (differing > 0)
    throw new Error(`${differing} candles differ, the first: ${String(differences[0]?.stored?.openMs)}`);
  return checked;
}

async function rebuildYear(
  folder: string,
  seed: number,
  { instruments, days }: { readonly instruments: number; readonly days: number },
  progress: (step: string) => void,
): Promise<{ candles: number; rebuildSeconds: number; verifySeconds: number }> {
  const catalogue = catalogueOf(defaultMarkets(), instruments);
  const history = await HistoryDatabase.open(folder, PARTITIONS, rethrow);
  await dropIndexes(history, INDEXES_OF_OTHERS); // writing them would take longer than all else here
  const source = new TradeYear(seed, instruments, MINUTE_MS / instruments, catalogue.instrument(1)!);
  for (let day = 0; day < days; day++) {
    if (day % 30 === 0) progress(`writing the year's trades: day ${day} of ${days}`);
    await record(history, source.take((DAY_MS / MINUTE_MS) * instruments));
  }
  const klines = await KlinesDatabase.open(folder, PARTITIONS, rethrow);
  for (let partition = 0; partition < PARTITIONS; partition++)
    klines.commits.put(WATERMARKS, [partition, source.lastSequence]);
  await klines.close();
  const { check, close } = await openCheck(folder, catalogue);
  const instrumentIds = catalogue.instruments().map(({ instrumentId }) => instrumentId);
  const everything = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, instrumentIds };
  const timed = async (isVerifyOnly: boolean) => {
    const startMs = performance.now();
    let toldMs = startMs;
    const report = await rebuildKlines(check, { ...everything, isVerifyOnly }, ({ share }) => {
      if (performance.now() - toldMs < 10_000) return;
      toldMs = performance.now();
      progress(`${isVerifyOnly ? 'comparing' : 'rebuilding'} the year: ${Math.floor(100 * share)} %`);
    });
    return { ...report, seconds: (performance.now() - startMs) / 1_000 };
  };
  progress('rebuilding the year');
  const rebuilt = await timed(false);
  const verified = await timed(true);
  await close();
  await history.close();
  if (verified.differing > 0 || verified.checked !== rebuilt.corrected)
    throw new Error('a rebuilt year is not what its trades say');
  return { candles: rebuilt.corrected, rebuildSeconds: rebuilt.seconds, verifySeconds: verified.seconds };
}

/** Reads at random places of the year, one after the other, as a request does. */
async function query(folder: string, count: number): Promise<{ p50: number; p99: number }> {
  const store = await SqliteKlineStore.open(folder);
  const span = (await store.spanMs(1))!;
  const latencies = new Float64Array(count);
  for (let at = 0; at < count; at++) {
    const fromMs =
      Math.floor((span.firstMs + ((span.lastMs - span.firstMs) * ((at * 7_919) % count)) / count) / MINUTE_MS) *
      MINUTE_MS;
    const startMs = performance.now();
    await store.klines(1, '1m', fromMs, fromMs + QUERIED * MINUTE_MS);
    latencies[at] = performance.now() - startMs;
  }
  await store.close();
  const [p50, p99] = latencyNs(latencies);
  return { p50: p50 / 1e6, p99: p99 / 1e6 };
}

async function dropIndexes({ database }: HistoryDatabase, indexes: readonly string[]): Promise<void> {
  for (const index of indexes) await database.exec(`DROP INDEX trades_by_${index}`);
}

/** Puts trades into the history, and its watermarks at their end. */
async function record(history: HistoryDatabase, trades: Trades): Promise<void> {
  for (let from = 0; from < trades.length; from += RECORDED_ROWS) {
    const rows = trades.slice(from, from + RECORDED_ROWS);
    for (const trade of rows) history.commits.add(TRADES, historyRow(trade));
    for (let partition = 0; partition < PARTITIONS; partition++)
      history.commits.put(WATERMARKS, [partition, rows.at(-1)!.eventSequence]);
    await history.commits.durable();
  }
}

async function openCheck(folder: string, catalogue: Catalogue) {
  const database = await KlinesDatabase.open(folder, PARTITIONS, rethrow);
  const store = await SqliteKlineStore.open(folder);
  const trades = await HistoryMinutes.open(folder);
  const check = new KlineCheck({ writer: await KlineWriter.open(database, catalogue), store, trades });
  const close = async (): Promise<void> => {
    await trades.close();
    await store.close();
    await database.close();
  };
  return { check, close };
}

function rethrow(error: Error): never {
  throw error;
}
