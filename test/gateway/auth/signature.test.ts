import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { isSignatureValid } from '../../../gateway/auth/signature.ts';

const SECRET = 'geheim-秘密';
const PAYLOAD = Buffer.from('{"request": "/v1/heartbeat", "nonce": 1}').toString('base64');
const SIGNATURE = createHmac('sha384', Buffer.from(SECRET, 'utf8')).update(PAYLOAD).digest('hex');

test('the right signature is valid in either case', () => {
  expect(isSignatureValid(SECRET, PAYLOAD, SIGNATURE)).toBe(true);
  expect(isSignatureValid(SECRET, PAYLOAD, SIGNATURE.toUpperCase())).toBe(true);
});

test('any other digit, length, payload or secret is not', () => {
  for (let at = 0; at < SIGNATURE.length; at++) {
    const other = SIGNATURE[at] === '0' ? '1' : '0';
    const changed = SIGNATURE.slice(0, at) + other + SIGNATURE.slice(at + 1);
    expect(isSignatureValid(SECRET, PAYLOAD, changed), `digit ${at}`).toBe(false);
  }
  expect(isSignatureValid(SECRET, PAYLOAD, '')).toBe(false);
  expect(isSignatureValid(SECRET, PAYLOAD, SIGNATURE.slice(2))).toBe(false);
  expect(isSignatureValid(SECRET, PAYLOAD, `${SIGNATURE}00`)).toBe(false);
  expect(isSignatureValid(SECRET, PAYLOAD, `zz${SIGNATURE.slice(2)}`)).toBe(false);
  expect(isSignatureValid(SECRET, `${PAYLOAD} `, SIGNATURE)).toBe(false);
  expect(isSignatureValid('other', PAYLOAD, SIGNATURE)).toBe(false);
});

test('SHA-256 of the same payload is not a signature', () => {
  const sha256 = createHmac('sha256', SECRET).update(PAYLOAD).digest('hex');
  expect(isSignatureValid(SECRET, PAYLOAD, sha256)).toBe(false);
});
