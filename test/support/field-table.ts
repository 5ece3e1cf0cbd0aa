import fc from 'fast-check';
import { SLOT_BYTES } from '../../core/protocol/record-window.ts';

export type FieldType = 'u8' | 'u16' | 'i32' | 'u32' | 'f64' | 'i64';

/** One field of a record as the description of the format tells it; offsets are written out by hand. */
export type Field = readonly [name: string, offsetBytes: number, type: FieldType];

/** Any value that a field of the type can hold. Numbers in doubles include what no sane writer sends. */
const VALUES: Readonly<Record<FieldType, fc.Arbitrary<number | bigint>>> = {
  u8: fc.integer({ min: 0, max: 255 }),
  u16: fc.integer({ min: 0, max: 65_535 }),
  i32: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  u32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  f64: fc.oneof(fc.maxSafeInteger(), fc.constantFrom(0, 1, 2 ** 53 - 1, Infinity), fc.double()),
  i64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
};

/** @returns objects with a random value for every field */
export function valuesOf<Values>(fields: readonly Field[]): fc.Arbitrary<Values> {
  return fc.record(Object.fromEntries(fields.map(([name, , type]) => [name, VALUES[type]]))) as fc.Arbitrary<Values>;
}

/** @returns the record's bytes: the fields at their offsets, zero everywhere else */
export function bytesOf(fields: readonly Field[], values: object, slots = 1): Uint8Array {
  const bytes = new Uint8Array(slots * SLOT_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [name, offset, type] of fields) {
    const value = (values as Readonly<Record<string, number | bigint>>)[name];
    if (value === undefined) throw new Error(`no value for ${name}`);
    if (type === 'u8') view.setUint8(offset, Number(value));
    else if (type === 'u16') view.setUint16(offset, Number(value), true);
    else if (type === 'i32') view.setInt32(offset, Number(value), true);
    else if (type === 'u32') view.setUint32(offset, Number(value), true);
    else if (type === 'f64') view.setFloat64(offset, Number(value), true);
    else view.setBigInt64(offset, BigInt(value), true);
  }
  return bytes;
}

/** Printable ASCII texts, with the lengths at which a client order id's layout changes. */
export const clientOrderIds: fc.Arbitrary<string> = fc
  .oneof(fc.constantFrom(0, 1, 30, 31, 32, 98, 99), fc.integer({ min: 0, max: 99 }))
  .chain((length) =>
    fc.string({
      unit: fc.integer({ min: 32, max: 126 }).map((code) => String.fromCharCode(code)),
      minLength: length,
      maxLength: length,
    }),
  );

/** Writes a client order id where NEW_ORDER and ACCEPTED keep it. @param bytes one slot, or two for a long id */
export function writeClientOrderId(bytes: Uint8Array, text: string, sequence: number): void {
  bytes[96] = text.length;
  bytes.set(Buffer.from(text.slice(0, 31), 'latin1'), 97);
  if (text.length <= 31) return;
  bytes[128] = 255;
  new DataView(bytes.buffer).setFloat64(128 + 8, sequence, true);
  bytes.set(Buffer.from(text.slice(31), 'latin1'), 128 + 16);
}
