import { describe, expect, test } from 'vitest';
import { type Asset, assetProblem } from '../../../core/money/asset.ts';
import { Catalogue } from '../../../core/money/catalogue.ts';
import { defaultMarkets } from '../../../core/money/default-markets.ts';

const USD: Asset = { assetId: 1, code: 'USD', decimals: 10 };

describe('an asset', () => {
  test.each<Partial<Asset>>([
    {},
    { assetId: 65_535 },
    { decimals: 0 },
    { decimals: 18 },
    { code: 'AB' },
    { code: 'A23456789012' },
  ])('%j is fine', (change) => {
    expect(assetProblem({ ...USD, ...change })).toBeNull();
  });

  test.each<[Partial<Asset>, string]>([
    [{ assetId: 0 }, 'assetId 0'],
    [{ assetId: 65_536 }, 'assetId 65536'],
    [{ assetId: 1.5 }, 'assetId 1.5'],
    [{ assetId: Number.NaN }, 'assetId NaN'],
    [{ decimals: -1 }, 'decimals -1'],
    [{ decimals: 19 }, 'decimals 19'],
    [{ decimals: 0.5 }, 'decimals 0.5'],
    [{ code: 'usd' }, '"usd"'],
    [{ code: 'A' }, '"A"'],
    [{ code: '1INCH' }, '"1INCH"'],
    [{ code: 'A234567890123' }, '"A234567890123"'],
    [{ code: 'US D' }, '"US D"'],
    [{ code: '' }, '""'],
  ])('%j is refused with its value', (change, named) => {
    expect(assetProblem({ ...USD, ...change })).toContain(named);
  });
});

test('a catalogue finds what was put into it by id and by name, and nothing else', () => {
  const catalogue = new Catalogue();
  const { assets, instruments } = defaultMarkets();
  for (const asset of assets) catalogue.putAsset(asset);
  for (const instrument of instruments) catalogue.putInstrument(instrument);
  for (const asset of assets) {
    expect(assetProblem(asset)).toBeNull();
    expect(catalogue.asset(asset.assetId)).toBe(asset);
    expect(catalogue.assetByCode(asset.code)).toBe(asset);
  }
  for (const instrument of instruments) {
    expect(catalogue.instrument(instrument.instrumentId)).toBe(instrument);
    expect(catalogue.instrumentBySymbol(instrument.symbol)).toBe(instrument);
  }
  expect(catalogue.assets()).toEqual(assets);
  expect(catalogue.instruments()).toEqual(instruments);
  expect(catalogue.instrumentBySymbol('BTCUSD')).toBeUndefined();
  expect(catalogue.instrumentBySymbol('__proto__')).toBeUndefined();
  expect(catalogue.assetByCode('usd')).toBeUndefined();
  expect(catalogue.asset(0)).toBeUndefined();
});
