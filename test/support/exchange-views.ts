import type { ExchangeProcess } from './exchange-process.ts';
import { type Credentials, signedPost } from './signed-client.ts';

/** What is asked for order by order: an order of the past by its id, by its client order id, and with its trades. */
export interface AskedOrder {
  readonly credentials: Credentials;
  readonly orderId: string;
  readonly clientOrderId: string;
}

/** Everything that clients can see of an exchange at rest, but for what tells the time of asking. */
export async function readViews(
  exchange: ExchangeProcess,
  symbols: readonly string[],
  orders: readonly AskedOrder[],
): Promise<Record<string, unknown>> {
  const { baseUrl, accounts } = exchange.sandbox;
  const views: Record<string, unknown> = {};
  const get = async (path: string): Promise<void> => {
    views[path] = withoutNow(await (await fetch(baseUrl + path)).json());
  };
  const post = async (credentials: Credentials, path: string, fields: object = {}): Promise<void> => {
    const { body } = await signedPost(baseUrl, credentials, path, fields);
    views[`${path} ${JSON.stringify(fields)} of ${credentials.key}`] = body;
  };
  for (const path of ['/v1/symbols', '/v1/symbols/details/all', '/v1/pricefeed']) await get(path);
  for (const symbol of symbols) {
    await get(`/v1/book/${symbol}?limit_bids=0&limit_asks=0`);
    await get(`/v1/trades/${symbol}?limit_trades=500`);
    await get(`/v1/pubticker/${symbol}`);
    await get(`/v2/ticker/${symbol}`);
  }
  for (const account of accounts) {
    await post(account, '/v1/orders');
    await post(account, '/v1/balances');
    for (const symbol of symbols) {
      await post(account, '/v1/mytrades', { symbol, limit_trades: 500 });
      await post(account, '/v1/orders/history', { symbol, limit_orders: 500 });
    }
  }
  for (const { credentials, orderId, clientOrderId } of orders) {
    await post(credentials, '/v1/order/status', { order_id: orderId, include_trades: true });
    await post(credentials, '/v1/order/status', { client_order_id: clientOrderId });
  }
  return views;
}

/** The ticker carries the time of the answer. */
function withoutNow(body: unknown): unknown {
  const answer = body as { readonly volume?: { readonly timestamp?: number } };
  if (answer.volume?.timestamp === undefined) return body;
  const { timestamp: _timestamp, ...volume } = answer.volume;
  return { ...answer, volume };
}
