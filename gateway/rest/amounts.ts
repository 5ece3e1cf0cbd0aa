import { type DecimalProblem, tryParseDecimal } from '../../core/money/decimal.ts';
import { type Instrument, MAX_PRICE_TICKS } from '../../core/money/instrument.ts';
import { decimalText, isAbsent, type PayloadFields } from '../auth/payload.ts';
import { ApiError, echo, type Reason } from './errors.ts';
import { formatPrice, formatQuantity } from './formatting.ts';

/**
 * Decimal fields of a payload as ticks, lots and units: exact, read once. A number counts as the text it was sent as.
 * Each throws an ApiError that names field, rule and value.
 */

/** @returns lots, within the instrument's smallest and largest quantity */
export function parseQuantity(payload: PayloadFields, instrument: Instrument): number {
  const text = requiredDecimal(payload, 'amount', 'MissingQuantity');
  const refuse = (rule: string): never => {
    throw new ApiError(
      'InvalidQuantity',
      `Invalid quantity for symbol ${instrument.symbol.toUpperCase()}: ${echo(text)} (${rule})`,
    );
  };
  const units = tryParseDecimal(text, instrument.base.decimals);
  const lot = formatQuantity(instrument, 1);
  if (typeof units === 'string') return refuse(decimalRule(units, lot));
  if (units % instrument.lotUnits !== 0n) refuse(`must be a multiple of ${lot}`);
  const lots = units / instrument.lotUnits;
  if (lots < BigInt(instrument.minQuantityLots))
    refuse(`must be at least ${formatQuantity(instrument, instrument.minQuantityLots)}`);
  if (lots > BigInt(instrument.maxQuantityLots))
    refuse(`must be at most ${formatQuantity(instrument, instrument.maxQuantityLots)}`);
  return Number(lots);
}

/** @returns ticks, 1 … MAX_PRICE_TICKS */
export function parsePrice(payload: PayloadFields, instrument: Instrument): number {
  return parseTicks(payload, instrument, 'price', 'MissingPrice', 'InvalidPrice');
}

/** @returns ticks, 1 … MAX_PRICE_TICKS */
export function parseStopPrice(payload: PayloadFields, instrument: Instrument): number {
  return parseTicks(payload, instrument, 'stop_price', 'InvalidStopPrice', 'InvalidStopPrice');
}

/** @returns quote units, above zero */
export function parseTotalSpend(payload: PayloadFields, { symbol, quote }: Instrument): bigint {
  const text = requiredDecimal(payload, 'total_spend', 'MissingQuantity');
  const units = tryParseDecimal(text, quote.decimals);
  if (typeof units !== 'string' && units > 0n) return units;
  const rule =
    typeof units === 'string' ? decimalRule(units, `10^-${quote.decimals} ${quote.code}`) : 'must be above zero';
  throw new ApiError(
    'InvalidQuantity',
    `Invalid total_spend for symbol ${symbol.toUpperCase()}: ${echo(text)} (${rule})`,
  );
}

function parseTicks(
  payload: PayloadFields,
  instrument: Instrument,
  name: 'price' | 'stop_price',
  missing: Reason,
  invalid: Reason,
): number {
  const text = requiredDecimal(payload, name, missing);
  const refuse = (rule: string): never => {
    const what = name === 'price' ? 'price' : 'stop price';
    throw new ApiError(
      invalid,
      `Invalid ${what} for symbol ${instrument.symbol.toUpperCase()}: ${echo(text)} (${rule})`,
    );
  };
  const { tickMantissa, tickScale } = instrument;
  const mantissa = tryParseDecimal(text, tickScale);
  const tick = formatPrice(instrument, 1);
  if (typeof mantissa === 'string') return refuse(decimalRule(mantissa, tick));
  if (mantissa % tickMantissa !== 0n) refuse(`must be a multiple of ${tick}`);
  const ticks = mantissa / tickMantissa;
  if (ticks < 1n) refuse(`must be at least ${tick}`);
  if (ticks > BigInt(MAX_PRICE_TICKS)) refuse(`must be at most ${formatPrice(instrument, MAX_PRICE_TICKS)}`);
  return Number(ticks);
}

/** @returns the text to parse; of a value that is neither text nor number one that no decimal equals */
function requiredDecimal(payload: PayloadFields, name: string, missing: Reason): string {
  const value = payload.get(name);
  if (isAbsent(value)) throw new ApiError(missing, `Must provide the field ${name}`);
  return decimalText(value) ?? '(not a decimal)';
}

function decimalRule(problem: DecimalProblem, step: string): string {
  if (problem === 'TOO_MANY_DECIMALS') return `must be a multiple of ${step}`;
  if (problem === 'TOO_MANY_DIGITS') return 'has too many digits';
  return 'must be digits with an optional point, without sign or exponent';
}
