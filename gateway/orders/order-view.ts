import { fail } from '../../core/assert.ts';
import {
  type AcceptedEvent,
  type AmendedEvent,
  type BookedEvent,
  type CancelledEvent,
  type ExchangeEvent,
  type FilledEvent,
  isByBudget,
  type ReducedEvent,
  type StopPlacedEvent,
} from '../../core/protocol/event-decoder.ts';
import { NOT_RESTING } from '../../core/protocol/event-record.ts';
import { EventKind } from '../../core/protocol/kinds.ts';
import { DEFAULT_CLOSED_ORDERS } from '../default-limits.ts';
import type { EventListener } from './event-reader.ts';
import { LargeMap } from './large-map.ts';
import { clientKey, isClosed, type Order, repeatKey } from './order.ts';

type MutableOrder = { -readonly [Field in keyof Order]: Order[Field] };

/** What is only needed to forget an order again. */
interface Entry {
  readonly order: MutableOrder;
  readonly repeatKey: string; // '' without a client order id
  closedSequence: number; // of the event that closed it; 0 while it lives
}

/** An order that lives at a snapshot, with what it is found by. */
export interface LiveOrder {
  readonly order: Order; // RESTING or WAITING
  readonly repeatKey: string; // '' without a client order id
  readonly isNewestOfClientOrderId: boolean; // its key placed none after it under the same id
}

/** How long a client order id stands for the same order. */
export const REPEAT_WINDOW_MS = 24 * 60 * 60 * 1_000;

/**
 * Every live order and the newest closed ones, from events: a restart that replays them has the same view. One that
 * begins at a snapshot has the same live orders, and knows that it has forgotten all that were closed before.
 * Orders that the core refused are never in it.
 */
export class OrderView implements EventListener {
  readonly #entries = new LargeMap<number, Entry>(); // by order id
  readonly #restingByAccount = new Map<number, LargeMap<number, Order>>(); // by order id
  readonly #newestByClientKey = new LargeMap<string, Order>();
  readonly #byRepeatKey = new LargeMap<string, Order>();
  readonly #closed: number[] = []; // order ids, a circle once full
  readonly #closedCapacity: number;
  #oldestClosed = 0; // index into the full circle
  #restingCount = 0;
  #newestForgottenMs = Number.NEGATIVE_INFINITY;
  #begunSequence = 0; // of the snapshot that it was primed with
  readonly #forgottenSequences = new Map<number, number>(); // by instrument: events that closed what was forgotten since

  constructor(closedCapacity: number = DEFAULT_CLOSED_ORDERS) {
    this.#closedCapacity = closedCapacity;
  }

  get restingCount(): number {
    return this.#restingCount;
  }

  order(orderId: number): Order | undefined {
    return this.#entries.get(orderId)?.order;
  }

