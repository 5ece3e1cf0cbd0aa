import { fail } from '../../core/assert.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import { decimalText, isAbsent, type JsonValue } from '../auth/payload.ts';
import { withinDeadline } from '../http/answer-deadline.ts';
import { jsonReply } from '../http/reply.ts';
import type { Order } from '../orders/order.ts';
import { type OrderActor, type OrderEntry, orderNotFound } from '../orders/order-entry.ts';
import type { OrderView } from '../orders/order-view.ts';
import { ApiError, echo, tryLater } from './errors.ts';
import { parseClientOrderId, parseOrder } from './order-fields.ts';
import { type OrderJson, orderJson } from './order-json.ts';
import type { PrivateEndpoint } from './router.ts';

export interface OrderRouteParts {
  readonly orderEntry: OrderEntry;
  readonly view: OrderView;
  readonly catalogue: Catalogue;
  readonly answerTimeoutMs: number;
}

const DIGITS = /^[0-9]+$/;

/** Placing, cancelling and asking for orders. */
export function orderRoutes({ orderEntry, view, catalogue, answerTimeoutMs }: OrderRouteParts): PrivateEndpoint[] {
  const json = (order: Order): OrderJson =>
    orderJson(order, catalogue.instrument(order.instrumentId) ?? fail(`no instrument ${order.instrumentId}`));
  const answered = (outcome: Promise<Order>, advice: string): Promise<Order> =>
    withinDeadline(outcome, answerTimeoutMs, () =>
      tryLater(`No answer after ${answerTimeoutMs} ms: the outcome is unknown, and the request stands; ${advice}`, 5),
    );

  return [
    {
      method: 'POST',
      pattern: '/v1/order/new',
      roles: ['trader'],
      async answer({ apiKey, fields, nonceDurable }) {
        const order = parseOrder(fields, catalogue);
        const placed = orderEntry.place(apiKey, order, nonceDurable);
        return jsonReply(json(await answered(placed, 'ask again with the same client_order_id')));
      },
    },
    {
      method: 'POST',
      pattern: '/v1/order/cancel',
      roles: ['trader'],
      async answer({ apiKey, fields, nonceDurable }) {
        const cancelled = orderEntry.cancel(apiKey, parseOrderId(fields.get('order_id')), nonceDurable);
        return jsonReply(json(await answered(cancelled, 'ask for the status of the order')));
      },
    },
    {
      method: 'POST',
      pattern: '/v1/order/status',
      roles: ['trader', 'auditor'],
      async answer({ apiKey, fields }) {
        const byClient = parseClientOrderId(fields.get('client_order_id'));
        const orderId = fields.get('order_id');
        if (byClient !== '' && !isAbsent(orderId))
          throw new ApiError('MissingOrderField', 'Give either order_id or client_order_id, not both');
        const found =
          byClient !== ''
            ? findByClientOrderId(orderEntry, view, apiKey, byClient)
            : findById(orderEntry, view, apiKey, parseOrderId(orderId));
        return jsonReply(json(await answered(found, 'ask again')));
      },
    },
    {
      method: 'POST',
      pattern: '/v1/orders',
      roles: ['trader', 'auditor'],
      answer: ({ apiKey }) => jsonReply(view.restingOrders(apiKey.accountId).map(json)),
    },
  ];
}

async function findById(entry: OrderEntry, view: OrderView, actor: OrderActor, orderId: number): Promise<Order> {
  await entry.inFlight.byOrderId(orderId)?.catch(() => {});
  const order = view.order(orderId);
  if (order === undefined || order.accountId !== actor.accountId) throw orderNotFound(orderId);
  return order;
}

async function findByClientOrderId(
  entry: OrderEntry,
  view: OrderView,
  actor: OrderActor,
  clientOrderId: string,
): Promise<Order> {
  await entry.inFlight.byClientOrderId(actor.keyId, clientOrderId)?.catch(() => {});
  const order = view.byClientOrderId(actor.keyId, clientOrderId);
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
