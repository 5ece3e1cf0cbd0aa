import type { Catalogue } from '../../core/money/catalogue.ts';
import type { Instrument } from '../../core/money/instrument.ts';
import { decimalText, isAbsent, type JsonValue } from '../auth/payload.ts';
import { ApiError, echo, type Reason } from './errors.ts';

const WHOLE_NUMBER = /^[0-9]{1,15}$/;
/** Seconds stay below this until the year 5138; milliseconds passed it in 1973. */
const FIRST_MILLISECONDS = 100_000_000_000;

/** @throws ApiError that lists what there is */
export function publicInstrument(catalogue: Catalogue, symbol: string): Instrument {
  const instrument = catalogue.instrumentBySymbol(symbol.toLowerCase());
  if (instrument !== undefined) return instrument;
  const known = catalogue
    .instruments()
    .map((each) => each.symbol)
    .join(', ');
  throw new ApiError('Bad Request', `Supplied value '${echo(symbol)}' is not a valid symbol; valid are: ${known}`);
}

/** @returns undefined when the payload names none. @throws ApiError */
export function optionalInstrument(value: JsonValue | undefined, catalogue: Catalogue): Instrument | undefined {
  if (isAbsent(value)) return undefined;
  const instrument = typeof value === 'string' ? catalogue.instrumentBySymbol(value.toLowerCase()) : undefined;
  if (instrument !== undefined) return instrument;
  const shown = typeof value === 'string' ? echo(value) : 'not a text';
  throw new ApiError('InvalidSymbol', `Invalid symbol: ${shown}; /v1/symbols lists all`);
}

/**
 * Reads a moment given in seconds or milliseconds, told apart by their size.
 * @returns milliseconds, or undefined when none was given
 * @throws ApiError with the reason
 */
export function optionalTimestampMs(text: string | undefined, name: string, reason: Reason): number | undefined {
  const value = optionalWholeNumber(text, name, reason);
  if (value === undefined) return undefined;
  return value < FIRST_MILLISECONDS ? value * 1_000 : value;
}

/** @returns 1 … `maximum`: more than that is cut, nothing given is the default. @throws ApiError with the reason */
export function rowLimit(
  text: string | undefined,
  name: string,
  { usual, maximum }: { readonly usual: number; readonly maximum: number },
  reason: Reason,
): number {
  const value = optionalWholeNumber(text, name, reason) ?? usual;
  if (value < 1) throw new ApiError(reason, `${name} must be at least 1`);
  return Math.min(value, maximum);
}

/** @returns undefined for nothing given. @throws ApiError with the reason */
export function optionalWholeNumber(text: string | undefined, name: string, reason: Reason): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (WHOLE_NUMBER.test(text)) return Number(text);
  throw new ApiError(reason, `${name} must be a whole number, not '${echo(text)}'`);
}

/** @returns the digits of a number, however the payload spells it; undefined for nothing; else what no number equals */
export function numberText(value: JsonValue | undefined): string | undefined {
  if (isAbsent(value)) return undefined;
  return decimalText(value) ?? '(not a number)';
}
