import type { NonceNanos } from '../../core/ports/keys.ts';
import { decimalText, isAbsent, type JsonValue } from './payload.ts';

const NONCE = /^([0-9]{1,19})(?:\.([0-9]{1,9}))?$/;
const DECIMALS = 9;

/**
 * Reads a nonce exactly: a number or the same digits as text, up to 19 digits and 9 decimals. Its unit is the client's
 * own affair: it only has to rise.
 * @returns 10^-9 of what was sent, 0 or more, or what is wrong. Exponents and signs are refused: they never name a time.
 */
export function tryParseNonce(field: JsonValue | undefined): NonceNanos | 'MISSING' | 'MALFORMED' {
  if (isAbsent(field)) return 'MISSING';
  const match = NONCE.exec(decimalText(field) ?? '');
  if (match === null) return 'MALFORMED';
  return BigInt(match[1]! + (match[2] ?? '').padEnd(DECIMALS, '0'));
}
