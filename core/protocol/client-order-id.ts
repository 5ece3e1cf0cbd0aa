import { fail } from '../assert.ts';
import * as kinds from './kinds.ts';
import type { RecordWindow } from './record-window.ts';
import * as recordWindow from './record-window.ts';

// Local names of constants are folded into the code; imported ones are loaded anew at every use.
const { CONTINUATION_KIND } = kinds;
const { SLOT_BYTES } = recordWindow;

/**
 * Where a client's own order id lies: in NEW_ORDER commands and ACCEPTED events only.
 *   96 u8 length in bytes, 0 … 99   97 … 127 the first 31 bytes, printable ASCII
 * Longer ids go on in one continuation slot: 0 u8 255   1 u8 zero ×7   8 f64 sequence of the record   16 … 83 the
 * other 68 bytes   84 … 127 zero.
 */
export const CLIENT_ORDER_ID = { LENGTH: 96, INLINE: 97, INLINE_BYTES: 31, CONTINUED: 16, MAX_BYTES: 99 } as const;

const CONTINUATION_SEQUENCE = 8;
const PRINTABLE_ASCII = /^[ -~]{1,99}$/;

/** @returns whether the text can travel as a client order id: 1 to 99 printable ASCII characters. */
export function isClientOrderId(text: string): boolean {
  return PRINTABLE_ASCII.test(text);
}

/** @returns slots that a record with a client order id of that length takes: 1 or 2. */
export function slotsForClientOrderId(lengthBytes: number): number {
  return lengthBytes > CLIENT_ORDER_ID.INLINE_BYTES ? 2 : 1;
}

/**
 * Writes a client order id. The record's slot must be cleared and filled before; the continuation slot is cleared here.
 * @param text empty for none
 * @param continuationOffsetBytes of the record's next slot; read only when the id needs it
 * @param sequence the record's own sequence
 */
export function encodeClientOrderId(
  window: RecordWindow,
  offsetBytes: number,
  continuationOffsetBytes: number,
  sequence: number,
  text: string,
): void {
  const { u8 } = window;
  const length = text.length;
  if (length > CLIENT_ORDER_ID.MAX_BYTES) fail(`client order id of ${length} characters`);
  u8[offsetBytes + CLIENT_ORDER_ID.LENGTH] = length;
  const inline = Math.min(length, CLIENT_ORDER_ID.INLINE_BYTES);
  for (let at = 0; at < inline; at++) u8[offsetBytes + CLIENT_ORDER_ID.INLINE + at] = text.charCodeAt(at);
  if (length <= CLIENT_ORDER_ID.INLINE_BYTES) return;
  window.clearSlot(continuationOffsetBytes);
  u8[continuationOffsetBytes] = CONTINUATION_KIND;
  window.f64[(continuationOffsetBytes + CONTINUATION_SEQUENCE) >> 3] = sequence;
  for (let at = inline; at < length; at++)
    u8[continuationOffsetBytes + CLIENT_ORDER_ID.CONTINUED + at - inline] = text.charCodeAt(at);
}

/** @returns the id, or '' for none. The continuation slot is read only when the length asks for it. */
export function decodeClientOrderId(
  window: RecordWindow,
  offsetBytes: number,
  continuationOffsetBytes: number,
): string {
  const { u8 } = window;
  const length = u8[offsetBytes + CLIENT_ORDER_ID.LENGTH]!;
  if (length === 0) return '';
  if (length > CLIENT_ORDER_ID.MAX_BYTES) fail(`client order id of ${length} bytes in a record`);
  const inline = Math.min(length, CLIENT_ORDER_ID.INLINE_BYTES);
  const start = offsetBytes + CLIENT_ORDER_ID.INLINE;
  let text = String.fromCharCode(...u8.subarray(start, start + inline));
  if (length > inline) {
    if (u8[continuationOffsetBytes] !== CONTINUATION_KIND) fail('client order id without its continuation slot');
    const rest = continuationOffsetBytes + CLIENT_ORDER_ID.CONTINUED;
    text += String.fromCharCode(...u8.subarray(rest, rest + length - inline));
  }
  return text;
}

/**
 * Copies the client order id of a command into the ACCEPTED event that answers it, slots and all.
 * The bytes of the first slot are copied by the caller with the rest of the order's fields.
 */
export function copyContinuation(
  from: RecordWindow,
  fromOffsetBytes: number,
  to: RecordWindow,
  toOffsetBytes: number,
  sequence: number,
): void {
  const fromWord = fromOffsetBytes >> 2; // word by word: a view of the slot would be an object for each order
  const toWord = toOffsetBytes >> 2;
  for (let word = 0; word < SLOT_BYTES >> 2; word++) to.i32[toWord + word] = from.i32[fromWord + word]!;
  to.f64[(toOffsetBytes + CONTINUATION_SEQUENCE) >> 3] = sequence;
}

/** @returns slots of the record that begins here, by its kind and client order id length. */
export function recordSlots(window: RecordWindow, offsetBytes: number, carriesClientOrderId: boolean): number {
  return carriesClientOrderId ? slotsForClientOrderId(window.u8[offsetBytes + CLIENT_ORDER_ID.LENGTH]!) : 1;
}
