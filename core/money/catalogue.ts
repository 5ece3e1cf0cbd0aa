import { fail } from '../assert.ts';
import type { Asset } from './asset.ts';
import { defineInstrument, type Instrument, type InstrumentRules } from './instrument.ts';

/**
 * The assets and instruments that the journal has defined so far, by id and by name, with the rules that hold now. Filled
 * by whoever reads the definition events; everyone else on that thread only looks things up.
 */
export class Catalogue {
  readonly #assetsById = new Map<number, Asset>();
  readonly #assetsByCode = new Map<string, Asset>();
  readonly #instrumentsById = new Map<number, Instrument>();
  readonly #instrumentsBySymbol = new Map<string, Instrument>();
  readonly #definitionsBySymbol = new Map<string, Instrument>(); // as they were before any update

  putAsset(asset: Asset): void {
    this.#assetsById.set(asset.assetId, asset);
    this.#assetsByCode.set(asset.code, asset);
  }

  /** An instrument as it is defined: once each. */
  putInstrument(instrument: Instrument): void {
    this.#definitionsBySymbol.set(instrument.symbol, instrument);
    this.#setInstrument(instrument);
  }

  /** From now on these rules hold; its steps stay for ever. @throws InvariantError for one that is not defined */
  updateInstrument(instrumentId: number, rules: InstrumentRules): void {
    const known = this.#instrumentsById.get(instrumentId);
    if (known === undefined) fail(`instrument ${instrumentId} is updated, but not defined`);
    const { minQuantityLots, maxQuantityLots, makerRatePpm, takerRatePpm } = rules;
    this.#setInstrument(defineInstrument({ ...known, minQuantityLots, maxQuantityLots, makerRatePpm, takerRatePpm }));
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

  /** @param symbol lower case @returns the instrument as it was before any update */
  firstDefinition(symbol: string): Instrument | undefined {
    return this.#definitionsBySymbol.get(symbol);
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

  #setInstrument(instrument: Instrument): void {
    this.#instrumentsById.set(instrument.instrumentId, instrument);
    this.#instrumentsBySymbol.set(instrument.symbol, instrument);
  }
}
