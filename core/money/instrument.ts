import { type Asset, MAX_ASSET_DECIMALS } from './asset.ts';
import { formatDecimal } from './decimal.ts';

/** A record has sixteen bits for it. */
export const MAX_INSTRUMENT_ID = 0xffff;

/** Largest price in ticks: an Int32. */
export const MAX_PRICE_TICKS = 2 ** 31 - 1;
/** Largest quantity, and largest sum of quantities anywhere (a level, a depth), in lots: exact in a double. */
export const MAX_QUANTITY_LOTS = Number.MAX_SAFE_INTEGER;
/** One, in parts per million: the highest fee rate. */
export const PPM = 1_000_000;

/**
 * A market: quantities of `base` are traded at prices in `quote`. Tick, lot and decimals never change once defined;
 * minimum, maximum and fees may.
 */
export interface InstrumentDefinition {
  readonly instrumentId: number; // 1 … MAX_INSTRUMENT_ID
  readonly symbol: string; // lower case, `btcusd`, at most 20 characters
  readonly base: Asset;
  readonly quote: Asset;
  readonly tickMantissa: bigint; // tick size = tickMantissa / 10^tickScale quote per whole base; 0.01 is 1 and 2
  readonly tickScale: number; // 0 … 18
  readonly lotUnits: bigint; // lot size in base units, ≥ 1
  readonly minQuantityLots: number; // ≥ 1
  readonly maxQuantityLots: number; // ≤ 2^53 - 1
  readonly makerRatePpm: number; // 0 … 1_000_000
  readonly takerRatePpm: number; // 0 … 1_000_000
}

/** What of a definition may change while it is traded. */
export type InstrumentRules = Pick<
  InstrumentDefinition,
  'minQuantityLots' | 'maxQuantityLots' | 'makerRatePpm' | 'takerRatePpm'
>;

/** A definition that passed the exactness rule, with what follows from it. */
export interface Instrument extends InstrumentDefinition {
  /** Quote units of one lot at one tick, ≥ 1: notional = ticks × lots × this, exactly. */
  readonly quoteUnitsPerTickLot: bigint;
}

/** A definition of an asset or instrument that can't be traded exactly or at all. The message names what would work. */
export class InvalidDefinitionError extends Error {
  override readonly name = 'InvalidDefinitionError';
}

const SYMBOL = /^[a-z0-9]{4,20}$/;

/**
 * Checks a definition, above all the exactness rule: tick size × lot size is a whole number of quote units, so that
 * no trade ever rounds.
 * @throws InvalidDefinitionError, naming field, rule, value and, for the exactness rule, a scale that works
 */
export function defineInstrument(definition: InstrumentDefinition): Instrument {
  const { symbol, base, quote, tickMantissa, tickScale, lotUnits } = definition;
  const refuse = (problem: string): never => {
    throw new InvalidDefinitionError(`instrument ${symbol}: ${problem}`);
  };
  if (!SYMBOL.test(symbol)) refuse('a symbol is 4 to 20 lower-case letters and digits');
  if (!isIntegerWithin(definition.instrumentId, 1, MAX_INSTRUMENT_ID))
    refuse(`instrumentId must be within 1 … ${MAX_INSTRUMENT_ID}`);
  if (base.assetId === quote.assetId) refuse('base and quote are the same asset');
  if (tickMantissa < 1n) refuse('the tick size must be above zero');
  if (!isIntegerWithin(tickScale, 0, 18)) refuse('the tick size may have at most 18 decimals');
  if (lotUnits < 1n) refuse(`the lot size must be at least one unit of ${base.code} (10^-${base.decimals})`);
  if (!isIntegerWithin(definition.minQuantityLots, 1, MAX_QUANTITY_LOTS))
    refuse('the minimum must be at least one lot');
  if (!isIntegerWithin(definition.maxQuantityLots, definition.minQuantityLots, MAX_QUANTITY_LOTS))
    refuse('the maximum must lie between the minimum and 2^53 - 1 lots');
  if (!isIntegerWithin(definition.makerRatePpm, 0, PPM)) refuse('the maker rate must be within 0 … 1000000 ppm');
  if (!isIntegerWithin(definition.takerRatePpm, 0, PPM)) refuse('the taker rate must be within 0 … 1000000 ppm');

  const numerator = tickMantissa * lotUnits * 10n ** BigInt(quote.decimals);
  const denominator = 10n ** BigInt(tickScale + base.decimals);
  if (numerator % denominator !== 0n) {
    const missing = decimalsMissing(numerator, denominator);
    const largerLot = `a lot 10^${missing} times as large would work`;
    const finerQuote = quote.decimals + missing;
    refuse(
      `tick size ${formatDecimal(tickMantissa, tickScale)} × lot size ${formatDecimal(lotUnits, base.decimals)} is no whole ` +
        `number of ${quote.code} units (10^-${quote.decimals}); ` +
        (finerQuote <= MAX_ASSET_DECIMALS ? `${quote.code} with ${finerQuote} decimals, or ${largerLot}` : largerLot),
    );
  }
  return { ...definition, quoteUnitsPerTickLot: numerator / denominator };
}

/** Quote units of a trade. Exact; may pass 2^53, hence a BigInt and never on the matching path. */
export function notionalUnits(instrument: Instrument, priceTicks: number, quantityLots: number): bigint {
  return BigInt(priceTicks) * BigInt(quantityLots) * instrument.quoteUnitsPerTickLot;
}

/** Base units of a quantity. */
export function baseUnits(instrument: Instrument, quantityLots: number): bigint {
  return BigInt(quantityLots) * instrument.lotUnits;
}

function isIntegerWithin(value: number, minimum: number, maximum: number): boolean {
  return Number.isInteger(value) && value >= minimum && value <= maximum;
}

function decimalsMissing(numerator: bigint, denominator: bigint): number {
  let missing = 1;
  while ((numerator * 10n ** BigInt(missing)) % denominator !== 0n) missing += 1;
  return missing;
}
