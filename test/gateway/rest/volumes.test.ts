import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DailyVolume, VolumeSum } from '../../../core/ports/history.ts';
import { InlineExchange, type TestAccount } from '../../support/inline-exchange.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
let exchange: InlineExchange;
let alice: TestAccount;
let bob: TestAccount;

beforeEach(async () => {
  exchange = await InlineExchange.start();
  [alice, bob] = [await exchange.account(), await exchange.account()];
});
afterEach(() => exchange.close());

const volumeOf = async (account: TestAccount, fields: object = {}) =>
  (await exchange.post(account, '/v1/notionalvolume', fields)).body;

async function setRates(symbol: string, rates: object): Promise<void> {
  const routes = exchange.gateway.adminRoutes({} as Parameters<typeof exchange.gateway.adminRoutes>[0]);
  await routes
    .find(({ method, path }) => method === 'POST' && path === '/instruments/update')!
    .answer({ symbol, ...rates });
}

test('before any trade: the fees, and no volume', async () => {
  const asked = Date.now();
  const volume = await volumeOf(alice);
  expect(volume).toEqual({
    ...{ web_maker_fee_bps: 20, web_taker_fee_bps: 40, web_auction_fee_bps: 40 },
    ...{ api_maker_fee_bps: 20, api_taker_fee_bps: 40, api_auction_fee_bps: 40 },
    ...{ fix_maker_fee_bps: 20, fix_taker_fee_bps: 40, fix_auction_fee_bps: 40 },
    ...{ block_maker_fee_bps: 20, block_taker_fee_bps: 40 },
    notional_30d_volume: 0,
    last_updated_ms: expect.any(Number),
    date: new Date(volume.last_updated_ms).toISOString().slice(0, 10),
    notional_1d_volume: [],
  });
  expect(volume.last_updated_ms).toBeGreaterThanOrEqual(asked);
});

test('fees are those in force: of the symbol that is named, else the highest of all, parts of a basis point included', async () => {
  await setRates('btcusd', { makerRatePpm: 0, takerRatePpm: 1_250 });
  await setRates('ethusd', { makerRatePpm: 2_500 });
  expect(await volumeOf(alice, { symbol: 'BTCUSD' })).toMatchObject({ api_maker_fee_bps: 0, api_taker_fee_bps: 12.5 });
  expect(await volumeOf(alice)).toMatchObject({ api_maker_fee_bps: 25, api_taker_fee_bps: 40 });
  expect(await volumeOf(alice, { symbol: 'nothing' })).toMatchObject({ reason: 'InvalidSymbol' });
});

test('what both sides traded today, in dollars, whatever it was traded for', async () => {
  const eth = { symbol: 'ethbtc', type: 'exchange limit', amount: '2', price: '0.05' };
  await exchange.order(alice, 'sell', '0.5', '60000.00');
  await exchange.order(bob, 'buy', '0.5', '60000.00');
  await exchange.post(alice, '/v1/order/new', { ...eth, side: 'buy' });
  await exchange.post(bob, '/v1/order/new', { ...eth, side: 'sell' });
  for (const account of [alice, bob]) {
    const volume = await volumeOf(account);
    const notional_volume = 30_000 + 2 * 0.05 * 60_000;
    expect(volume).toMatchObject({
      notional_30d_volume: notional_volume,
      notional_1d_volume: [{ date: expect.stringMatching(/^20\d\d-\d\d-\d\d$/), notional_volume }],
    });
  }
  const auditor = exchange.key(alice.accountId, ['auditor']);
  expect(await volumeOf(auditor)).toMatchObject({ notional_30d_volume: 36_000 });
  const manager = exchange.key(alice.accountId, ['fundManager']);
  expect(await volumeOf(manager)).toMatchObject({ reason: 'MissingRole' });
});

test('thirty days are counted, today included, newest first; days before them are not', async () => {
  const nothing: VolumeSum = { lots: 0n, notionalUnits: 0n, trades: 0 };
  const { instrumentId, quote } = exchange.gateway.catalogue.instrumentBySymbol('btcusd')!;
  const dollars = (count: bigint): VolumeSum => ({
    lots: 1n,
    notionalUnits: count * 10n ** BigInt(quote.decimals),
    trades: 1,
  });
  const dayOf = (daysAgo: number): DailyVolume => ({
    accountId: alice.accountId,
    instrumentId,
    dayStartMs: Math.floor(Date.now() / DAY_MS - daysAgo) * DAY_MS,
    buyMaker: dollars(1n),
    buyTaker: dollars(20n),
    sellMaker: dollars(300n),
    sellTaker: daysAgo === 29 ? nothing : dollars(4_000n),
  });
  exchange.history.store.dailyVolumes = async (_accountId, sinceMs) =>
    [40, 30, 29, 5, 0].map(dayOf).filter(({ dayStartMs }) => dayStartMs + DAY_MS > sinceMs);
  const volume = await volumeOf(alice);
  const today = Date.parse(volume.date);
  const dates = volume.notional_1d_volume.map(({ date }: { date: string }) => date);
  expect(dates).toEqual([0, 5, 29].map((daysAgo) => new Date(today - daysAgo * DAY_MS).toISOString().slice(0, 10)));
  expect(volume.notional_1d_volume[2].notional_volume).toBe(321);
  expect(volume.notional_30d_volume).toBe(4_321 + 4_321 + 321);
});
