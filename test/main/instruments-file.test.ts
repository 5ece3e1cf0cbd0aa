import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Catalogue } from '../../core/money/catalogue.ts';
import { InstrumentsFileError, readMarkets, requireSameMarkets } from '../../main/instruments-file.ts';
import { ONE_MARKET_FILE } from '../support/one-market-file.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringbook-instruments-'));
  path = join(folder, 'instruments.json');
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function write(content: unknown): void {
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
}

function catalogueOf(content: unknown): Catalogue {
  write(content);
  const catalogue = new Catalogue();
  const { assets, instruments } = readMarkets(path);
  for (const asset of assets) catalogue.putAsset(asset);
  for (const instrument of instruments) catalogue.putInstrument(instrument);
  return catalogue;
}

function refusal(content: unknown): string {
  write(content);
  expect(() => readMarkets(path)).toThrow(InstrumentsFileError);
  try {
    readMarkets(path);
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}

const withInstrument = (change: object): object => ({
  ...ONE_MARKET_FILE,
  instruments: [{ ...ONE_MARKET_FILE.instruments[0], ...change }],
});

test('no file means the built-in markets', () => {
  expect(readMarkets(undefined).instruments.map(({ symbol }) => symbol)).toContain('btcusd');
});

test('a file defines exactly what it says', () => {
  const btceur = catalogueOf(ONE_MARKET_FILE).instrumentBySymbol('btceur');
  expect(btceur).toMatchObject({
    tickMantissa: 1n,
    tickScale: 2,
    lotUnits: 100n,
    minQuantityLots: 10,
    makerRatePpm: 1_000,
  });
  expect(btceur?.quoteUnitsPerTickLot).toBe(1n);
});

test.each<[string, unknown, RegExp]>([
  ['no JSON', '{', /can't be read as JSON/],
  ['a number for a tick', withInstrument({ tickSize: 0.01 }), /instruments\.0\.tickSize/],
  ['an exponent', withInstrument({ tickSize: '1e-2' }), /instruments\.0\.tickSize/],
  ['a name that does not exist', withInstrument({ tick: '0.01' }), /tick/],
  ['a lot finer than the asset', withInstrument({ lotSize: '0.000000001' }), /btceur: .*more digits/],
  ['a minimum off the lot', withInstrument({ minimum: '0.0000105' }), /btceur: the minimum/],
  ['a lot of zero', withInstrument({ lotSize: '0' }), /btceur: the minimum/],
  ['an inexact product', withInstrument({ tickSize: '0.001' }), /EUR with 9 decimals/],
  ['an unknown asset', withInstrument({ quote: 'USD' }), /asset USD is not among the assets/],
  ['a rate above one', withInstrument({ takerRatePpm: 1_000_001 }), /takerRatePpm/],
  [
    'an asset twice',
    { ...ONE_MARKET_FILE, assets: [...ONE_MARKET_FILE.assets, ONE_MARKET_FILE.assets[0]] },
    /asset EUR stands there twice/,
  ],
  [
    'an instrument twice',
    { ...ONE_MARKET_FILE, instruments: [...ONE_MARKET_FILE.instruments, ...ONE_MARKET_FILE.instruments] },
    /btceur stands there twice/,
  ],
])('%s is refused by name', (_name, content, message) => {
  expect(refusal(content)).toMatch(message);
  expect(refusal(content)).toContain(path);
});

test('a file that still says what the journal says is taken', () => {
  const catalogue = catalogueOf(ONE_MARKET_FILE);
  requireSameMarkets(path, readMarkets(path), catalogue);
});

test('an update is the operator’s: the file that seeded the exchange is still taken, one that follows it is not', () => {
  const catalogue = catalogueOf(ONE_MARKET_FILE);
  const btceur = catalogue.instrumentBySymbol('btceur')!;
  catalogue.updateInstrument(btceur.instrumentId, { ...btceur, makerRatePpm: 7, minQuantityLots: 20 });
  expect(catalogue.instrumentBySymbol('btceur')).toMatchObject({ makerRatePpm: 7, minQuantityLots: 20 });
  requireSameMarkets(path, readMarkets(path), catalogue);
  write(withInstrument({ makerRatePpm: 7 }));
  expect(() => requireSameMarkets(path, readMarkets(path), catalogue)).toThrow('makerRatePpm is 1000 here, not 7');
});

test.each<[string, object, RegExp]>([
  ['another tick', withInstrument({ tickSize: '0.1' }), /btceur: tickSize is 0\.01 here, not 0\.1/],
  ['another fee', withInstrument({ makerRatePpm: 0 }), /btceur: makerRatePpm is 1000 here, not 0/],
  [
    'another scale',
    { ...ONE_MARKET_FILE, assets: [{ code: 'EUR', decimals: 9 }, ONE_MARKET_FILE.assets[1]] },
    /asset EUR has 8 decimals here, not 9/,
  ],
  ['another name', withInstrument({ symbol: 'xbteur' }), /instrument xbteur is not defined/],
])('%s in a later file is refused by name', (_name, content, message) => {
  const catalogue = catalogueOf(ONE_MARKET_FILE);
  write(content);
  expect(() => requireSameMarkets(path, readMarkets(path), catalogue)).toThrow(message);
});
