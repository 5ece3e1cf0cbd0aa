import { fail } from '../../core/assert.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import type { Instrument } from '../../core/money/instrument.ts';
import type { CancelledEvent, ExchangeEvent, FilledEvent } from '../../core/protocol/event-decoder.ts';
import { CancelReason, EventKind } from '../../core/protocol/kinds.ts';
import type { EventListener } from '../orders/event-reader.ts';
import type { Order } from '../orders/order.ts';
import type { OrderView } from '../orders/order-view.ts';
import { cancelReasonText, EXPIRED_TEXT } from '../rest/order-json.ts';
import {
  fillField,
  type OrderEventFields,
  type OrderEventType,
  orderFields,
  rejectedFields,
  rejectReasonText,
} from './order-event-json.ts';

/** One event of one order, ready for every socket that wants it. */
export interface OrderEvent {
  readonly type: OrderEventType;
  readonly symbol: string; // lower case
  readonly apiSession: string; // the key that the order was placed with
  readonly fields: OrderEventFields;
}

export interface OrderEventFollower {
  onOrderEvent(event: OrderEvent): void;
}

/** Tells the sockets of an account what happens to its orders. Comes after the order view in the reader's list. */
export class OrderEventHub implements EventListener {
  readonly #view: OrderView;
  readonly #catalogue: Catalogue;
  readonly #keyText: (keyId: number) => string;
  readonly #followers = new Map<number, Set<OrderEventFollower>>(); // by account id

  /** @param keyText the key of an id, '' when it is gone */
  constructor(view: OrderView, catalogue: Catalogue, keyText: (keyId: number) => string) {
    this.#view = view;
    this.#catalogue = catalogue;
    this.#keyText = keyText;
  }

  follow(follower: OrderEventFollower, accountId: number): void {
    const followers = this.#followers.get(accountId);
    if (followers === undefined) this.#followers.set(accountId, new Set([follower]));
    else followers.add(follower);
  }

  unfollow(follower: OrderEventFollower, accountId: number): void {
    const followers = this.#followers.get(accountId);
    followers?.delete(follower);
    if (followers?.size === 0) this.#followers.delete(accountId);
  }

  /** @returns the account's open orders, oldest first */
  initial(accountId: number): OrderEvent[] {
    return this.#view.restingOrders(accountId).map((order) => this.#event('initial', order, {}));
  }

  onEvent(event: ExchangeEvent): void {
    if (this.#followers.size === 0) return;
    switch (event.kind) {
      case EventKind.ACCEPTED:
        this.#tellOf('accepted', event.orderId, event, {});
        break;
      case EventKind.BOOKED:
      case EventKind.STOP_PLACED:
        this.#tellOf('booked', event.orderId, event, {});
        break;
      case EventKind.TRIGGERED:
        this.#tellOf('triggered', event.orderId, event, {});
        break;
      case EventKind.AMENDED:
        this.#tellOf('amended', event.orderId, event, { amend_command_id: `${event.commandId}` });
        break;
      case EventKind.AMEND_REJECTED:
        this.#tellOf('amend_rejected', event.orderId, event, {
          amend_command_id: `${event.commandId}`,
          reason: rejectReasonText(event.reason),
        });
        break;
      case EventKind.REDUCED:
        this.#tellOf('reduced', event.orderId, event, { reason: cancelReasonText(event.reason) });
        break;
      case EventKind.FILLED:
        this.#tellOfFill(event, event.makerOrderId, true);
        this.#tellOfFill(event, event.takerOrderId, false);
        break;
      case EventKind.CANCELLED:
        this.#tellOf('cancelled', event.orderId, event, cancelFields(event));
        this.#tellOf('closed', event.orderId, event, {});
        break;
      case EventKind.EXPIRED:
        this.#tellOf('cancelled', event.orderId, event, { reason: EXPIRED_TEXT });
        this.#tellOf('closed', event.orderId, event, {});
        break;
      case EventKind.CANCEL_REJECTED:
        this.#tellOf('cancel_rejected', event.orderId, event, {
          cancel_command_id: `${event.commandId}`,
          reason: 'OrderNotFound',
        });
        break;
      case EventKind.REJECTED: {
        const instrument = this.#catalogue.instrument(event.instrumentId);
        if (instrument === undefined) break; // of no market at all: only a gateway's bug can send it
        const apiSession = this.#keyText(event.keyId);
        const fields = { ...rejectedFields(event, instrument, apiSession), event_id: `${event.eventSequence}` };
        this.#tell(event.accountId, { type: 'rejected', symbol: instrument.symbol, apiSession, fields });
        break;
      }
      default: // nothing that this API has a word for
    }
  }

  #tellOfFill(event: FilledEvent, orderId: number, isMaker: boolean): void {
    const order = this.#followedOrder(orderId);
    if (order === undefined) return;
    const fill = fillField(event, this.#instrument(order), isMaker);
    this.#tellOf('fill', orderId, event, { fill });
    if (order.status === 'FILLED') this.#tellOf('closed', orderId, event, {});
  }

  #tellOf(type: OrderEventType, orderId: number, { eventSequence }: ExchangeEvent, extra: OrderEventFields): void {
    const order = this.#followedOrder(orderId);
    if (order === undefined) return;
    this.#tell(order.accountId, this.#event(type, order, { event_id: `${eventSequence}`, ...extra }));
  }

  /** @returns undefined when nobody follows its account, or when it is none of the view's */
  #followedOrder(orderId: number): Order | undefined {
    const order = this.#view.order(orderId);
    return order !== undefined && this.#followers.has(order.accountId) ? order : undefined;
  }

  #event(type: OrderEventType, order: Order, extra: OrderEventFields): OrderEvent {
    const instrument = this.#instrument(order);
    const apiSession = this.#keyText(order.keyId);
    const fields = { ...orderFields(order, instrument, apiSession), ...extra };
    return { type, symbol: instrument.symbol, apiSession, fields };
  }

  #tell(accountId: number, event: OrderEvent): void {
    for (const follower of [...(this.#followers.get(accountId) ?? [])]) follower.onOrderEvent(event);
  }

  #instrument(order: Order): Instrument {
    return this.#catalogue.instrument(order.instrumentId) ?? fail(`no instrument ${order.instrumentId}`);
  }
}

function cancelFields({ reason, commandId }: CancelledEvent): OrderEventFields {
  const isRequested = reason === CancelReason.REQUESTED || reason === CancelReason.MASS_CANCELLED;
  return {
    ...(isRequested ? { cancel_command_id: `${commandId}` } : {}),
    reason: cancelReasonText(reason),
  };
}
