import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tryParseNonce } from '../../../gateway/auth/nonce.ts';
import { tryParsePayload } from '../../../gateway/auth/payload.ts';

/** @param json the nonce as it stands in the payload's text */
function nonceOf(json: string) {
  const fields = tryParsePayload(Buffer.from(`{"nonce": ${json}}`).toString('base64'));
  if (typeof fields === 'string') return fields;
  return tryParseNonce(fields.get('nonce'));
}

test.each([
  ['1760000000123', 1760000000123_000000000n],
  ['"1760000000123"', 1760000000123_000000000n],
  ['1760000000', 1760000000_000000000n],
  ['1760000000.5', 1760000000_500000000n],
  ['1760000000.1234567', 1760000000_123456700n],
  ['"1760000000.000000001"', 1760000000_000000001n],
  ['1760000000000000001', 1760000000000000001_000000000n], // a double would say …000
  ['1760000000000000002', 1760000000000000002_000000000n],
  ['9999999999999999999', 9999999999999999999_000000000n],
  ['0', 0n],
  ['"007"', 7_000000000n],
])('nonce %s is read exactly', (json, expected) => {
  expect(nonceOf(json)).toBe(expected);
});

test.each(['""', 'null'])('nonce %s is missing', (json) => {
  expect(nonceOf(json)).toBe('MISSING');
});

test.each([
  '-1',
  '-0',
  '1e3',
  '1E+21',
  '1e309',
  '"1e3"',
  '"+5"',
  '" 5"',
  '"0x10"',
  '"5."',
  '".5"',
  '99999999999999999999', // 20 digits
  '1.0000000001', // 10 decimals
  `${'9'.repeat(400)}`,
  'true',
  '[1]',
  '{"__proto__": 1}',
  '"NaN"',
  '"١٢"',
])('nonce %s is refused', (json) => {
  expect(nonceOf(json)).toBe('MALFORMED');
});

test('number and text of the same digits are the same nonce, and order is kept to the last digit', () => {
  const digits = fc.tuple(fc.bigInt(0n, 10n ** 19n - 1n), fc.bigInt(0n, 10n ** 9n - 1n));
  const text = ([whole, nanos]: [bigint, bigint]) => `${whole}.${nanos.toString().padStart(9, '0')}`;
  fc.assert(
    fc.property(digits, digits, (left, right) => {
      const [first, second] = [nonceOf(text(left)) as bigint, nonceOf(`"${text(right)}"`) as bigint];
      expect(nonceOf(`"${text(left)}"`)).toBe(first);
      const byDigits = left[0] === right[0] ? left[1] < right[1] : left[0] < right[0];
      expect(first < second).toBe(byDigits);
    }),
  );
});
