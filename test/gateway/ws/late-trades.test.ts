import pino from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Kline, KlineStore } from '../../../core/ports/klines.ts';
import { CurrentCandles } from '../../../gateway/market-data/current-candles.ts';
import type { MarketFeed } from '../../../gateway/market-data/market-feed.ts';
import { TradeTape } from '../../../gateway/market-data/trade-tape.ts';
import { CandleHub } from '../../../gateway/ws/candle-hub.ts';
import type { SocketLink } from '../../../gateway/ws/socket-link.ts';
import { instrumentOf } from '../../support/default-catalogue.ts';

const MINUTE_MS = 60_000;
const START_MS = Date.UTC(2026, 0, 1);
const instrument = instrumentOf('btcusd');
const { instrumentId } = instrument;

let nowMs: number;
let klines: Kline[];
let told: Map<number, number[]>; // the last state of each candle, as a follower has it
let hub: CandleHub;
beforeEach(() => {
  vi.useFakeTimers();
  nowMs = START_MS + 30_000;
  klines = [minute(0, 6_000_000, 1)];
  told = new Map();
  const store: KlineStore = {
    watermarks: async () => [Number.MAX_SAFE_INTEGER],
    marketInfo: async () => undefined,
    firstMs: async () => klines[0]?.openMs,
    klines: async (_instrument, _size, fromMs, toMs) => {
      const before = klines.filter(({ openMs }) => openMs < fromMs).slice(-1);
      return [...before, ...klines.filter(({ openMs }) => openMs >= fromMs && openMs < toMs)];
    },
  };
  const clock = { nowMs: () => nowMs };
  const feed = { addListener: () => {} } as unknown as MarketFeed; // the test hands on the turns itself
  hub = new CandleHub(new CurrentCandles(store, new TradeTape(), clock, 1), feed, clock, pino({ level: 'silent' }));
});
afterEach(() => vi.useRealTimers());

function minute(index: number, closeTicks: number, trades: number): Kline {
  const prices = { openTicks: 6_000_000, highTicks: closeTicks, lowTicks: 6_000_000, closeTicks };
  const sums = { lots: BigInt(trades), notionalUnits: BigInt(trades), trades, firstSequence: 1, lastSequence: trades };
  return { instrumentId, size: '1m', openMs: START_MS + index * MINUTE_MS, ...prices, ...sums, revision: 1 };
}

const keep = (message: Buffer): void => {
  for (const row of JSON.parse(message.toString()).changes) told.set(row[0], row);
};

async function trade(timestampMs: number): Promise<void> {
  const rest = { tradeId: 2, instrumentId, takerSide: 0, priceTicks: 6_100_000, quantityLots: 1 } as const;
  hub.onTurn({
    instrument,
    eventSequence: 2,
    timestampMs,
    events: [{ type: 'trade', trade: { ...rest, timestampMs } }],
  });
  await vi.advanceTimersByTimeAsync(300);
}

test.each([0, 1, 2, 10, 1_000, 5_000])(
  'a trade of %i minutes ago, whose event came late, is told with what follows from it',
  async (ago) => {
    const link = { send: keep, sendSnapshot: keep, end: vi.fn() } as unknown as SocketLink;
    hub.follow(link, { instrument, size: '1m', name: 'candles_1m' }, true);
    await vi.advanceTimersByTimeAsync(300);
    nowMs += ago * MINUTE_MS; // the host slept, or the journal's disk stood still
    await vi.advanceTimersByTimeAsync(300);
    expect(told.get(nowMs - (nowMs % MINUTE_MS))?.[4]).toBe(60_000);
    klines = [minute(0, 6_100_000, 2)];
    await trade(START_MS + 40_000);
    const reached = [...told.values()].filter(([openMs]) => openMs! > nowMs - 1_440 * MINUTE_MS);
    expect(reached.length).toBe(Math.min(ago + 1, 1_440));
    for (const [openMs, , , , close] of reached) expect(close, new Date(openMs!).toISOString()).toBe(61_000);
    hub.unfollow(link, { instrument, size: '1m', name: 'candles_1m' });
  },
);
