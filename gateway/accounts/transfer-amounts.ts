import { type Asset, MAX_POOL_UNITS } from '../../core/money/asset.ts';
import { formatDecimal, tryParseDecimal } from '../../core/money/decimal.ts';

/**
 * Reads the amount of a transfer: 1 unit up to what all accounts together may hold.
 * @returns the units, or what is wrong with the text, in a sentence that says what it must be
 */
export function readTransferUnits(text: string, asset: Asset): bigint | string {
  const units = tryParseDecimal(text, asset.decimals);
  const most = formatDecimal(MAX_POOL_UNITS, asset.decimals);
  switch (units) {
    case 'NOT_DECIMAL':
      return 'must be digits with an optional point, without sign, exponent or blanks, such as "1.5"';
    case 'TOO_MANY_DIGITS':
      return `has too many digits: ${most} ${asset.code} is the most`;
    case 'TOO_MANY_DECIMALS':
      return `may have at most ${asset.decimals} decimals, since that is the scale of ${asset.code}`;
    default:
      if (units === 0n) return 'must be above zero';
      return units > MAX_POOL_UNITS ? `may be ${most} ${asset.code} at most` : units;
  }
}
