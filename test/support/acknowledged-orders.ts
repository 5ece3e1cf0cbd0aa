import { expect } from 'vitest';
import { signedPost } from './signed-client.ts';
import type { SentOrder } from './trading-load.ts';

/**
 * By its id and by its client order id, each acknowledged order is there, once, with the fields it was sent with.
 * @param when for the message of a failure, seed included
 * @param kinds of the load: amendments and self-trades change an order's total
 */
export async function expectAcknowledgedOnce(
  baseUrl: string,
  orders: readonly SentOrder[],
  when: string,
  kinds: 'limit' | 'all' = 'limit',
): Promise<void> {
  const acknowledged = orders.filter((order) => typeof order.orderId === 'string');
  expect(new Set(acknowledged.map((order) => order.orderId)).size).toBe(acknowledged.length);
  for (const { credentials, fields, orderId } of acknowledged) {
    const byId = await signedPost(baseUrl, credentials, '/v1/order/status', { order_id: orderId });
    expect(byId, `order ${orderId}, ${when}`).toMatchObject({
      status: 200,
      body: { order_id: orderId, client_order_id: fields.client_order_id, side: fields.side, symbol: fields.symbol },
    });
    const retried = await signedPost(baseUrl, credentials, '/v1/order/new', fields);
    expect(retried.body.order_id, `retry of order ${orderId}, ${when}`).toBe(orderId);
    if (kinds === 'all') continue;
    const { executed_amount: executed, remaining_amount: remaining, original_amount: original } = byId.body;
    expect(toUnits(executed) + toUnits(remaining)).toBe(toUnits(original));
  }
}

function toUnits(amount: string): bigint {
  const [whole, fraction = ''] = amount.split('.');
  return BigInt(whole + fraction.padEnd(8, '0'));
}
