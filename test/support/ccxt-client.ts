import ccxt from 'ccxt';

/**
 * The client as it is shipped: only its addresses are ours.
 * @param rateLimitMs between calls: its nonces are milliseconds and must rise. (As shipped its bucket lets two through at once
 * after it has stood still for a while.)
 */
export function ccxtClient(
  baseUrl: string,
  account: { readonly key: string; readonly secret: string },
  rateLimitMs = 2,
) {
  const rest = { public: baseUrl, private: baseUrl, web: baseUrl, webExchange: baseUrl };
  const api = { ...rest, ws: baseUrl.replace('http', 'ws') };
  const tokenBucket = { capacity: 0 };
  const { key: apiKey, secret } = account;
  return new ccxt.pro.gemini({ apiKey, secret, rateLimit: rateLimitMs, tokenBucket, urls: { api } });
}

export type CcxtClient = ReturnType<typeof ccxtClient>;
