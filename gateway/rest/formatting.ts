import { formatDecimal } from '../../core/money/decimal.ts';
import { baseUnits, type Instrument } from '../../core/money/instrument.ts';

/** @returns the price, padded to the tick's decimals: `3633.00` */
export function formatPrice({ tickMantissa, tickScale }: Instrument, priceTicks: number): string {
  return formatDecimal(BigInt(priceTicks) * tickMantissa, tickScale, tickScale);
}

/** @returns the quantity in base, without padding: `5`, `0` */
export function formatQuantity(instrument: Instrument, quantityLots: number): string {
  return formatDecimal(baseUnits(instrument, quantityLots), instrument.base.decimals);
}

/** Decimals of an average beyond those of the tick. */
const AVERAGE_EXTRA_DECIMALS = 10;

/**
 * @param tickLots sum over all fills of ticks × lots
 * @param executedLots 0 before any fill
 * @returns the average price; exact, or rounded half up 10 decimals beyond the tick's; `0.00` before any fill
 */
export function formatAveragePrice(instrument: Instrument, tickLots: bigint, executedLots: number): string {
  if (executedLots === 0) return '0.00';
  const { tickMantissa, tickScale } = instrument;
  const lots = BigInt(executedLots);
  const scaled = tickLots * tickMantissa * 10n ** BigInt(AVERAGE_EXTRA_DECIMALS);
  return formatDecimal((2n * scaled + lots) / (2n * lots), tickScale + AVERAGE_EXTRA_DECIMALS, tickScale);
}

/** @returns digits after the point that a quantity of this instrument can have */
export function quantityDecimals({ base, lotUnits }: Instrument): number {
  const text = formatDecimal(lotUnits, base.decimals);
  return text.split('.')[1]?.length ?? 0;
}
