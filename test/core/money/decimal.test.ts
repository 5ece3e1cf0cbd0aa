import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDecimal, tryParseDecimal } from '../../../core/money/decimal.ts';

describe('decimal text becomes an exact integer', () => {
  test.each<[text: string, decimals: number, units: bigint]>([
    ['0', 0, 0n],
    ['0', 18, 0n],
    ['0.0', 2, 0n],
    ['1', 0, 1n],
    ['1', 8, 100_000_000n],
    ['0.00000001', 8, 1n],
    ['0.1', 1, 1n],
    ['63990.10', 2, 6_399_010n],
    ['63990.1', 2, 6_399_010n],
    ['1.00', 0, 1n], // zeros beyond the scale are no loss
    ['1.500000000000000000000000', 1, 15n],
    ['9007199254740993', 0, 9_007_199_254_740_993n], // 2^53 + 1: no double holds it
    ['0.9007199254740993', 16, 9_007_199_254_740_993n],
    ['92233720368547758.07', 2, 9_223_372_036_854_775_807n],
    ['123456789012345678901234567890', 0, 123_456_789_012_345_678_901_234_567_890n],
    ['0.3', 17, 30_000_000_000_000_000n], // 0.1 + 0.2 in doubles is another number
  ])('%s with %d decimals', (text, decimals, units) => {
    expect(tryParseDecimal(text, decimals)).toBe(units);
  });
});

describe('anything else is refused by name', () => {
  test.each([
    '',
    ' ',
    '.',
    '.5',
    '5.',
    '00',
    '007',
    '00.5',
    '-1',
    '-0',
    '+1',
    '1e3',
    '1E3',
    '1e-3',
    'NaN',
    'Infinity',
    '-Infinity',
    '0x10',
    '0b1',
    '1_000',
    '1,000',
    '1,5',
    ' 1',
    '1 ',
    '1\n',
    '\t1',
    '1.2.3',
    '1..2',
    '1.-2',
    '１', // full-width digit
    '١', // Arabic digit
    '1n',
    'null',
    'undefined',
    '1\u0000',
    '1.5e',
  ])('%j', (text) => {
    expect(tryParseDecimal(text, 18)).toBe('NOT_DECIMAL');
  });

  test.each([60, 61, 400, 100_000])('%d digits', (digits) => {
    const parsed = tryParseDecimal('9'.repeat(digits), 0);
    expect(parsed).toBe(digits <= 60 ? BigInt('9'.repeat(60)) : 'TOO_MANY_DIGITS');
  });

  test('400 digits after the point, zeros too', () => {
    expect(tryParseDecimal(`0.${'0'.repeat(400)}`, 18)).toBe('TOO_MANY_DIGITS');
  });

  test('one decimal more than the scale holds is an error, not a rounding', () => {
    expect(tryParseDecimal('0.123456789', 8)).toBe('TOO_MANY_DECIMALS');
    expect(tryParseDecimal('0.12345678', 8)).toBe(12_345_678n);
    expect(tryParseDecimal('1.1', 0)).toBe('TOO_MANY_DECIMALS');
    expect(tryParseDecimal('0.0000000001', 8)).toBe('TOO_MANY_DECIMALS');
  });
});

describe('an integer becomes decimal text', () => {
  test.each<[units: bigint, decimals: number, minimumDecimals: number, text: string]>([
    [0n, 0, 0, '0'],
    [0n, 8, 0, '0'],
    [0n, 8, 2, '0.00'],
    [5n, 0, 0, '5'],
    [500n, 2, 0, '5'],
    [500n, 2, 2, '5.00'],
    [510n, 2, 0, '5.1'],
    [1n, 8, 0, '0.00000001'],
    [-1n, 8, 0, '-0.00000001'],
    [-150n, 2, 0, '-1.5'],
    [9_223_372_036_854_775_807n, 10, 0, '922337203.6854775807'],
    [100n, 0, 0, '100'],
    [10n, 0, 2, '10.00'],
  ])('%s with %d decimals, at least %d shown', (units, decimals, minimumDecimals, text) => {
    expect(formatDecimal(units, decimals, minimumDecimals)).toBe(text);
  });
});

const scales = fc.integer({ min: 0, max: 18 });
const amounts = fc.bigInt({ min: 0n, max: 2n ** 100n });

describe('properties', () => {
  test('what is written is read back', () => {
    fc.assert(
      fc.property(amounts, scales, scales, (units, decimals, minimumDecimals) => {
        expect(tryParseDecimal(formatDecimal(units, decimals), decimals)).toBe(units);
        const padded = formatDecimal(units, decimals, minimumDecimals);
        expect(tryParseDecimal(padded, decimals)).toBe(units);
        expect(padded.split('.')[1]?.length ?? 0).toBeGreaterThanOrEqual(minimumDecimals);
      }),
    );
  });

  test('whole and fraction digits mean what integer arithmetic on them says', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 18 });
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 30n }), digits, scales, (whole, fraction, decimals) => {
        // The oracle: whole × 10^n + fraction in units of 10^-n, then brought to the scale, if it divides.
        const inFractionUnits = whole * 10n ** BigInt(fraction.length) + BigInt(fraction);
        const scaled = inFractionUnits * 10n ** BigInt(decimals);
        const divisor = 10n ** BigInt(fraction.length);
        const expected = scaled % divisor === 0n ? scaled / divisor : 'TOO_MANY_DECIMALS';
        expect(tryParseDecimal(`${whole}.${fraction}`, decimals)).toBe(expected);
      }),
    );
  });

  test('no text makes it throw, and only decimals are taken', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom(...'0123456789.+-eE _n') }),
      fc.double().map(String),
    );
    fc.assert(
      fc.property(texts, scales, (text, decimals) => {
        const parsed = tryParseDecimal(text, decimals);
        const isDecimal = /^\d+(\.\d+)?$/.test(text) && !/^0\d/.test(text);
        if (typeof parsed === 'bigint') expect(isDecimal && parsed >= 0n).toBe(true);
        else if (parsed === 'NOT_DECIMAL') expect(isDecimal).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });
});
