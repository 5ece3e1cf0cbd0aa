import { createHmac, timingSafeEqual } from 'node:crypto';

const SHA384_HEX = /^[0-9a-fA-F]{96}$/;

/**
 * Checks a request's signature: HMAC-SHA384 over the base64 text of the payload exactly as it came.
 * @param secret used as UTF-8 bytes
 * @param signature hexadecimal, either case
 * @returns whether it is right, in a time that does not depend on where it differs. Throws nothing.
 */
export function isSignatureValid(secret: string, payload: string, signature: string): boolean {
  if (!SHA384_HEX.test(signature)) return false;
  const expected = createHmac('sha384', secret).update(payload).digest();
  return timingSafeEqual(expected, Buffer.from(signature, 'hex'));
}
