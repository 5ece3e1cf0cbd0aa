import { expect, test } from 'vitest';
import type { FilledEvent } from '../../../core/protocol/event-decoder.ts';
import { EventKind } from '../../../core/protocol/kinds.ts';
import { DayStatistics } from '../../../gateway/market-data/day-statistics.ts';
import { RandomIntegers } from '../../support/random-integers.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 1_440 * MINUTE_MS;
const START_MS = 29_000_000 * MINUTE_MS;
const INSTRUMENT_ID = 3;

interface Trade {
  readonly timestampMs: number;
  readonly priceTicks: number;
  readonly quantityLots: number;
}

/** Only what statistics look at. */
const filled = (trade: Trade) => ({ kind: EventKind.FILLED, instrumentId: INSTRUMENT_ID, ...trade }) as FilledEvent;

const trade = (timestampMs: number, priceTicks: number, quantityLots = 1): Trade => ({
  timestampMs,
  priceTicks,
  quantityLots,
});

function statisticsOf(trades: readonly Trade[]): DayStatistics {
  const statistics = new DayStatistics();
  for (const each of trades) statistics.onEvent(filled(each));
  return statistics;
}

/** The slow twin: looks through all trades. A minute counts wholly while it is younger than a day. */
function slowSummary(trades: readonly Trade[], nowMs: number) {
  const firstMs = (Math.floor(nowMs / MINUTE_MS) - 1_439) * MINUTE_MS;
  const within = trades.filter(({ timestampMs }) => timestampMs >= firstMs);
  if (within.length === 0) return undefined;
  const prices = within.map(({ priceTicks }) => priceTicks);
  return {
    openTicks: prices[0],
    highTicks: Math.max(...prices),
    lowTicks: Math.min(...prices),
    closeTicks: prices.at(-1),
    lots: within.reduce((sum, { quantityLots }) => sum + BigInt(quantityLots), 0n),
    tickLots: within.reduce((sum, each) => sum + BigInt(each.priceTicks) * BigInt(each.quantityLots), 0n),
  };
}

function slowCloses(trades: readonly Trade[], nowMs: number): number[] {
  const nowMinute = Math.floor(nowMs / MINUTE_MS);
  const closes: number[] = [];
  for (let hour = 0; hour < 24; hour++) {
    const until = (nowMinute - hour * 60 + 1) * MINUTE_MS;
    const before = trades.filter(
      ({ timestampMs }) => timestampMs < until && timestampMs >= (nowMinute - 1_439) * MINUTE_MS,
    );
    if (before.length > 0) closes.push(before.at(-1)!.priceTicks);
  }
  return closes;
}

test('nothing traded, or nothing within the day, is no summary', () => {
  expect(new DayStatistics().summary(INSTRUMENT_ID, START_MS)).toBeUndefined();
  const statistics = statisticsOf([trade(START_MS, 100)]);
  expect(statistics.summary(INSTRUMENT_ID, START_MS + DAY_MS - 1)).toMatchObject({ lots: 1n });
  expect(statistics.summary(INSTRUMENT_ID, START_MS + DAY_MS)).toBeUndefined();
  expect(statistics.hourlyCloses(INSTRUMENT_ID, START_MS + DAY_MS)).toEqual([]);
  expect(statistics.summary(INSTRUMENT_ID + 1, START_MS)).toBeUndefined();
});

test('sums pass 2^53 exactly', () => {
  const lots = Number.MAX_SAFE_INTEGER;
  const statistics = statisticsOf([trade(START_MS, 2 ** 31 - 1, lots), trade(START_MS, 2 ** 31 - 1, lots)]);
  const summary = statistics.summary(INSTRUMENT_ID, START_MS)!;
  expect(summary.lots).toBe(2n * (2n ** 53n - 1n));
  expect(summary.tickLots).toBe(2n * (2n ** 53n - 1n) * (2n ** 31n - 1n));
});

test('hourly closes carry the last price on over hours without trades', () => {
  const statistics = statisticsOf([trade(START_MS, 100), trade(START_MS + 3 * 60 * MINUTE_MS, 103)]);
  expect(statistics.hourlyCloses(INSTRUMENT_ID, START_MS + 4 * 60 * MINUTE_MS)).toEqual([103, 103, 100, 100, 100]);
});

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
test(`random days agree with looking through all trades, primed in pages or not (SEED=${seed})`, async () => {
  const random = new RandomIntegers(seed);
  for (let run = 0; run < 20; run++) {
    const trades: Trade[] = [];
    let nowMs = START_MS + random.below(MINUTE_MS);
    for (let step = 0; step < 300; step++) {
      nowMs += random.below(random.below(10) === 0 ? 10 * 60 * MINUTE_MS : 5 * MINUTE_MS);
      trades.push(trade(nowMs, 1 + random.below(1_000), 1 + random.below(1_000)));
    }
    const primed = statisticsOf(trades.slice(200));
    const pageEnd = random.below(201);
    await primed.prime(INSTRUMENT_ID, [], pagesOf(trades.slice(0, pageEnd), trades.slice(pageEnd, 200)));
    for (const statistics of [statisticsOf(trades), primed]) {
      for (const laterMs of [0, 1, 59_999, 60_000, 3_600_000, DAY_MS - 1, DAY_MS]) {
        const atMs = nowMs + laterMs;
        const where = `SEED=${seed} run=${run} later=${laterMs}`;
        expect(statistics.summary(INSTRUMENT_ID, atMs), where).toEqual(slowSummary(trades, atMs));
        expect(statistics.hourlyCloses(INSTRUMENT_ID, atMs), where).toEqual(slowCloses(trades, atMs));
      }
    }
  }
});

async function* pagesOf(...pages: Trade[][]): AsyncGenerator<Trade[]> {
  yield* pages;
}
