import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { rebuildStopped } from '../../main/klines/stopped-rebuild.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { expectSound } from '../support/sound.ts';
import { storedKlines, tamperWithKlines } from '../support/stored-klines.ts';
import { TradingLoad } from '../support/trading-load.ts';
import { waitUntil } from '../support/wait-until.ts';

const ROUNDS = process.env.RINGBOOK_TEST_LONG === '1' ? 100 : 3;
const CLIENTS = 12;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

function rebuild(dataFolder: string, isVerifyOnly: boolean) {
  const everything = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, symbols: [] };
  return rebuildStopped({ dataFolder, ...everything, isVerifyOnly }, () => {});
}

test(`kill -9 while candles are written, ${ROUNDS} rounds: they are those of a rebuild, as they lie there and after a restart (SEED=${seed})`, {
  timeout: ROUNDS * 120_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringbook-candles-'));
  const random = new RandomIntegers(seed);
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const when = `round ${round} (SEED=${seed})`;
      const exchange = await ExchangeProcess.start(folder);
      const load = new TradingLoad(exchange.sandbox.accounts, random);
      const running = load.run(exchange.sandbox.baseUrl, CLIENTS, round);
      const { klinesSequence } = (await exchange.status()).events;
      await waitUntil(async () => {
        const { events } = await exchange.status().catch(() => ({ events: { klinesSequence: Infinity } }));
        return events.klinesSequence > klinesSequence + 50;
      }, 'candles are written');
      await sleep(random.between(0, 800));
      await exchange.kill();
      await running;

      expect(await rebuild(folder, true), when).toMatchObject({ ok: true, differing: 0 });
      const restarted = await ExchangeProcess.start(folder);
      expect(await restarted.stop()).toBe(0);
      await expectSound(folder, when);

      const live = await storedKlines(folder);
      expect(new Set(live.map(({ size }) => size)).size, when).toBe(10);
      expect(await rebuild(folder, true), when).toMatchObject({
        ok: true,
        checked: expect.toSatisfy((checked: number) => checked >= live.length),
      });
      await tamperWithKlines(folder, 'DELETE FROM klines; DELETE FROM market_info');
      expect(await rebuild(folder, false), when).toMatchObject({ ok: true, corrected: live.length });
      expect(await storedKlines(folder), when).toEqual(live);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
