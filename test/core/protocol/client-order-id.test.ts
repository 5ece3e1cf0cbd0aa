import { describe, expect, test } from 'vitest';
import { InvariantError } from '../../../core/assert.ts';
import {
  decodeClientOrderId,
  encodeClientOrderId,
  isClientOrderId,
  slotsForClientOrderId,
} from '../../../core/protocol/client-order-id.ts';
import { RecordWindow, SLOT_BYTES } from '../../../core/protocol/record-window.ts';

const LENGTHS = [0, 1, 30, 31, 32, 98, 99];

describe('a client order id', () => {
  test.each(LENGTHS)('of %d characters comes back as it went in', (length) => {
    const text = Array.from({ length }, (_, at) => String.fromCharCode(32 + ((at * 7) % 95))).join('');
    const window = new RecordWindow(new ArrayBuffer(2 * SLOT_BYTES));
    encodeClientOrderId(window, SLOT_BYTES, 0, 77, text);
    expect(decodeClientOrderId(window, SLOT_BYTES, 0)).toBe(text);
    expect(slotsForClientOrderId(length)).toBe(length > 31 ? 2 : 1);
    expect(window.f64[1]).toBe(length > 31 ? 77 : 0); // the continuation names its record
  });

  test('of 100 characters is a fault of ours: the gateway refuses it before', () => {
    const window = new RecordWindow(new ArrayBuffer(2 * SLOT_BYTES));
    expect(() => encodeClientOrderId(window, 0, SLOT_BYTES, 1, 'x'.repeat(100))).toThrow(InvariantError);
  });

  test.each(['a', ' ', '~', 'x'.repeat(99), 'order-1 {"a":1}'])('may be %j', (text) => {
    expect(isClientOrderId(text)).toBe(true);
  });

  test.each(['', 'x'.repeat(100), 'tab\t', 'line\n', 'é', '\u007f', '\u0000', '😀', 'a\u2028'])(
    'may not be %j',
    (text) => {
      expect(isClientOrderId(text)).toBe(false);
    },
  );
});
