import { Catalogue } from '../../core/money/catalogue.ts';
import { defaultMarkets } from '../../core/money/default-markets.ts';
import type { Instrument } from '../../core/money/instrument.ts';

/** @returns the default markets, defined */
export function defaultCatalogue(): Catalogue {
  const catalogue = new Catalogue();
  const { assets, instruments } = defaultMarkets();
  for (const asset of assets) catalogue.putAsset(asset);
  for (const instrument of instruments) catalogue.putInstrument(instrument);
  return catalogue;
}

export function instrumentOf(symbol: string): Instrument {
  const instrument = defaultCatalogue().instrumentBySymbol(symbol);
  if (instrument === undefined) throw new Error(`no default instrument ${symbol}`);
  return instrument;
}
