import { createHmac } from 'node:crypto';

export interface Credentials {
  readonly key: string;
  readonly secret: string;
}

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers are checked field by field where they are used
  readonly body: any;
}

let lastNonce = 0n;

/** @returns nanosecond nonces that rise within this process, whatever the wall clock does */
export function nextNonce(): string {
  const now = BigInt(Date.now()) * 1_000_000n;
  lastNonce = now > lastNonce ? now : lastNonce + 1n;
  return lastNonce.toString();
}

export function signedHeaders({ key, secret }: Credentials, payload: object): Record<string, string> {
  const encoded = Buffer.from(JSON.stringify(payload)).toString('base64');
  return {
    'Content-Type': 'text/plain',
    'X-GEMINI-APIKEY': key,
    'X-GEMINI-PAYLOAD': encoded,
    'X-GEMINI-SIGNATURE': createHmac('sha384', secret).update(encoded).digest('hex'),
  };
}

/** Sends one signed request. Rejects when no answer comes: the connection broke. */
export async function signedPost(
  baseUrl: string,
  credentials: Credentials,
  request: string,
  fields: object = {},
  nonce: string = nextNonce(),
): Promise<Answer> {
  const response = await fetch(baseUrl + request, {
    method: 'POST',
    headers: signedHeaders(credentials, { request, nonce, ...fields }),
  });
  return { status: response.status, body: await response.json() };
}
