import type { Asset } from '../../core/money/asset.ts';
import type { Instrument, InstrumentDefinition } from '../../core/money/instrument.ts';
import type { CommandHeader } from '../../core/protocol/command-encoder.ts';
import { CommandKind } from '../../core/protocol/kinds.ts';
import type { DefineAssetCommand, DefineInstrumentCommand } from './exchange-command.ts';
import type { RandomIntegers } from './random-integers.ts';

/** 12 and 10 decimals: room for the finest tick × lot of the streams' markets. */
export const STREAM_ASSETS = [
  { assetId: 1, code: 'USD', decimals: 12 },
  { assetId: 2, code: 'BTC', decimals: 10 },
  { assetId: 3, code: 'ETH', decimals: 8 },
] as const satisfies readonly Asset[];

/**
 * Definitions of a command stream: all that trading needs at its start, later ones that are repeats or break one rule.
 * Never two rules at once: of a definition with two faults any one may be named.
 */
export class DefinitionStream {
  readonly #random: RandomIntegers;
  readonly #instruments: readonly Instrument[];
  readonly #maxInstruments: number; // above every defined id: that one stays free
  #defined = 0;
  #nextAssetId = 100;

  constructor(random: RandomIntegers, instruments: readonly Instrument[], maxInstruments: number) {
    this.#random = random;
    this.#instruments = instruments;
    this.#maxInstruments = maxInstruments;
  }

  /** @returns null once everything is defined */
  nextAtStart(header: () => CommandHeader): DefineAssetCommand | DefineInstrumentCommand | null {
    const index = this.#defined++;
    const asset = STREAM_ASSETS[index];
    if (asset !== undefined) return { kind: CommandKind.DEFINE_ASSET, header: header(), asset };
    const definition = this.#instruments[index - STREAM_ASSETS.length];
    return definition === undefined ? null : { kind: CommandKind.DEFINE_INSTRUMENT, header: header(), definition };
  }

  nextLater(header: () => CommandHeader): DefineAssetCommand | DefineInstrumentCommand {
    const random = this.#random;
    if (random.onceIn(2)) return { kind: CommandKind.DEFINE_ASSET, header: header(), asset: this.#asset() };
    return { kind: CommandKind.DEFINE_INSTRUMENT, header: header(), definition: this.#refusedInstrument() };
  }

  #asset(): Asset {
    const assetId = this.#nextAssetId++;
    const fresh: Asset = { assetId, code: `A${assetId}`, decimals: this.#random.below(19) };
    return this.#random.oneOf([
      fresh,
      STREAM_ASSETS[0],
      { ...fresh, code: STREAM_ASSETS[1].code },
      { ...fresh, assetId: STREAM_ASSETS[2].assetId },
    ]);
  }

  #refusedInstrument(): InstrumentDefinition {
    const known = this.#random.oneOf(this.#instruments);
    const free: InstrumentDefinition = { ...known, instrumentId: this.#maxInstruments, symbol: 'newusd' };
    return this.#random.oneOf<InstrumentDefinition>([
      known,
      { ...known, symbol: 'otherusd' },
      { ...free, symbol: known.symbol },
      { ...free, base: { assetId: 99, code: 'NONE', decimals: 8 } },
      { ...free, quote: { assetId: 99, code: 'NONE', decimals: 8 } },
      { ...free, instrumentId: 0 },
      { ...free, instrumentId: this.#maxInstruments + 1 },
      { ...free, instrumentId: 65_535 },
      { ...free, minQuantityLots: 0 },
      { ...free, minQuantityLots: 5, maxQuantityLots: 4 },
      { ...free, maxQuantityLots: 2 ** 53 },
    ]);
  }
}
