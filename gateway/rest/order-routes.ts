import { fail } from '../../core/assert.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import type { Instrument } from '../../core/money/instrument.ts';
import type { AccountTrade } from '../../core/ports/history.ts';
import type { CurrentHistory } from '../accounts/current-history.ts';
import { decimalText, isAbsent, type JsonValue, type PayloadFields } from '../auth/payload.ts';
import { jsonReply, jsonTextReply } from '../http/reply.ts';
import { isClosed, type Order } from '../orders/order.ts';
import { type OrderActor, orderNotFound } from '../orders/order-changes.ts';
import type { OrderEntry } from '../orders/order-entry.ts';
import type { OrderView } from '../orders/order-view.ts';
import type { PastOrders } from '../orders/past-orders.ts';
import type { ProtectionPrices } from '../orders/protection-prices.ts';
import { parseAmendment } from './amend-fields.ts';
import { ApiError, echo } from './errors.ts';
import { parseClientOrderId, parseOrder } from './order-fields.ts';
import { type OrderJson, orderJson } from './order-json.ts';
import { optionalInstrument } from './query-fields.ts';
import type { PrivateEndpoint } from './router.ts';
import { slicedJson } from './sliced-json.ts';
import type { Answered } from './unknown-outcome.ts';

export interface OrderRouteParts {
  readonly orderEntry: OrderEntry;
  readonly view: OrderView;
  readonly past: PastOrders;
  readonly history: CurrentHistory;
  readonly catalogue: Catalogue;
  readonly protection: ProtectionPrices;
  readonly answered: Answered;
}

const DIGITS = /^[0-9]+$/;

/** Placing, changing, cancelling and asking for orders. */
export function orderRoutes(parts: OrderRouteParts): PrivateEndpoint[] {
  const { orderEntry, view, history, catalogue, protection, answered } = parts;
  const instrumentOf = ({ instrumentId }: Order): Instrument =>
    catalogue.instrument(instrumentId) ?? fail(`no instrument ${instrumentId}`);
  const json = (order: Order, trades?: readonly AccountTrade[]): OrderJson =>
    orderJson(order, instrumentOf(order), trades);

  /** `symbol`, which leaves the orders of all others alone, is ours. */
  const massCancel = (pattern: string, which: 'account' | 'key'): PrivateEndpoint => ({
    method: 'POST',
    pattern,
    roles: ['trader'],
    async answer({ apiKey, fields, nonceDurable }) {
      const instrumentId = optionalInstrument(fields.get('symbol'), catalogue)?.instrumentId ?? 0;
      const scope = { keyId: which === 'key' ? apiKey.keyId : 0, instrumentId };
      const cancelled = orderEntry.changes.cancelAll(apiKey, scope, nonceDurable);
      const orders = await answered(cancelled, 'ask for the open orders');
      const cancelledOrders = orders.map(({ orderId }) => orderId);
      return jsonReply({ result: 'ok', details: { cancelledOrders, cancelRejects: [] } });
    },
  });

  return [
    {
      method: 'POST',
      pattern: '/v1/order/new',
      roles: ['trader'],
      async answer({ apiKey, fields, nonceDurable }) {
        const order = parseOrder(fields, catalogue, protection);
        const placed = orderEntry.place(apiKey, order, nonceDurable);
        return jsonReply(json(await answered(placed, 'ask again with the same client_order_id')));
      },
    },
    {
      method: 'POST',
      pattern: '/v1/order/cancel',
      roles: ['trader'],
      async answer({ apiKey, fields, nonceDurable }) {
        const cancelled = orderEntry.changes.cancel(apiKey, parseOrderId(fields.get('order_id')), nonceDurable);
        return jsonReply(json(await answered(cancelled, 'ask for the status of the order')));
      },
    },
    {
      method: 'POST',
      pattern: '/v1/order/amend', // ours: this API has no such call
      roles: ['trader'],
      async answer({ apiKey, fields, nonceDurable }) {
        const order = await answered(findNamed(parts, apiKey, fields), 'ask for the status of the order');
        const amendment = parseAmendment(fields, order, instrumentOf(order));
        const amended = orderEntry.changes.amend(apiKey, order.orderId, amendment, nonceDurable);
        return jsonReply(json(await answered(amended, 'ask for the status of the order')));
      },
    },
    {
      method: 'POST',
      pattern: '/v1/order/status',
      roles: ['trader', 'auditor'],
      async answer({ apiKey, fields }) {
        const order = await answered(findNamed(parts, apiKey, fields), 'ask again');
        if (fields.get('include_trades') !== true) return jsonReply(json(order));
        const store = await history.of(apiKey.accountId);
        const trades = await store.tradesOfOrders([order.orderId]);
        return jsonReply(json(order, trades.get(order.orderId) ?? []));
      },
    },
    {
      method: 'POST',
      pattern: '/v1/orders',
      roles: ['trader', 'auditor'],
      async answer({ apiKey }) {
        const orders = view.restingOrders(apiKey.accountId);
        return jsonTextReply(await slicedJson(orders, (order) => (isClosed(order) ? undefined : json(order))));
      },
    },
    massCancel('/v1/order/cancel/all', 'account'),
    massCancel('/v1/order/cancel/session', 'key'),
  ];
}

/** By `order_id` or by `client_order_id`. @throws ApiError */
async function findNamed(parts: OrderRouteParts, actor: OrderActor, fields: PayloadFields): Promise<Order> {
  const byClient = parseClientOrderId(fields.get('client_order_id'));
  const orderId = fields.get('order_id');
  if (byClient === '') return findById(parts, actor, parseOrderId(orderId));
  if (isAbsent(orderId)) return findByClientOrderId(parts, actor, byClient);
  throw new ApiError('MissingOrderField', 'Give either order_id or client_order_id, not both');
}

async function findById(
  { orderEntry, view, past }: OrderRouteParts,
  actor: OrderActor,
  orderId: number,
): Promise<Order> {
  await orderEntry.inFlight.byOrderId(orderId)?.catch(() => {});
  const order = view.order(orderId) ?? (await past.order(actor.accountId, orderId));
  if (order === undefined || order.accountId !== actor.accountId) throw orderNotFound(orderId);
  return order;
}

async function findByClientOrderId(
  { orderEntry, view, past }: OrderRouteParts,
  actor: OrderActor,
  clientOrderId: string,
): Promise<Order> {
  await orderEntry.inFlight.byClientOrderId(actor.keyId, clientOrderId)?.catch(() => {});
  const order = view.byClientOrderId(actor.keyId, clientOrderId) ?? (await past.byClientOrderId(actor, clientOrderId));
  if (order === undefined) throw orderNotFound(`with client_order_id ${echo(clientOrderId)}`);
  return order;
}

/** @returns an id below 2^53. @throws ApiError when it is missing or can't be any order's */
function parseOrderId(value: JsonValue | undefined): number {
  if (isAbsent(value)) throw new ApiError('MissingOrderField', 'Must provide the field order_id');
  const text = decimalText(value) ?? '';
  if (!DIGITS.test(text)) throw new ApiError('MissingOrderField', 'order_id must be a whole number, or its digits');
  const orderId = Number(text);
  if (!Number.isSafeInteger(orderId)) throw orderNotFound(echo(text));
  return orderId;
}