  /** @returns the account's orders that rest in a book or wait as stops, oldest first */
  restingOrders(accountId: number): Order[] {
    const orders = [...(this.#restingByAccount.get(accountId)?.values() ?? [])];
    return orders.sort((one, other) => one.acceptedSequence - other.acceptedSequence); // one may rest again, at a new place
  }

  /** @returns every order that rests or waits, by account */
  *liveOrders(): Generator<Order> {
    for (const resting of this.#restingByAccount.values()) yield* resting.values();
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

  /** @returns whether an order accepted within the last 24 hours was forgotten: a repeat of it is not known here */
  mayHaveForgottenRepeat(nowMs: number): boolean {
    return nowMs - this.#newestForgottenMs < REPEAT_WINDOW_MS;
  }

  /**
   * @returns the event that whoever is asked for a forgotten order of the instrument must have got: then it knows them
   *   all, as they ended
   */
  forgottenSequence(instrumentId: number): number {
    return this.#forgottenSequences.get(instrumentId) ?? this.#begunSequence;
  }

  /**
   * Begins with the orders that live at a snapshot instead of with the first event.
   * @param orders in the order of their acceptance; they are the view's own from now on
   * @param snapshot its last event and time: orders that were closed before are not known here, however young they are
   */
  prime(orders: Iterable<LiveOrder>, snapshot: { readonly eventSequence: number; readonly timestampMs: number }): void {
    if (this.#entries.size > 0) fail('a view of orders is primed after it has seen some');
    for (const { order, repeatKey: key, isNewestOfClientOrderId } of orders) {
      this.#entries.set(order.orderId, { order, repeatKey: key, closedSequence: 0 });
      this.#addResting(order);
      if (key === '') continue;
      this.#byRepeatKey.set(key, order);
      if (isNewestOfClientOrderId) this.#newestByClientKey.set(clientKey(order.keyId, order.clientOrderId), order);
    }
    this.#newestForgottenMs = snapshot.timestampMs;
    this.#begunSequence = snapshot.eventSequence;
  }

  onEvent(event: ExchangeEvent): void {
    switch (event.kind) {
      case EventKind.ACCEPTED:
        this.#accept(event);
        break;
      case EventKind.BOOKED:
        this.#enter(event, 'RESTING');
        break;
      case EventKind.STOP_PLACED:
        this.#enter(event, 'WAITING');
        break;
      case EventKind.TRIGGERED:
        this.#leave(this.#live(event.orderId));
        break;
      case EventKind.REDUCED:
        this.#reduce(event);
        break;
      case EventKind.AMENDED:
        this.#amend(event);
        break;
      case EventKind.FILLED:
        this.#fill(event);
        break;
      case EventKind.CANCELLED:
        this.#cancel(event);
        break;
      case EventKind.EXPIRED:
        this.#close(this.#live(event.orderId), 'EXPIRED', event.eventSequence);
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
      orderType: event.orderType,
      timeInForce: event.timeInForce,
      selfTradePrevention: event.selfTradePrevention,
      flags: event.flags,
      priceTicks: event.priceTicks,
      stopPriceTicks: event.stopPriceTicks,
      quantityLots: event.quantityLots,
      budgetUnits: event.budgetUnits,
      expiresAtMs: event.expiresAtMs,
      makerRatePpm: event.makerRatePpm,
      takerRatePpm: event.takerRatePpm,
      clientOrderId: event.clientOrderId,
      acceptedAtMs: event.timestampMs,
      acceptedSequence: event.eventSequence,
      status: 'ARRIVING',
      remainingLots: event.quantityLots,
      remainingUnits: event.budgetUnits,
      executedLots: 0,
      executedTickLots: 0n,
      cancelReason: null,
      slot: NOT_RESTING,
      generation: 0,
    };
    const key = order.clientOrderId === '' ? '' : repeatKey(event);
    this.#entries.set(order.orderId, { order, repeatKey: key, closedSequence: 0 });
    if (key === '') return;
    this.#byRepeatKey.set(key, order);
    this.#newestByClientKey.set(clientKey(order.keyId, order.clientOrderId), order);
  }

  #enter(event: BookedEvent | StopPlacedEvent, status: 'RESTING' | 'WAITING'): void {
    const order = this.#live(event.orderId);
    order.status = status;
    order.slot = event.slot;
    order.generation = event.generation;
    this.#addResting(order);
  }

  #addResting(order: Order): void {
    this.#restingCount += 1;
    const resting = this.#restingByAccount.get(order.accountId) ?? new LargeMap<number, Order>();
    if (resting.size === 0) this.#restingByAccount.set(order.accountId, resting);
    resting.set(order.orderId, order);
  }

  #fill(event: FilledEvent): void {
    this.#execute(this.#live(event.makerOrderId), event, event.makerRemainingLots);
    const taker = this.#live(event.takerOrderId);
    if (isByBudget(event.takerFlags)) this.#executeByBudget(taker, event);
    else this.#execute(taker, event, event.takerRemainingLots);
  }

  #execute(order: MutableOrder, fill: FilledEvent, remainingLots: number): void {
    if (order.remainingLots - fill.quantityLots !== remainingLots)
      fail(`order ${order.orderId}: ${order.remainingLots} - ${fill.quantityLots} lots are not ${remainingLots}`);
    order.executedLots += fill.quantityLots;
    order.executedTickLots += BigInt(fill.priceTicks) * BigInt(fill.quantityLots);
    order.remainingLots = remainingLots;
    if (remainingLots === 0) this.#close(order, 'FILLED', fill.eventSequence);
  }

  /** What such an order asks for in lots is what it has bought so far. */
  #executeByBudget(order: MutableOrder, fill: FilledEvent): void {
    order.executedLots += fill.quantityLots;
    order.quantityLots = order.executedLots;
    order.executedTickLots += BigInt(fill.priceTicks) * BigInt(fill.quantityLots);
    order.remainingUnits = fill.takerRemainingUnits;
    if (fill.takerRemainingUnits === 0n) this.#close(order, 'FILLED', fill.eventSequence);
  }

  #reduce(event: ReducedEvent): void {
    const order = this.#live(event.orderId);
    order.remainingLots = event.remainingAfterLots;
    order.remainingUnits = event.remainingAfterUnits;
  }

  #amend(event: AmendedEvent): void {
    const order = this.#live(event.orderId);
    order.quantityLots = event.totalLots;
    order.remainingLots = event.remainingAfterLots;
    order.priceTicks = event.priceTicks;
    if (event.slot === NOT_RESTING) this.#leave(order);
  }

  #cancel(event: CancelledEvent): void {
    const order = this.#live(event.orderId);
    order.cancelReason = event.reason;
    this.#close(order, 'CANCELLED', event.eventSequence);
  }

  #close(order: MutableOrder, status: 'FILLED' | 'CANCELLED' | 'EXPIRED', eventSequence: number): void {
    this.#leave(order);
    order.status = status;
    this.#entries.get(order.orderId)!.closedSequence = eventSequence;
    if (this.#closed.length < this.#closedCapacity) {
      this.#closed.push(order.orderId);
      return;
    }
    this.#forget(this.#closed[this.#oldestClosed]!);
    this.#closed[this.#oldestClosed] = order.orderId;
    this.#oldestClosed = (this.#oldestClosed + 1) % this.#closedCapacity;
  }

  /** It acts again, or is about to be closed. One that never rested stays as it is. */
  #leave(order: MutableOrder): void {
    if (order.status === 'ARRIVING') return;
    order.status = 'ARRIVING';
    order.slot = NOT_RESTING;
    order.generation = 0;
    this.#restingCount -= 1;
    const resting = this.#restingByAccount.get(order.accountId)!;
    resting.delete(order.orderId);
    if (resting.size === 0) this.#restingByAccount.delete(order.accountId);
  }

  #forget(orderId: number): void {
    const { order, repeatKey: key, closedSequence } = this.#entries.get(orderId)!;
    this.#entries.delete(orderId);
    if (key === '') return;
    this.#newestForgottenMs = Math.max(this.#newestForgottenMs, order.acceptedAtMs);
    this.#forgottenSequences.set(order.instrumentId, closedSequence);
    const newest = clientKey(order.keyId, order.clientOrderId);
    if (this.#newestByClientKey.get(newest) === order) this.#newestByClientKey.delete(newest);
    if (this.#byRepeatKey.get(key) === order) this.#byRepeatKey.delete(key);
  }

  #live(orderId: number): MutableOrder {
    const order = this.#entries.get(orderId)?.order;
    if (order === undefined) fail(`an event names order ${orderId}, which was never accepted`);
    if (isClosed(order)) fail(`an event changes closed order ${orderId}`);
    return order;
  }
}
