import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { filledCandles } from '../../core/klines/filled-candles.ts';
import { MINUTE_MS } from '../../core/klines/kline-calendar.ts';
import { candleJson } from '../../gateway/rest/candle-json.ts';
import { rebuildStopped } from '../../main/klines/stopped-rebuild.ts';
import { instrumentOf } from '../support/default-catalogue.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { RandomIntegers } from '../support/random-integers.ts';
import { RawSocket } from '../support/raw-socket.ts';
import { expectSound } from '../support/sound.ts';
import { storedKlines, tamperWithKlines } from '../support/stored-klines.ts';
import { TradingLoad } from '../support/trading-load.ts';
import { waitUntil } from '../support/wait-until.ts';

const IS_LONG = process.env.RINGBOOK_TEST_LONG === '1';
const ROUNDS = IS_LONG ? 40 : 4;
const CLIENTS = 6;
const SYMBOLS = ['btcusd', 'ethusd'];
const HOUR_MS = 3_600_000;
const TEN_MINUTES_MS = 600_000;
const PRELOADS = ['moved-clock', 'slept-host'].map((name) => new URL(`../support/preload/${name}.ts`, import.meta.url));
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

let folder: string;
let dataFolder: string;
let exchange: ExchangeProcess;
let socket: RawSocket;
let sleptMs = 0;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-slept-'));
  dataFolder = join(folder, 'data');
  sleptMs = 0;
  write('clock', 0);
  write('slept', 0);
  exchange = await ExchangeProcess.start(dataFolder, {
    NODE_OPTIONS: PRELOADS.map(({ href }) => `--import=${href}`).join(' '),
    RINGBOOK_TEST_CLOCK: join(folder, 'clock'),
    RINGBOOK_TEST_SLEPT: join(folder, 'slept'),
  });
  socket = await RawSocket.open(Number(new URL(exchange.sandbox.baseUrl).port), '/v2/marketdata');
  const symbols = SYMBOLS.map((symbol) => symbol.toUpperCase());
  socket.send({ type: 'subscribe', subscriptions: [{ name: 'candles_1m', symbols }] });
});
afterEach(async () => {
  socket.destroy();
  await exchange.kill();
  rmSync(folder, { recursive: true, force: true });
});

function write(name: 'clock' | 'slept', milliseconds: number): void {
  writeFileSync(join(folder, `${name}.new`), `${milliseconds}`);
  renameSync(join(folder, `${name}.new`), join(folder, name));
}

/** The process stands still for a moment, in which its host sleeps for so long. */
async function fallAsleep(milliseconds: number, stoppedMs: number): Promise<void> {
  exchange.freeze();
  await sleep(stoppedMs);
  sleptMs += milliseconds;
  write('slept', sleptMs);
  exchange.wake();
}

/** The beginning of the minute that it is now, for a host that has slept. */
const minuteMs = (): number => Math.floor((Date.now() + sleptMs) / MINUTE_MS) * MINUTE_MS;

/** The last state of each candle that a follower was told, oldest first. */
function followed(symbol: string): number[][] {
  const rows = new Map<number, number[]>();
  for (const text of socket.messages) {
    const { symbol: ofSymbol, changes = [] } = JSON.parse(text);
    if (ofSymbol === symbol.toUpperCase()) for (const row of changes) rows.set(row[0], row);
  }
  return [...rows.values()].sort((one, other) => one[0]! - other[0]!);
}

/** @returns candles whose last state a follower was not told when the next one began */
function notToldLast(symbol: string): number[] {
  const told = socket.messages.map((text) => JSON.parse(text)).filter((each) => each.symbol === symbol.toUpperCase());
  const opens: number[][] = told.map(({ changes = [] }) => changes.map(([openMs]: number[]) => openMs));
  const all = followed(symbol).map(([openMs]) => openMs!);
  return all.filter((openMs, index) => {
    const begins = opens.findIndex((each) => each.includes(all[index + 1]!));
    return begins >= 0 && !opens.slice(begins).some((each) => each.includes(openMs));
  });
}

