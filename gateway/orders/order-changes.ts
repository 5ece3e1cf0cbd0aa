import { fail } from '../../core/assert.ts';
import { MAX_POOL_UNITS } from '../../core/money/asset.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import { amendHoldUnits } from '../../core/money/need.ts';
import type { ApiKey } from '../../core/ports/keys.ts';
import { CancelReason, EventKind, RejectReason } from '../../core/protocol/kinds.ts';
import { ApiError, tryLater } from '../rest/errors.ts';
import type { CommandIds } from './command-ids.ts';
import type { CommandOutcomes } from './command-outcomes.ts';
import type { CommandPublisher } from './command-publisher.ts';
import { busy, type CommandRoom } from './command-room.ts';
import { coreRefusal, nothingWouldRemain } from './core-refusal.ts';
import { isClosed, type Order } from './order.ts';
import { insufficientFunds, type OrderHolds } from './order-holds.ts';
import type { OrderView } from './order-view.ts';
import type { OrdersInFlight } from './orders-in-flight.ts';
import type { PastOrders } from './past-orders.ts';

/** Who places, changes or cancels. */
export type OrderActor = Pick<ApiKey, 'keyId' | 'accountId'>;

/** What an order is to be from now on; what is left out stays. */
export interface Amendment {
  readonly priceTicks?: number;
  readonly quantityLots?: number; // the total, with what was filled or decremented before
}

/** Which of an account's orders a mass cancel takes. */
export interface CancelScope {
  readonly keyId: number; // 0 for those of every key
  readonly instrumentId: number; // 0 for those of every instrument
}

export interface OrderChangeParts {
  readonly publisher: CommandPublisher;
  readonly room: CommandRoom;
  readonly outcomes: CommandOutcomes;
  readonly commandIds: CommandIds;
  readonly catalogue: Catalogue;
  readonly view: OrderView;
  readonly past: PastOrders;
  readonly inFlight: OrdersInFlight;
  readonly holds: OrderHolds;
}

/**
 * How often a command is sent again for an order that had moved to another slot: a stop was triggered, or an amendment took
 * it out of its queue. Each time it has moved once more, which an order can't go on doing.
 */
const MAX_ATTEMPTS = 8;

/** Cancels and amends orders that are there already. */
export class OrderChanges {
  readonly #parts: OrderChangeParts;
  readonly #cancelling = new Map<number, Promise<void>>(); // by order id
  readonly #massCancelling = new Set<Promise<Order[]>>();
  readonly #amending = new Map<number, Promise<Order>>(); // the newest of each order, which waits for those before

  constructor(parts: OrderChangeParts) {
    this.#parts = parts;
  }

  /** Whether nothing is on its way. */
  get isIdle(): boolean {
    return this.#cancelling.size === 0 && this.#massCancelling.size === 0 && this.#amending.size === 0;
  }

  /** What is on its way now; each settles with its outcome. */
  outcomes(): Promise<unknown>[] {
    return [...this.#cancelling.values(), ...this.#massCancelling, ...this.#amending.values()];
  }

  /**
   * Cancels what is left of an order. One that is closed already stays as it is.
   * @returns the order after the cancel
   * @throws ApiError OrderNotFound, also for another account's order
   */
  async cancel(actor: OrderActor, orderId: number, nonceDurable: Promise<void>): Promise<Order> {
    const order = await this.#find(actor, orderId);
    if (isClosed(order)) return order;
    let cancelling = this.#cancelling.get(orderId);
    if (cancelling === undefined) {
      const { room } = this.#parts;
      room.requireOpen();
      room.reserve(1);
      cancelling = this.#submitCancel(actor, order, nonceDurable).finally(() => this.#cancelling.delete(orderId));
      this.#cancelling.set(orderId, cancelling);
    }
    await cancelling;
    return order;
  }

  /**
   * Cancels all orders of the account within the scope. Those on their way when it is asked for are waited for, so that
   * none of them stays.
   * @returns the orders that this cancelled, oldest first
   */
  async cancelAll(actor: OrderActor, scope: CancelScope, nonceDurable: Promise<void>): Promise<Order[]> {
    const { room } = this.#parts;
    room.requireOpen();
    room.reserve(1);
    const cancelling = this.#submitMassCancel(actor, scope, nonceDurable);
    this.#massCancelling.add(cancelling);
    return cancelling.finally(() => this.#massCancelling.delete(cancelling));
  }

  /**
   * Gives an open order another total quantity, another limit or both. Amendments of one order wait for one another: what
   * one holds is reckoned from what the one before left.
   * @returns the order after its own command
   * @throws ApiError: refused, and the order is as it was
   */
  async amend(actor: OrderActor, orderId: number, amendment: Amendment, nonceDurable: Promise<void>): Promise<Order> {
    const before = this.#amending.get(orderId)?.catch(() => {}) ?? Promise.resolve();
    const amending = before.then(() => this.#amend(actor, orderId, amendment, nonceDurable));
    this.#amending.set(orderId, amending);
    try {
      return await amending;
    } finally {
      if (this.#amending.get(orderId) === amending) this.#amending.delete(orderId);
    }
  }

  /** @throws ApiError OrderNotFound */
  async #find(actor: OrderActor, orderId: number): Promise<Order> {
    const { view, past, inFlight } = this.#parts;
    await inFlight.byOrderId(orderId)?.catch(() => {});
    const order = view.order(orderId) ?? (await past.order(actor.accountId, orderId));
    if (order === undefined || order.accountId !== actor.accountId) throw orderNotFound(orderId);
    return order;
  }

  /** One slot is reserved. */
  async #submitCancel(actor: OrderActor, order: Order, nonceDurable: Promise<void>): Promise<void> {
    const { publisher, room, outcomes, commandIds } = this.#parts;
    try {
      await nonceDurable;
    } catch (error) {
      publisher.unreserve(1);
      throw error;
    }
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (attempt > 0) room.reserve(1);
      if (isClosed(order)) {
        publisher.unreserve(1); // filled or cancelled while the nonce was written
        return;
      }
      const { instrumentId, orderId, slot, generation } = order;
      const origin = { commandId: commandIds.next(), accountId: actor.accountId, ledgerSequence: 0 };
      const sequence = publisher.publishCancel(origin, { instrumentId, keyId: actor.keyId, orderId, slot, generation });
      const lastEvent = await outcomes.lastEventOf(sequence);
      if (lastEvent.kind !== EventKind.CANCEL_REJECTED || isClosed(order)) return; // or a fill was first
    }
    throw movingOrder(order.orderId);
  }

  /** One slot is reserved. */
  async #submitMassCancel(actor: OrderActor, scope: CancelScope, nonceDurable: Promise<void>): Promise<Order[]> {
    const { publisher, outcomes, commandIds, view, inFlight } = this.#parts;
    try {
      await nonceDurable;
      await inFlight.settledOf(actor.accountId);
    } catch (error) {
      publisher.unreserve(1);
      throw error;
    }
    const isWithin = ({ keyId, instrumentId }: Order): boolean =>
      (scope.keyId === 0 || keyId === scope.keyId) && (scope.instrumentId === 0 || instrumentId === scope.instrumentId);
    const orders = view.restingOrders(actor.accountId).filter(isWithin);
    const origin = { commandId: commandIds.next(), accountId: actor.accountId, ledgerSequence: 0 };
    const sequence = publisher.publishMassCancel(origin, scope);
    await outcomes.lastEventOf(sequence);
    return orders.filter(({ cancelReason }) => cancelReason === CancelReason.MASS_CANCELLED);
  }

