import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CcxtClient, ccxtClient } from '../support/ccxt-client.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { waitUntil } from '../support/wait-until.ts';

/** An unmodified ccxt reads and follows candles. */

const SYMBOL = 'ETH/USD';
const TIME_FRAMES = ['1m', '5m', '15m', '30m', '1h', '6h', '1d'];
let folder: string;
let exchange: ExchangeProcess;
let alice: CcxtClient;
let bob: CcxtClient;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-ccxt-candles-'));
  exchange = await ExchangeProcess.start(folder);
  [alice, bob] = exchange.sandbox.accounts.map((account) => ccxtClient(exchange.sandbox.baseUrl, account)) as [
    CcxtClient,
    CcxtClient,
  ];
  await bob.loadHttpProxyAgent();
  await trade(0.5, 3_000);
  await trade(0.25, 3_010.5);
}, 120_000);
afterAll(async () => {
  await Promise.all([alice.close(), bob.close()]);
  expect(await exchange.stop()).toBe(0);
  rmSync(folder, { recursive: true, force: true });
});

async function trade(amount: number, price: number): Promise<void> {
  await alice.createOrder(SYMBOL, 'limit', 'sell', amount, price);
  await bob.createOrder(SYMBOL, 'limit', 'buy', amount, price);
}

test('fetchOHLCV has every time frame, oldest first', async () => {
  for (const frame of TIME_FRAMES) {
    const candles = await bob.fetchOHLCV(SYMBOL, frame);
    expect(candles[0]![1], frame).toBe(3_000);
    expect(candles.at(-1)![4], frame).toBe(3_010.5);
    expect(
      candles.reduce((sum, candle) => sum + candle[5]!, 0),
      frame,
    ).toBe(0.75);
    for (const [index, candle] of candles.entries())
      if (index > 0) expect(candle[0]).toBeGreaterThan(candles[index - 1]![0]!);
  }
  expect(await bob.fetchOHLCV(SYMBOL, '1d', undefined, 1)).toHaveLength(1);
  expect(await bob.fetchOHLCV(SYMBOL, '1d', undefined, undefined, { limit_candles: 1 })).toHaveLength(1);
});

test('watchOHLCV begins with what was, and follows trades in every time frame', { timeout: 180_000 }, async () => {
  for (const frame of TIME_FRAMES) {
    const first = await bob.watchOHLCV(SYMBOL, frame);
    expect(first.at(-1)![4], frame).toBe(3_010.5);
  }
  const seen = new Map<string, number>();
  for (const frame of TIME_FRAMES)
    void (async () => {
      while (seen.get(frame) !== 2_990.25) seen.set(frame, (await bob.watchOHLCV(SYMBOL, frame)).at(-1)![4]!);
    })().catch(() => undefined);
  await trade(0.1, 2_990.25);
  await waitUntil(() => TIME_FRAMES.every((frame) => seen.get(frame) === 2_990.25), 'every time frame has the trade');
});
