import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { HistoryStore, HistoryTrade } from '../../../core/ports/history.ts';
import type { KlineStore } from '../../../core/ports/klines.ts';
import { Side } from '../../../core/protocol/kinds.ts';
import { MarketData } from '../../../gateway/market-data/market-data.ts';
import { TAPE_TRADES } from '../../../gateway/market-data/trade-tape.ts';
import { InlineExchange } from '../../support/inline-exchange.ts';

let exchange: InlineExchange;

beforeEach(async () => {
  exchange = await InlineExchange.start();
});
afterEach(() => exchange.close());

test('market data that began late has from the history what it did not see', async () => {
  const maker = await exchange.account();
  const taker = await exchange.account();
  // More than one page of the history, in orders of which each sweeps many.
  for (let round = 0; round < 12; round++) {
    await Promise.all(
      Array.from({ length: 100 }, (_, at) => exchange.order(maker, 'sell', '0.0001', `${100 + ((at + round) % 7)}.00`)),
    );
    await exchange.order(taker, 'buy', '0.01', '200.00');
  }
  await exchange.post(taker, '/v1/mytrades'); // the history has everything
  const btcusd = exchange.gateway.catalogue.instrumentBySymbol('btcusd')!;
  const nowMs = Date.now();
  const late = new MarketData(exchange.gateway.catalogue);
  const { store: history, klines } = exchange.history;
  await late.prime({ history, klines }, exchange.gateway.catalogue, nowMs);

  expect(late.statistics.summary(btcusd.instrumentId, nowMs)).toMatchObject({
    openTicks: 10_000,
    highTicks: 10_600,
    lowTicks: 10_000,
    lots: 12n * 1_000_000n,
  });
  const { body: trades } = await exchange.get(`/v1/trades/btcusd?limit_trades=${TAPE_TRADES}`);
  expect(trades).toHaveLength(TAPE_TRADES);
  expect(late.tape.newest(btcusd.instrumentId, TAPE_TRADES).map(({ tradeId }) => tradeId)).toEqual(
    trades.map(({ tid }: { tid: number }) => tid),
  );
  expect(late.statistics.summary(btcusd.instrumentId + 1, nowMs)).toBeUndefined();

  // The same from trades alone, and from candles that end somewhere among them.
  const summary = late.statistics.summary(btcusd.instrumentId, nowMs);
  const candles = await klines.klines(btcusd.instrumentId, '1m', nowMs - (nowMs % 60_000) - 86_340_000, nowMs);
  expect(candles.length).toBeGreaterThan(0);
  for (let count = 0; count < candles.length; count++) {
    const lagging = { ...klines, klines: async () => candles.slice(0, count) } as unknown as KlineStore;
    const other = new MarketData(exchange.gateway.catalogue);
    await other.prime({ history, klines: lagging }, exchange.gateway.catalogue, nowMs);
    expect(other.statistics.summary(btcusd.instrumentId, nowMs)).toEqual(summary);
  }
});

test('a day of many trades is summed up page by page, not gathered', async () => {
  const { catalogue } = exchange.gateway;
  const { instrumentId } = catalogue.instruments()[0]!;
  const nowMs = Date.now();
  const trades = 300_000;
  let heapBytes = 0;
  const tradeAt = (tradeId: number): HistoryTrade => ({
    tradeId,
    instrumentId,
    timestampMs: nowMs - 1_000,
    takerSide: Side.BUY,
    priceTicks: 10_000,
    quantityLots: 1,
    notionalUnits: BigInt(tradeId) << 64n, // a row of its own in memory
    feeAssetId: 1,
    maker: { orderId: 1, accountId: 100, feeUnits: 1n },
    taker: { orderId: 2, accountId: 101, feeUnits: 1n },
  });
  const emptyHeapBytes = collectedHeapBytes();
  const publicTrades: HistoryStore['publicTrades'] = async (asked, { sinceTradeId, sinceMs, limit }) => {
    if (asked !== instrumentId || (sinceTradeId === undefined && sinceMs === undefined)) return [];
    const first = (sinceTradeId ?? 0) + 1;
    const count = Math.min(limit, trades - first + 1);
    if (count <= 0) heapBytes = collectedHeapBytes();
    return Array.from({ length: Math.max(count, 0) }, (_, at) => tradeAt(first + count - 1 - at));
  };
  const late = new MarketData(catalogue);
  const history = { ...exchange.history.store, publicTrades } as unknown as HistoryStore;
  await late.prime({ history, klines: exchange.history.klines }, catalogue, nowMs);
  expect(late.statistics.summary(instrumentId, nowMs)?.lots).toBe(BigInt(trades));
  expect(heapBytes - emptyHeapBytes).toBeLessThan(20 * 2 ** 20); // gathered they take more than 60 MiB
});

function collectedHeapBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}