  async #amend(actor: OrderActor, orderId: number, amendment: Amendment, nonceDurable: Promise<void>): Promise<Order> {
    const order = await this.#find(actor, orderId);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (isClosed(order)) throw closedOrder(orderId);
      if (await this.#submitAmend(actor, order, amendment, nonceDurable)) return order;
    }
    throw movingOrder(orderId);
  }

  /**
   * Holds what the change adds and sends it. What comes between only makes the order's need smaller, so that the hold
   * suffices; the core's answer gives back what of it was not needed, all of it when the change is refused.
   * @returns false when the order was not where it was looked for
   */
  async #submitAmend(
    actor: OrderActor,
    order: Order,
    amendment: Amendment,
    nonceDurable: Promise<void>,
  ): Promise<boolean> {
    const { publisher, room, outcomes, commandIds, catalogue } = this.#parts;
    const { instrumentId, side, orderId } = order;
    const instrument = catalogue.instrument(instrumentId) ?? fail(`no instrument ${instrumentId}`);
    const { priceTicks = order.priceTicks, quantityLots = order.quantityLots } = amendment;
    if (quantityLots <= order.quantityLots - order.remainingLots) throw nothingWouldRemain(instrument, quantityLots);
    room.requireSpace();
    const present = { limitTicks: order.priceTicks, remainingLots: order.remainingLots, totalLots: order.quantityLots };
    const heldUnits = amendHoldUnits(instrument, side, present, priceTicks, quantityLots, order);
    const what = `amend order ${orderId} on symbol '${instrument.symbol.toUpperCase()}'`;
    const { accountId } = actor;
    const request = { commandId: commandIds.next(), accountId, instrument, side, units: heldUnits };
    if (heldUnits > MAX_POOL_UNITS) throw insufficientFunds(request, what, null);
    room.reserve(1);
    let ledgerSequence = 0;
    try {
      if (heldUnits > 0n) ledgerSequence = await this.#parts.holds.hold(request, what, nonceDurable);
      else await nonceDurable;
    } catch (error) {
      publisher.unreserve(1);
      throw error;
    }
    const { slot, generation } = order; // as it stands now: it may have moved while the hold was written
    const fields = { instrumentId, keyId: actor.keyId, orderId, slot, generation, side, priceTicks, quantityLots };
    const origin = { commandId: request.commandId, accountId, ledgerSequence };
    const sequence = publisher.publishAmend(origin, { ...fields, heldUnits });
    if (sequence === null) {
      if (heldUnits > 0n) this.#parts.holds.giveBack(request.commandId);
      throw busy();
    }
    const lastEvent = await outcomes.lastEventOf(sequence);
    if (lastEvent.kind !== EventKind.AMEND_REJECTED) return true;
    if (lastEvent.reason !== RejectReason.UNKNOWN_ORDER) throw coreRefusal(lastEvent.reason, instrument, fields);
    return false;
  }
}

export function orderNotFound(orderId: number | string): ApiError {
  return new ApiError('OrderNotFound', `Order ${orderId} not found`);
}

function closedOrder(orderId: number): ApiError {
  return new ApiError('OrderNotFound', `Order ${orderId} is not open any more: nothing of it can be changed`);
}

function movingOrder(orderId: number): ApiError {
  return tryLater(`Order ${orderId} was changing all the while; ask for its status and try again`);
}
