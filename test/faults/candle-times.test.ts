import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { rebuildStopped } from '../../main/klines/stopped-rebuild.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { signedPost } from '../support/signed-client.ts';
import { expectSound } from '../support/sound.ts';
import { storedKlines } from '../support/stored-klines.ts';

const HOUR_MS = 3_600_000;
const PRELOAD = new URL('../support/preload/moved-clock.ts', import.meta.url).href;

test('the wall clock goes an hour back and two forward, in a zone with daylight saving: candles follow the trades, in UTC', {
  timeout: 480_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-candle-times-'));
  const [clockPath, dataFolder] = [join(folder, 'clock'), join(folder, 'data')];
  const move = (milliseconds: number): void => {
    writeFileSync(`${clockPath}.new`, `${milliseconds}`);
    renameSync(`${clockPath}.new`, clockPath);
  };
  const environment = { NODE_OPTIONS: `--import=${PRELOAD}`, RINGBOOK_TEST_CLOCK: clockPath, TZ: 'America/New_York' };
  try {
    for (const [round, movedMs] of [0, -HOUR_MS, 2 * HOUR_MS].entries()) {
      move(movedMs);
      const exchange = await ExchangeProcess.start(dataFolder, environment);
      const { baseUrl, accounts } = exchange.sandbox;
      for (const price of ['100.00', '101.00']) {
        move(movedMs + (price === '100.00' ? HOUR_MS : -HOUR_MS)); // while it runs, too
        for (const [account, side] of [
          [accounts[0]!, 'sell'],
          [accounts[1]!, 'buy'],
        ] as const) {
          const order = { symbol: 'btcusd', side, amount: '0.1', price, type: 'exchange limit' };
          expect((await signedPost(baseUrl, account, '/v1/order/new', order)).status).toBe(200);
        }
      }
      const trades = (await (await fetch(`${baseUrl}/v1/trades/btcusd?limit_trades=500`)).json()) as {
        timestampms: number;
      }[];
      const minutes = new Set(trades.map(({ timestampms }) => timestampms - (timestampms % 60_000)));
      const candles = (await (await fetch(`${baseUrl}/v2/candles/btcusd/1m`)).json()) as number[][];
      const traded = candles.filter((candle) => candle[5] !== 0).map(([openMs]) => openMs);
      expect(traded, `round ${round}`).toEqual([...minutes].sort((one, other) => other - one));
      expect(await exchange.stop()).toBe(0);
    }
    const days = (await storedKlines(dataFolder)).filter(({ size }) => size === '1d');
    for (const { openMs } of days) expect(new Date(openMs).toISOString()).toMatch(/T00:00:00.000Z$/);
    const everything = { dataFolder, fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, symbols: [], isVerifyOnly: true };
    expect(await rebuildStopped(everything, () => {})).toMatchObject({ ok: true, differing: 0 });
    await expectSound(dataFolder, 'after all moves');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
