import { expect, test } from 'vitest';
import { JsonNumber, tryParsePayload } from '../../../gateway/auth/payload.ts';

const encode = (text: string | Buffer): string => Buffer.from(text as string).toString('base64');

test('numbers keep their text at any depth', () => {
  const fields = tryParsePayload(encode('{"a": 0.10, "b": [1e309, -0], "c": {"d": 12345678901234567890}}'));
  if (typeof fields === 'string') throw new Error(fields);
  expect(fields.get('a')).toEqual(new JsonNumber('0.10'));
  expect(fields.get('b')).toEqual([new JsonNumber('1e309'), new JsonNumber('-0')]);
  expect(fields.get('c')).toEqual({ d: new JsonNumber('12345678901234567890') });
});

test('names of the object prototype are names as any other', () => {
  const fields = tryParsePayload(encode('{"__proto__": {"nonce": 1}, "constructor": "x"}'));
  if (typeof fields === 'string') throw new Error(fields);
  expect(fields.get('nonce')).toBeUndefined();
  expect(fields.get('toString')).toBeUndefined();
  expect(fields.get('constructor')).toBe('x');
  expect(({} as { nonce?: unknown }).nonce).toBeUndefined();
});

test.each([
  ['not base64', '{"a":1}'],
  ['no padding', encode('{"a":12}').replace(/=+$/, '')],
  ['the URL alphabet', encode('{"a":"???>>>"}').replaceAll('/', '_').replaceAll('+', '-')],
  ['cut JSON', encode('{"a":')],
  ['an array', encode('[]')],
  ['a text', encode('"request"')],
  ['a number', encode('5')],
  ['null', encode('null')],
  ['bad UTF-8', encode(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))],
  ['NaN', encode('{"a": NaN}')],
  ['arrays 100,000 deep', encode(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)],
  ['objects 100,000 deep', encode(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`)],
])('%s is refused in words', (_name, payload) => {
  expect(tryParsePayload(payload)).toEqual(expect.any(String));
});
