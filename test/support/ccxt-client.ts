import ccxt from 'ccxt';

/**
 * The client as it is shipped: only its addresses are ours.
 * @param rateLimitMs between calls: its nonces are milliseconds and must rise
 */
export function ccxtClient(
  baseUrl: string,
  account: { readonly key: string; readonly secret: string },
  rateLimitMs = 2,
) {
  const rest = { public: baseUrl, private: baseUrl, web: baseUrl, webExchange: baseUrl };
  const api = { ...rest, ws: baseUrl.replace('http', 'ws') };
  return new ccxt.pro.gemini({ apiKey: account.key, secret: account.secret, rateLimit: rateLimitMs, urls: { api } });
}

export type CcxtClient = ReturnType<typeof ccxtClient>;
