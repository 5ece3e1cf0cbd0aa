import { afterEach, beforeEach, expect, test } from 'vitest';
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
  await late.prime(exchange.history.store, exchange.gateway.catalogue, nowMs);

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
});
