import { z } from 'zod';
import { tryParseDecimal } from '../../core/money/decimal.ts';
import { type Instrument, MAX_PRICE_TICKS } from '../../core/money/instrument.ts';
import type { InstrumentUpdateFields } from '../../core/protocol/command-encoder.ts';
import type { PriceBand } from '../market-data/instrument-states.ts';
import { formatPrice, formatQuantity } from '../rest/formatting.ts';
import { AdminError } from './admin-route.ts';

/** The band's centre is the last trade again. */
const LAST_TRADE = 'last';

const ppm = z.number().int().min(0).max(1_000_000);

/** What an operator may change of an instrument that is traded. What is left out stays as it is. */
export const INSTRUMENT_UPDATE = z.strictObject({
  symbol: z.string(),
  makerRatePpm: ppm.optional(), // of orders placed from now on, as is the next
  takerRatePpm: ppm.optional(),
  minimum: z.string().optional(), // base
  maximum: z.string().optional(),
  priceBandPpm: ppm.optional(), // 0 for none
  referencePrice: z.string().optional(), // a price, or "last"
});
export type InstrumentUpdate = z.infer<typeof INSTRUMENT_UPDATE>;

/**
 * @param instrument with its rules as they are now
 * @returns all rules as they will be
 * @throws AdminError naming field and rule
 */
export function updatedRules(
  update: InstrumentUpdate,
  instrument: Instrument,
  band: PriceBand,
): InstrumentUpdateFields {
  const { symbol, minimum, maximum, referencePrice, ...given } = update;
  if (Object.values({ minimum, maximum, referencePrice, ...given }).every((value) => value === undefined))
    throw new AdminError('InvalidInput', `${symbol}: name at least one thing to change`);
  const minQuantityLots = minimum === undefined ? instrument.minQuantityLots : lotsOf(minimum, 'minimum', instrument);
  const maxQuantityLots = maximum === undefined ? instrument.maxQuantityLots : lotsOf(maximum, 'maximum', instrument);
  if (minQuantityLots > maxQuantityLots)
    throw new AdminError(
      'InvalidInput',
      `${symbol}: the minimum ${formatQuantity(instrument, minQuantityLots)} would be above the maximum ${formatQuantity(instrument, maxQuantityLots)}`,
    );
  return {
    instrumentId: instrument.instrumentId,
    referencePriceTicks:
      referencePrice === undefined ? band.referencePriceTicks : referenceTicksOf(referencePrice, instrument),
    priceBandPpm: given.priceBandPpm ?? band.priceBandPpm,
    minQuantityLots,
    maxQuantityLots,
    makerRatePpm: given.makerRatePpm ?? instrument.makerRatePpm,
    takerRatePpm: given.takerRatePpm ?? instrument.takerRatePpm,
  };
}

/** @returns the centre of a price band, for people */
export function referencePriceText(instrument: Instrument, { referencePriceTicks }: PriceBand): string {
  return referencePriceTicks === 0 ? LAST_TRADE : formatPrice(instrument, referencePriceTicks);
}

function lotsOf(text: string, field: string, instrument: Instrument): number {
  const units = tryParseDecimal(text, instrument.base.decimals);
  const lots = typeof units === 'string' || units % instrument.lotUnits !== 0n ? 0n : units / instrument.lotUnits;
  if (lots >= 1n && lots <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(lots);
  throw new AdminError(
    'InvalidInput',
    `${field}: must be decimal text, a multiple of ${formatQuantity(instrument, 1)} above zero and at most 2^53 - 1 of them`,
  );
}

function referenceTicksOf(text: string, instrument: Instrument): number {
  if (text === LAST_TRADE) return 0;
  const mantissa = tryParseDecimal(text, instrument.tickScale);
  const { tickMantissa } = instrument;
  const ticks = typeof mantissa === 'string' || mantissa % tickMantissa !== 0n ? 0n : mantissa / tickMantissa;
  if (ticks >= 1n && ticks <= BigInt(MAX_PRICE_TICKS)) return Number(ticks);
  throw new AdminError(
    'InvalidInput',
    `referencePrice: must be "${LAST_TRADE}", or a multiple of ${formatPrice(instrument, 1)} up to ${formatPrice(instrument, MAX_PRICE_TICKS)}`,
  );
}
