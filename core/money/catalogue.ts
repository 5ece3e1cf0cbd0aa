import type { Asset } from './asset.ts';
import type { Instrument } from './instrument.ts';

/**
 * The assets and instruments that the journal has defined so far, by id and by name. Filled by whoever reads the
 * definition events; everyone else on that thread only looks things up.
 */
export class Catalogue {
  readonly #assetsById = new Map<number, Asset>();
  readonly #assetsByCode = new Map<string, Asset>();
  readonly #instrumentsById = new Map<number, Instrument>();
  readonly #instrumentsBySymbol = new Map<string, Instrument>();

  putAsset(asset: Asset): void {
    this.#assetsById.set(asset.assetId, asset);
    this.#assetsByCode.set(asset.code, asset);
  }

  putInstrument(instrument: Instrument): void {
    this.#instrumentsById.set(instrument.instrumentId, instrument);
    this.#instrumentsBySymbol.set(instrument.symbol, instrument);
  }

  asset(assetId: number): Asset | undefined {
    return this.#assetsById.get(assetId);
  }

  /** @param code upper case */
  assetByCode(code: string): Asset | undefined {
    return this.#assetsByCode.get(code);
  }

  instrument(instrumentId: number): Instrument | undefined {
    return this.#instrumentsById.get(instrumentId);
  }

  /** @param symbol lower case */
  instrumentBySymbol(symbol: string): Instrument | undefined {
    return this.#instrumentsBySymbol.get(symbol);
  }

  assets(): Asset[] {
    return [...this.#assetsById.values()];
  }

  instruments(): Instrument[] {
    return [...this.#instrumentsById.values()];
  }
}
