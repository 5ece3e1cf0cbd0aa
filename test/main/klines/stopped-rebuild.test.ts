import { beforeEach, expect, test } from 'vitest';
import { rebuildStopped } from '../../../main/klines/stopped-rebuild.ts';
import { HistoryConsumer } from '../../../workers/history/history-consumer.ts';
import { HistoryDatabase } from '../../../workers/storage/history-database.ts';
import { KlinesDatabase } from '../../../workers/storage/klines-database.ts';
import { RandomIntegers } from '../../support/random-integers.ts';
import { storedKlines, tamperWithKlines } from '../../support/stored-klines.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { temporaryFolder } from '../../workers/temporary-folder.ts';
import { TradingFolder } from '../../workers/trading-folder.ts';

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const fatal = (error: Error): void => {
  throw error;
};

/** Of an exchange that died before its candles had any of the trades that its history has. */
let dataFolder: string;
beforeEach(async () => {
  dataFolder = temporaryFolder();
  const trading = await TradingFolder.open(dataFolder);
  const { partitionCount } = trading.exchange;
  const history = await HistoryDatabase.open(dataFolder, partitionCount, fatal);
  await (await KlinesDatabase.open(dataFolder, partitionCount, fatal)).close();
  const consumer = await HistoryConsumer.open(history, trading.catalogue);
  trading.feed.subscribe(consumer);
  trading.startSettlement();
  await trading.trade(new RandomIntegers(seed), 200);
  await waitUntil(
    async () => Math.max(...(await consumer.watermarks())) === trading.endSequence,
    'the history has all events',
  );
  await trading.abandon();
  await history.close();
});

const rebuild = (isVerifyOnly: boolean) =>
  rebuildStopped({ dataFolder, fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, symbols: [], isVerifyOnly }, () => undefined);

test(`to verify changes nothing, also where candles lack trades; a rebuild adds them (SEED=${seed})`, async () => {
  expect(await rebuild(true)).toMatchObject({ ok: true, corrected: 0 });
  expect(await storedKlines(dataFolder)).toEqual([]);
  expect(await rebuild(false)).toMatchObject({ ok: true });
  const klines = await storedKlines(dataFolder);
  expect(klines.length).toBeGreaterThan(0);
  expect(await rebuild(true)).toMatchObject({ ok: true, checked: klines.length, differing: 0 });
  await tamperWithKlines(dataFolder, "DELETE FROM klines WHERE size = '1d'");
  const tampered = await storedKlines(dataFolder);
  expect(await rebuild(true)).toMatchObject({ ok: false, corrected: 0 });
  expect(await storedKlines(dataFolder)).toEqual(tampered);
});

test(`a write that fails ends the rebuild with its reason, and leaves the folder free (SEED=${seed})`, async () => {
  await tamperWithKlines(
    dataFolder,
    "CREATE TRIGGER broken BEFORE INSERT ON klines BEGIN SELECT RAISE(ABORT, 'not today'); END",
  );
  await expect(rebuild(false)).rejects.toThrow('not today');
  await tamperWithKlines(dataFolder, 'DROP TRIGGER broken');
  expect(await rebuild(false)).toMatchObject({ ok: true });
});
