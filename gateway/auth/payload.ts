/**
 * The signed payload: base64 text of a JSON object. Its numbers keep their text, since nonces have up to 19 digits and
 * prices must not pass through a double.
 */

/** A number as it stood in the JSON text: `1760000000000000001`, `0.10`, `1e309`, `-0`. */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type JsonValue =
  | string
  | boolean
  | null
  | JsonNumber
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** Fields of the payload's top level, by name. A map: `__proto__` and its like are names as any other. */
export type PayloadFields = ReadonlyMap<string, JsonValue>;

type SourceReviver = (name: string, value: unknown, context: { readonly source?: string }) => unknown;

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const UTF8 = new TextDecoder('utf-8', { fatal: true });

const keepNumberText: SourceReviver = (_name, value, context) =>
  typeof value === 'number' ? new JsonNumber(context.source!) : value;

/** @returns the fields, or in a few words what is wrong with the text. Throws nothing, however deep or odd it is. */
export function tryParsePayload(base64: string): PayloadFields | string {
  if (!BASE64.test(base64) || base64.length % 4 !== 0) return 'the payload is not base64 (standard alphabet, padded)';
  try {
    const json = UTF8.decode(Buffer.from(base64, 'base64'));
    const parsed = JSON.parse(json, keepNumberText as (name: string, value: unknown) => unknown) as JsonValue;
    if (!isJsonObject(parsed)) return 'the payload is not a JSON object';
    return new Map(Object.entries(parsed));
  } catch {
    return 'the payload is not valid JSON in UTF-8'; // or nested so deep that no parser takes it
  }
}

/** @returns the text of a decimal given as a string or as a number, or undefined for any other kind of value */
export function decimalText(value: JsonValue | undefined): string | undefined {
  if (typeof value === 'string') return value;
  return value instanceof JsonNumber ? value.text : undefined;
}

/** @returns whether a field was left out: absent, null or an empty text */
export function isAbsent(value: JsonValue | undefined): value is undefined | null | '' {
  return value === undefined || value === null || value === '';
}

function isJsonObject(value: JsonValue): value is { readonly [name: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber);
}
