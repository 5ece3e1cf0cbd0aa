import { SLOT_BYTES } from '../../core/protocol/record-window.ts';

/**
 * A record written down by hand: hexadecimal rows of 32 bytes, blanks anywhere.
 * @returns the bytes, with zeros up to the end of the last slot
 */
export function record(...rows: readonly string[]): Uint8Array {
  const written = Buffer.from(rows.join('').replaceAll(' ', ''), 'hex');
  const bytes = new Uint8Array(Math.ceil(written.length / SLOT_BYTES) * SLOT_BYTES);
  bytes.set(written);
  return bytes;
}