async function followsUntil(openMs: number, when: string): Promise<void> {
  for (const symbol of SYMBOLS)
    await waitUntil(
      () => (followed(symbol).at(-1)?.[0] ?? 0) >= openMs,
      `candles of ${symbol} until ${new Date(openMs).toISOString()}, ${when}: ${exchange.output}`,
    );
}

async function tradesMore(when: string): Promise<void> {
  const { klinesSequence } = (await exchange.status()).events;
  await waitUntil(
    async () => (await exchange.status()).events.klinesSequence > klinesSequence + 100,
    `trades go on, ${when}`,
  );
}

function rebuild(isVerifyOnly: boolean) {
  return rebuildStopped({ dataFolder, fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, symbols: [], isVerifyOnly }, () => {});
}

test(`the clock is moved by an hour and the host sleeps for ten minutes, amid trades, ${ROUNDS} times: candles are those of a rebuild (SEED=${seed})`, {
  timeout: 180_000 + ROUNDS * 60_000,
}, async () => {
  const random = new RandomIntegers(seed);
  const load = new TradingLoad(exchange.sandbox.accounts, random);
  const running = load.run(exchange.sandbox.baseUrl, CLIENTS, 0);
  for (let round = 0; round < ROUNDS; round++) {
    const when = `round ${round} (SEED=${seed})`;
    await tradesMore(when);
    write('clock', random.oneOf([-HOUR_MS, 0, HOUR_MS]));
    await tradesMore(`after a moved clock, ${when}`);
    await fallAsleep(random.below(3) === 0 ? 0 : TEN_MINUTES_MS, random.between(50, 1_500));
    await followsUntil(minuteMs(), `after sleep, ${when}`);
  }
  await tradesMore(`after ${ROUNDS} rounds`);
  load.end();
  await running;
  // What has traded is told for the last time, then minutes in which nothing does: slept through, and in the long form awake.
  for (const step of [1, 2, 3]) {
    await fallAsleep(MINUTE_MS, 50);
    await followsUntil(minuteMs(), `a minute without trades, ${step}`);
  }
  if (IS_LONG) {
    const nextMs = minuteMs() + MINUTE_MS;
    await sleep(nextMs - Date.now() - sleptMs);
    await followsUntil(nextMs, 'a minute in which nothing happened');
  }
  const told = new Map(SYMBOLS.map((symbol) => [symbol, followed(symbol)]));
  for (const [symbol, rows] of told) {
    const answer = await fetch(`${exchange.sandbox.baseUrl}/v2/candles/${symbol}/1m`);
    const shown = ((await answer.json()) as number[][]).reverse();
    const from = shown.findIndex(([openMs]) => openMs === rows[0]![0]);
    expect(shown.slice(from, from + rows.length), `${symbol} by REST (SEED=${seed})`).toEqual(rows);
    expect(
      rows.slice(-3).map((row) => row[5]),
      'nothing was traded',
    ).toEqual([0, 0, 0]);
    expect(notToldLast(symbol), `${symbol} told no more once they had ended (SEED=${seed})`).toEqual([]);
  }
  expect(exchange.output).not.toContain('could not');
  expect(await exchange.stop()).toBe(0);

  expect(await rebuild(true)).toMatchObject({ ok: true, differing: 0 });
  const live = await storedKlines(dataFolder);
  await tamperWithKlines(dataFolder, 'DELETE FROM klines; DELETE FROM market_info');
  expect(await rebuild(false)).toMatchObject({ ok: true, corrected: live.length });
  const rebuilt = await storedKlines(dataFolder);
  expect(rebuilt.map((kline) => ({ ...kline, revision: 1 }))).toEqual(live.map((kline) => ({ ...kline, revision: 1 })));
  for (const [symbol, rows] of told) {
    const instrument = instrumentOf(symbol);
    const minutes = rebuilt.filter(
      ({ size, instrumentId }) => size === '1m' && instrumentId === instrument.instrumentId,
    );
    const filled = filledCandles(minutes, '1m', rows[0]![0]!, rows.at(-1)![0]! + MINUTE_MS);
    expect(rows, `${symbol} as it was followed (SEED=${seed})`).toEqual(
      filled.map((candle) => JSON.parse(candleJson(instrument, candle))),
    );
  }
  await expectSound(dataFolder, `after ${ROUNDS} rounds (SEED=${seed})`);
});
