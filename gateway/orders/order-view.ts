import { fail } from '../../core/assert.ts';
import type {
  AcceptedEvent,
  BookedEvent,
  CancelledEvent,
  ExchangeEvent,
  FilledEvent,
} from '../../core/protocol/event-decoder.ts';
import { NOT_RESTING } from '../../core/protocol/event-record.ts';
import { EventKind } from '../../core/protocol/kinds.ts';
import type { EventListener } from './event-reader.ts';
import { clientKey, type Order, repeatKey } from './order.ts';

type MutableOrder = { -readonly [Field in keyof Order]: Order[Field] };

/** What is only needed to forget an order again. */
interface Entry {
  readonly order: MutableOrder;
  readonly repeatKey: string; // '' without a client order id
}

/** Closed orders that can still be asked for. */
export const DEFAULT_CLOSED_ORDERS = 200_000;
/** How long a client order id stands for the same order. */
const REPEAT_WINDOW_MS = 24 * 60 * 60 * 1_000;

/**
 * Every live order and the newest closed ones, from events alone: a restart that replays them has the same view.
 * Orders that the core refused are never in it.
 */
export class OrderView implements EventListener {
  readonly #entries = new Map<number, Entry>(); // by order id
  readonly #restingByAccount = new Map<number, Set<Order>>(); // oldest first
  readonly #newestByClientKey = new Map<string, Order>();
  readonly #byRepeatKey = new Map<string, Order>();
  readonly #closed: number[] = []; // order ids, a circle once full
  readonly #closedCapacity: number;
  #oldestClosed = 0; // index into the full circle
  #restingCount = 0;

  constructor(closedCapacity: number = DEFAULT_CLOSED_ORDERS) {
    this.#closedCapacity = closedCapacity;
  }

  get restingCount(): number {
    return this.#restingCount;
  }

  order(orderId: number): Order | undefined {
    return this.#entries.get(orderId)?.order;
  }

  /** @returns the account's orders that rest in a book, oldest first */
  restingOrders(accountId: number): Order[] {
    return [...(this.#restingByAccount.get(accountId) ?? [])];
  }

  /** @returns the newest order that a key placed under this id of its own */
  byClientOrderId(keyId: number, clientOrderId: string): Order | undefined {
    return this.#newestByClientKey.get(clientKey(keyId, clientOrderId));
  }

  /**
   * @param key of repeatKey()
   * @returns the order that a request with these fields repeats, if one was accepted within 24 hours
   */
  repeatedOrder(key: string, nowMs: number): Order | undefined {
    const order = this.#byRepeatKey.get(key);
    return order !== undefined && nowMs - order.acceptedAtMs < REPEAT_WINDOW_MS ? order : undefined;
  }

  onEvent(event: ExchangeEvent): void {
    switch (event.kind) {
      case EventKind.ACCEPTED:
        this.#accept(event);
        break;
      case EventKind.BOOKED:
        this.#book(event);
        break;
      case EventKind.FILLED:
        this.#fill(event);
        break;
      case EventKind.CANCELLED:
        this.#cancel(event);
        break;
      default: // refusals and definitions change no order
    }
  }

  #accept(event: AcceptedEvent): void {
    const order: MutableOrder = {
      orderId: event.orderId,
      accountId: event.accountId,
      keyId: event.keyId,
      instrumentId: event.instrumentId,
      side: event.side,
      timeInForce: event.timeInForce,
      flags: event.flags,
      priceTicks: event.priceTicks,
      quantityLots: event.quantityLots,
      clientOrderId: event.clientOrderId,
      acceptedAtMs: event.timestampMs,
      status: 'ARRIVING',
      remainingLots: event.quantityLots,
      executedLots: 0,
      executedTickLots: 0n,
      cancelReason: null,
      slot: NOT_RESTING,
      generation: 0,
    };
    const key = order.clientOrderId === '' ? '' : repeatKey(event);
    this.#entries.set(order.orderId, { order, repeatKey: key });
    if (key === '') return;
    this.#byRepeatKey.set(key, order);
    this.#newestByClientKey.set(clientKey(order.keyId, order.clientOrderId), order);
  }

  #book(event: BookedEvent): void {
    const order = this.#live(event.orderId);
    order.status = 'RESTING';
    order.slot = event.slot;
    order.generation = event.generation;
    this.#restingCount += 1;
    const resting = this.#restingByAccount.get(order.accountId);
    if (resting === undefined) this.#restingByAccount.set(order.accountId, new Set([order]));
    else resting.add(order);
  }

  #fill(event: FilledEvent): void {
    this.#execute(this.#live(event.makerOrderId), event, event.makerRemainingLots);
    this.#execute(this.#live(event.takerOrderId), event, event.takerRemainingLots);
  }

  #execute(order: MutableOrder, fill: FilledEvent, remainingLots: number): void {
    order.executedLots += fill.quantityLots;
    order.executedTickLots += BigInt(fill.priceTicks) * BigInt(fill.quantityLots);
    order.remainingLots = remainingLots;
    if (order.executedLots + remainingLots !== order.quantityLots)
      fail(`order ${order.orderId}: ${order.executedLots} + ${remainingLots} lots of ${order.quantityLots}`);
    if (remainingLots === 0) this.#close(order, 'FILLED');
  }

  #cancel(event: CancelledEvent): void {
    const order = this.#live(event.orderId);
    order.cancelReason = event.reason;
    this.#close(order, 'CANCELLED');
  }

  #close(order: MutableOrder, status: 'FILLED' | 'CANCELLED'): void {
    if (order.status === 'RESTING') this.#leaveBook(order);
    order.status = status;
    if (this.#closed.length < this.#closedCapacity) {
      this.#closed.push(order.orderId);
      return;
    }
    this.#forget(this.#closed[this.#oldestClosed]!);
    this.#closed[this.#oldestClosed] = order.orderId;
    this.#oldestClosed = (this.#oldestClosed + 1) % this.#closedCapacity;
  }

  #leaveBook(order: Order): void {
    this.#restingCount -= 1;
    const resting = this.#restingByAccount.get(order.accountId)!;
    resting.delete(order);
    if (resting.size === 0) this.#restingByAccount.delete(order.accountId);
  }

  #forget(orderId: number): void {
    const { order, repeatKey: key } = this.#entries.get(orderId)!;
    this.#entries.delete(orderId);
    if (key === '') return;
    const newest = clientKey(order.keyId, order.clientOrderId);
    if (this.#newestByClientKey.get(newest) === order) this.#newestByClientKey.delete(newest);
    if (this.#byRepeatKey.get(key) === order) this.#byRepeatKey.delete(key);
  }

  #live(orderId: number): MutableOrder {
    const order = this.#entries.get(orderId)?.order;
    if (order === undefined) fail(`an event names order ${orderId}, which was never accepted`);
    if (order.status === 'FILLED' || order.status === 'CANCELLED') fail(`an event changes closed order ${orderId}`);
    return order;
  }
}
