/**
 * Exact decimal text <-> integers. A decimal is digits with an optional point: no sign, no exponent, no blanks, no
 * leading point, no bare trailing point. `007` is refused too: one number, one text, so that a retry compares equal.
 */

/** What parsing found wrong, in the order of the checks. */
export type DecimalProblem = 'NOT_DECIMAL' | 'TOO_MANY_DIGITS' | 'TOO_MANY_DECIMALS';

const DECIMAL = /^(0|[1-9][0-9]*)(?:\.([0-9]+))?$/;
/** Longer text is refused before any arithmetic: a 400-digit number must not cost a BigInt. */
const MAX_DECIMAL_CHARACTERS = 60;

/**
 * Reads decimal text as an integer of 10^-`decimals`.
 * @param text for instance `63990.10`
 * @param decimals 0 … 18, digits after the point that the result can carry; zeros beyond them are no loss and pass
 * @returns the exact integer, 0 or more, or what is wrong with the text. Throws nothing.
 */
export function tryParseDecimal(text: string, decimals: number): bigint | DecimalProblem {
  if (text.length > MAX_DECIMAL_CHARACTERS) return 'TOO_MANY_DIGITS';
  const match = DECIMAL.exec(text);
  if (match === null) return 'NOT_DECIMAL';
  const fraction = (match[2] ?? '').replace(/0+$/, '');
  if (fraction.length > decimals) return 'TOO_MANY_DECIMALS';
  return BigInt(match[1] + fraction.padEnd(decimals, '0'));
}

/**
 * Writes an integer of 10^-`decimals` as decimal text.
 * @param units any sign; only reports show negative ones
 * @param minimumDecimals digits after the point that are always shown: 0 gives `5`, 2 gives `5.00`
 */
export function formatDecimal(units: bigint, decimals: number, minimumDecimals = 0): string {
  const sign = units < 0n ? '-' : '';
  const digits = (units < 0n ? -units : units).toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits
    .slice(digits.length - decimals)
    .replace(/0+$/, '')
    .padEnd(minimumDecimals, '0');
  return fraction === '' ? sign + whole : `${sign}${whole}.${fraction}`;
}
