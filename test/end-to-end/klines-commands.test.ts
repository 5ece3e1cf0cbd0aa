import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { klinesDatabasePath } from '../../workers/storage/klines-database.ts';
import { ExchangeProcess } from '../support/exchange-process.ts';
import { type CommandOutput, RingbookCommands } from '../support/ringbook-commands.ts';
import { signedPost } from '../support/signed-client.ts';
import { storedKlines, tamperWithKlines } from '../support/stored-klines.ts';

let folder: string;
let exchange: ExchangeProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-klines-'));
  exchange = await ExchangeProcess.start(folder);
  await pauseStandingJobs();
  for (const price of ['100.00', '104.50', '99.25', '101.00']) await trade('btcusd', '0.5', price);
  await trade('ethusd', '0.25', '20.00');
}, 120_000);
afterAll(async () => {
  await exchange.kill();
  rmSync(folder, { recursive: true, force: true });
});

/** They would put right what a test has changed before it is found. */
async function pauseStandingJobs(): Promise<void> {
  const jobs = (await exchange.admin('/jobs')) as { readonly id: string; readonly handler: string }[];
  const ours = jobs.filter(({ handler }) => handler.startsWith('klines.'));
  expect(ours).toHaveLength(5);
  for (const { id } of ours) await exchange.admin('/jobs/pause', { id });
}

async function trade(symbol: string, amount: string, price: string): Promise<void> {
  const { baseUrl, accounts } = exchange.sandbox;
  for (const [account, side] of [
    [accounts[0]!, 'sell'],
    [accounts[1]!, 'buy'],
  ] as const) {
    const order = { symbol, side, amount, price, type: 'exchange limit' };
    expect((await signedPost(baseUrl, account, '/v1/order/new', order)).status).toBe(200);
  }
  await fetch(`${baseUrl}/v2/candles/${symbol}/1m`); // the candles have it
}

/** In a zone of its own: times that are given and shown are UTC all the same. */
const commands = new RingbookCommands(() => folder, { TZ: 'America/New_York' });
const klines = (...words: string[]): Promise<CommandOutput> => commands.run('klines', ...words);

test('a running exchange proves its candles, names what was changed behind its back, and puts it right', {
  timeout: 300_000,
}, async () => {
  const right = await storedKlines(folder);
  expect(right.length, 'ten of each, and more where a minute ended amid the trades').toBeGreaterThanOrEqual(20);
  expect(await klines('rebuild', '--verify')).toMatchObject({
    code: 0,
    stdout: `${right.length} candles compared with their trades: all are what their trades say\n`,
  });

  await tamperWithKlines(
    folder,
    "UPDATE klines SET high_ticks = 20000 WHERE size = '1d' AND instrument_id = 1; DELETE FROM klines WHERE size = '1m' AND instrument_id = 2",
  );
  const verified = await klines('rebuild', '--verify', '--json');
  expect(verified.code).toBe(1);
  expect(JSON.parse(verified.stdout)).toMatchObject({
    ok: false,
    differing: 2,
    corrected: 0,
    differences: [
      { instrumentId: 1, size: '1d', problem: 'wrong', fields: { highTicks: ['20000', '10450'] } },
      { instrumentId: 2, size: '1m', problem: 'missing' },
    ],
  });
  expect(await klines('rebuild', '--from', '2020-01-01', '--to', '2020-01-02', '--verify')).toMatchObject({
    code: 0,
  });

  const rebuilt = await klines('rebuild');
  expect(rebuilt).toMatchObject({ code: 0, stdout: expect.stringContaining('2 put right') });
  const revised = right.map((kline) =>
    kline.size === '1d' && kline.instrumentId === 1 ? { ...kline, revision: 2 } : kline,
  );
  expect(await storedKlines(folder)).toEqual(revised);
  const { baseUrl } = exchange.sandbox;
  const candles = await (await fetch(`${baseUrl}/v2/candles/btcusd/1d`)).json();
  expect(candles).toMatchObject([[expect.any(Number), 100, 104.5, 99.25, 101, 2]]);
});

test('a trade after a rebuild goes on from what was put right', { timeout: 300_000 }, async () => {
  await tamperWithKlines(folder, "UPDATE klines SET lots = '1' WHERE size = '1M' AND instrument_id = 1");
  expect(await klines('rebuild', 'BTCUSD')).toMatchObject({ code: 0 });
  await trade('btcusd', '1', '103.00');
  const candles = await (await fetch(`${exchange.sandbox.baseUrl}/v2/candles/btcusd/1M`)).json();
  expect(candles).toMatchObject([[expect.any(Number), 100, 104.5, 99.25, 103, 3]]);
  expect(await klines('rebuild', '--verify', 'btcusd')).toMatchObject({ code: 0 });
});

test('a chart is drawn', { timeout: 120_000 }, async () => {
  const out = join(folder, 'chart.svg');
  const drawn = await klines('chart', 'btcusd', '1d', '--out', out);
  expect(drawn).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[12] candles drawn: .*chart\.svg\n$/) });
  const svg = readFileSync(out, 'utf8');
  for (const text of [
    'BTC/USD, 1d candles',
    'time, UTC',
    'volume, BTC',
    'open 100.00',
    'high 104.50',
    'low 99.25',
    '103.00',
  ])
    expect(svg).toContain(text);
});

test.each([
  [['chart', 'nousd', '1h'], 'there are btcusd'],
  [['chart', 'btcusd', '2h'], '1m 5m 15m'],
  [['chart', 'xrpusd', '1h'], 'never traded'],
  [['rebuild', '--from', 'tomorrow'], 'UTC'],
  [['rebuild', '--from', '2026-01-02', '--to', '2026-01-01'], 'before --to'],
  [['rebuild', 'nousd'], 'there are btcusd'],
])('%j is refused, and it is said what there is', { timeout: 120_000 }, async (words, advice) => {
  expect(await klines(...words)).toMatchObject({ code: 1, stderr: expect.stringContaining(advice) });
});

test('a stopped exchange is proved as well; candles that are lost are made anew by a start', {
  timeout: 300_000,
}, async () => {
  expect(await exchange.stop()).toBe(0);
  const stored = await storedKlines(folder);
  expect(await klines('rebuild', '--verify')).toMatchObject({ code: 0 });
  await tamperWithKlines(folder, 'DELETE FROM klines WHERE instrument_id = 1');
  expect(await klines('rebuild', '--verify')).toMatchObject({ code: 1 });
  expect(await klines('rebuild')).toMatchObject({ code: 0, stdout: expect.stringContaining('put right') });
  for (const ending of ['', '-wal', '-shm']) rmSync(klinesDatabasePath(folder) + ending, { force: true });
  expect(await klines('rebuild')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('start the exchange once'),
  });
  exchange = await ExchangeProcess.start(folder);
  expect(await storedKlines(folder)).toEqual(stored.map((kline) => ({ ...kline, revision: 1 })));
});
