import type { Asset } from '../../core/money/asset.ts';
import type { Instrument, InstrumentDefinition } from '../../core/money/instrument.ts';
import type { CommandHeader, InstrumentUpdateFields } from '../../core/protocol/command-encoder.ts';
import { CommandKind } from '../../core/protocol/kinds.ts';
import type { DefineAssetCommand, DefineInstrumentCommand } from './exchange-command.ts';
import type { RandomIntegers } from './random-integers.ts';

/** 12 and 10 decimals: room for the finest tick × lot of the streams' markets. */
export const STREAM_ASSETS = [
  { assetId: 1, code: 'USD', decimals: 12 },
  { assetId: 2, code: 'BTC', decimals: 10 },
  { assetId: 3, code: 'ETH', decimals: 8 },
] as const satisfies readonly Asset[];

export const RATES_PPM = [0, 1, 2_000, 4_000, 999_999, 1_000_000];

/**
 * Another minimum, maximum and price band, or an update that breaks one rule. Every second one takes the price band away,
 * so that much goes on trading.
 */
export function instrumentUpdate(
  random: RandomIntegers,
  { instrumentId, minQuantityLots, maxQuantityLots }: Instrument,
  priceTicks: number,
): InstrumentUpdateFields {
  const sound: InstrumentUpdateFields = {
    instrumentId,
    referencePriceTicks: random.onceIn(2) ? 0 : priceTicks,
    priceBandPpm: random.onceIn(2) ? 0 : random.oneOf([1, 1_000, 2_000, 100_000, 999_999, 1_000_000]),
    minQuantityLots: minQuantityLots + random.below(3),
    maxQuantityLots: random.onceIn(2) ? maxQuantityLots : Math.min(maxQuantityLots, minQuantityLots + 40),
    makerRatePpm: random.oneOf(RATES_PPM),
    takerRatePpm: random.oneOf(RATES_PPM),
  };
  const broken = random.oneOf<Partial<InstrumentUpdateFields>>([
    { instrumentId: random.oneOf([0, 4, 65_535]) },
    { referencePriceTicks: random.oneOf([-1, -(2 ** 31)]) },
    { priceBandPpm: random.oneOf([1_000_001, 2 ** 32 - 1]) },
    { makerRatePpm: 1_000_001 },
    { takerRatePpm: 1_000_001 },
    { minQuantityLots: random.oneOf([0, 0.5, 1.5, Number.NaN]) },
    { minQuantityLots: 5, maxQuantityLots: 4 },
    { maxQuantityLots: random.oneOf([2 ** 53, Infinity, 100.5]) },
  ]);
  return random.onceIn(5) ? { ...sound, ...broken } : sound;
}

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
      { ...fresh, assetId: this.#random.oneOf([0, 65_536, 2 ** 32 - 1]) },
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
