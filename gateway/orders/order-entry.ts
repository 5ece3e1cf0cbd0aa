import type { Logger } from 'pino';
import { fail } from '../../core/assert.ts';
import { MAX_POOL_UNITS } from '../../core/money/asset.ts';
import { formatDecimal } from '../../core/money/decimal.ts';
import { needUnits } from '../../core/money/need.ts';
import type { ApiKey, Clock, HoldAnswer, Ledger } from '../../core/ports.ts';
import type { NewOrderFields } from '../../core/protocol/command-encoder.ts';
import { CancelReason, EventKind, Side } from '../../core/protocol/kinds.ts';
import type { InstrumentStates } from '../market-data/instrument-states.ts';
import { ApiError, tryLater } from '../rest/errors.ts';
import { formatPrice, formatQuantity } from '../rest/formatting.ts';
import type { ParsedOrder } from '../rest/order-fields.ts';
import type { CommandIds } from './command-ids.ts';
import type { CommandOutcomes } from './command-outcomes.ts';
import { type CommandPublisher, newOrderSlots } from './command-publisher.ts';
import { coreRefusal, isTaken, marketNotOpen } from './core-refusal.ts';
import { isClosed, type Order, repeatKey } from './order.ts';
import type { OrderView } from './order-view.ts';
import { OrdersInFlight } from './orders-in-flight.ts';
import type { PastOrders } from './past-orders.ts';

/** Who places or cancels. */
export type OrderActor = Pick<ApiKey, 'keyId' | 'accountId'>;

export interface OrderEntryParts {
  readonly publisher: CommandPublisher;
  readonly outcomes: CommandOutcomes;
  readonly commandIds: CommandIds;
  readonly view: OrderView;
  readonly past: PastOrders;
  readonly states: InstrumentStates;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** An order that has its slots in the ring, on the way to its hold. */
interface Submission {
  readonly commandId: number;
  readonly actor: OrderActor;
  readonly parsed: ParsedOrder;
  readonly order: NewOrderFields;
  readonly key: string; // of repeatKey(), '' without a client order id
  readonly units: bigint;
  readonly nonceDurable: Promise<void>;
}

/**
 * Takes orders and cancels from the request to the core's answer. What was published stands as the core decides, whether
 * or not anyone still waits for it.
 */
export class OrderEntry {
  readonly inFlight = new OrdersInFlight();
  readonly #parts: OrderEntryParts;
  readonly #cancelling = new Map<number, Promise<void>>(); // by order id
  readonly #massCancelling = new Set<Promise<Order[]>>();
  #isOpen = true;

  constructor(parts: OrderEntryParts) {
    this.#parts = parts;
  }

  /** From now on nothing is placed or cancelled; what is on its way goes on. */
  close(): void {
    this.#isOpen = false;
  }

  /** @returns once nothing is on its way any more */
  async idle(): Promise<void> {
    while (this.inFlight.count > 0 || this.#cancelling.size > 0 || this.#massCancelling.size > 0)
      await Promise.allSettled([...this.inFlight.outcomes(), ...this.#cancelling.values(), ...this.#massCancelling]);
  }

  /**
   * Places an order, or finds the one that this request repeats.
   * @param nonceDurable the request's nonce; nothing is published before it resolves
   * @returns the order after its own command
   * @throws ApiError: refused, and nothing of it remains
   */
  async place(actor: OrderActor, parsed: ParsedOrder, nonceDurable: Promise<void>): Promise<Order> {
    const { publisher, commandIds, view, states, clock } = this.#parts;
    const order: NewOrderFields = { ...parsed.fields, keyId: actor.keyId };
    const key = order.clientOrderId === '' ? '' : repeatKey(order);
    if (key !== '') {
      const repeated = this.inFlight.repeatOf(key) ?? view.repeatedOrder(key, clock.nowMs());
      if (repeated !== undefined) return repeated;
    }
    this.#requireOpen();
    if (publisher.isDiskFull) throw tryLater('The exchange waits for disk space and takes no new orders', 5);
    const state = states.state(order.instrumentId);
    if (!isTaken(state, order.flags)) throw marketNotOpen(parsed.instrument, state);
    const units = needUnits(parsed.instrument, order.side, order.priceTicks, order.quantityLots, order);
    if (units > MAX_POOL_UNITS) throw insufficientFunds(parsed, units, null);
    const commandId = commandIds.next();
    this.#reserve(newOrderSlots(order));
    const submission = { commandId, actor, parsed, order, key, units, nonceDurable };
    const isRepeatPossible = key !== '' && view.mayHaveForgottenRepeat(clock.nowMs());
    const outcome = isRepeatPossible ? this.#submitUnlessRepeated(submission) : this.#submit(submission);
    this.inFlight.add(commandId, { ...actor, clientOrderId: order.clientOrderId }, key, outcome);
    return outcome;
  }

  /**
   * Cancels what is left of an order. One that is closed already stays as it is.
   * @returns the order after the cancel
   * @throws ApiError OrderNotFound, also for another account's order
   */
  async cancel(actor: OrderActor, orderId: number, nonceDurable: Promise<void>): Promise<Order> {
    await this.inFlight.byOrderId(orderId)?.catch(() => {});
    const { view, past } = this.#parts;
    const order = view.order(orderId) ?? (await past.order(actor.accountId, orderId));
    if (order === undefined || order.accountId !== actor.accountId) throw orderNotFound(orderId);
    if (isClosed(order)) return order;
    let cancelling = this.#cancelling.get(orderId);
    if (cancelling === undefined) {
      this.#requireOpen();
      this.#reserve(1);
      cancelling = this.#submitCancel(actor, order, nonceDurable).finally(() => this.#cancelling.delete(orderId));
      this.#cancelling.set(orderId, cancelling);
    }
    await cancelling;
    return order;
  }

  /**
   * Cancels all orders of the account, or of one of its keys. Those on their way when it is asked for are waited for, so
   * that none of them stays.
   * @returns the orders that this cancelled, oldest first
   */
  async cancelAll(actor: OrderActor, which: 'account' | 'key', nonceDurable: Promise<void>): Promise<Order[]> {
    this.#requireOpen();
    this.#reserve(1);
    const cancelling = this.#submitMassCancel(actor, which === 'key' ? actor.keyId : 0, nonceDurable);
    this.#massCancelling.add(cancelling);
    return cancelling.finally(() => this.#massCancelling.delete(cancelling));
  }

  /** The view has forgotten orders that this may repeat: the history is asked first. */
  async #submitUnlessRepeated(submission: Submission): Promise<Order> {
    const { past, publisher, clock } = this.#parts;
    const { actor, order, key } = submission;
    let repeated: Order | undefined;
    try {
      repeated = await past.repeatedOrder(actor, order.clientOrderId, key, clock.nowMs());
    } catch (error) {
      publisher.unreserve(newOrderSlots(order));
      throw error;
    }
    if (repeated === undefined) return this.#submit(submission);
    publisher.unreserve(newOrderSlots(order));
    return repeated;
  }

  async #submit({ commandId, actor, parsed, order, units, nonceDurable }: Submission): Promise<Order> {
    const { publisher, outcomes, view } = this.#parts;
    let ledgerSequence: number;
    try {
      ledgerSequence = await this.#hold(commandId, actor.accountId, parsed, units, nonceDurable);
    } catch (error) {
      publisher.unreserve(newOrderSlots(order));
      throw error;
    }
    const sequence = publisher.publishNewOrder({ commandId, accountId: actor.accountId, ledgerSequence }, order);
    const lastEvent = await outcomes.lastEventOf(sequence);
    if (lastEvent.kind === EventKind.REJECTED) throw coreRefusal(lastEvent.reason, parsed);
    return view.order(commandId) ?? fail(`order ${commandId} was answered but is not in the view`);
  }

  /** @returns the ledger's change sequence of the hold */
  async #hold(
    commandId: number,
    accountId: number,
    parsed: ParsedOrder,
    units: bigint,
    nonceDurable: Promise<void>,
  ): Promise<number> {
    const { ledger, clock } = this.#parts;
    const { base, quote } = parsed.instrument;
    const { assetId } = parsed.fields.side === Side.BUY ? quote : base;
    const holding = ledger.hold({ commandId, accountId, assetId, units, timestampMs: clock.nowMs() });
    let answer: HoldAnswer;
    try {
      [answer] = await Promise.all([holding, nonceDurable]);
    } catch (error) {
      this.#abandonHold(commandId, error);
      throw tryLater('The order could not be taken, and nothing of it remains');
    }
    if (answer.outcome === 'HELD' || answer.outcome === 'REPEATED') return answer.ledgerSequence;
    if (answer.outcome === 'INSUFFICIENT_FUNDS') throw insufficientFunds(parsed, units, answer.availableUnits);
    throw new Error(`the ledger answered ${answer.outcome} to the hold of command ${commandId}`);
  }

  /** Nobody knows whether it was held. A release is right either way: its tombstone refuses a hold that comes later. */
  #abandonHold(commandId: number, error: unknown): void {
    const { ledger, clock, logger } = this.#parts;
    logger.error({ commandId, err: error }, 'the hold of an order or its nonce failed');
    ledger.release(commandId, clock.nowMs()).catch((releaseError: unknown) => {
      logger.error({ commandId, err: releaseError }, 'an abandoned hold could not be released: the next start does it');
    });
  }

  async #submitCancel(actor: OrderActor, order: Order, nonceDurable: Promise<void>): Promise<void> {
    const { publisher, outcomes, commandIds } = this.#parts;
    try {
      await nonceDurable;
    } catch (error) {
      publisher.unreserve(1);
      throw error;
    }
    if (isClosed(order)) {
      publisher.unreserve(1); // filled or cancelled while the nonce was written
      return;
    }
    const { instrumentId, orderId, slot, generation } = order;
    const origin = { commandId: commandIds.next(), accountId: actor.accountId, ledgerSequence: 0 };
    const sequence = publisher.publishCancel(origin, { instrumentId, keyId: actor.keyId, orderId, slot, generation });
    await outcomes.lastEventOf(sequence); // CANCELLED, or CANCEL_REJECTED because a fill was first: the view knows
  }

  async #submitMassCancel(actor: OrderActor, keyId: number, nonceDurable: Promise<void>): Promise<Order[]> {
    const { publisher, outcomes, commandIds, view } = this.#parts;
    try {
      await nonceDurable;
      await this.inFlight.settledOf(actor.accountId);
    } catch (error) {
      publisher.unreserve(1);
      throw error;
    }
    const orders = view.restingOrders(actor.accountId).filter((order) => keyId === 0 || order.keyId === keyId);
    const origin = { commandId: commandIds.next(), accountId: actor.accountId, ledgerSequence: 0 };
    const sequence = publisher.publishMassCancel(origin, { instrumentId: 0, keyId });
    await outcomes.lastEventOf(sequence);
    return orders.filter(({ cancelReason }) => cancelReason === CancelReason.MASS_CANCELLED);
  }

  #requireOpen(): void {
    if (!this.#isOpen) throw tryLater('The exchange is shutting down', 5);
  }

  #reserve(slots: number): void {
    if (!this.#parts.publisher.tryReserve(slots)) throw tryLater('The exchange is busy; nothing was taken, try again');
  }
}

export function orderNotFound(orderId: number | string): ApiError {
  return new ApiError('OrderNotFound', `Order ${orderId} not found`);
}

/** @param availableUnits null when the ledger was not asked: no balance can ever be that large */
function insufficientFunds(
  { instrument, fields }: ParsedOrder,
  neededUnits: bigint,
  availableUnits: bigint | null,
): ApiError {
  const asset = fields.side === Side.BUY ? instrument.quote : instrument.base;
  const needed = `${formatDecimal(neededUnits, asset.decimals)} ${asset.code} needed, fee included`;
  const available = availableUnits === null ? '' : `, ${formatDecimal(availableUnits, asset.decimals)} available`;
  const side = fields.side === Side.BUY ? 'buy' : 'sell';
  const price = formatPrice(instrument, fields.priceTicks);
  const quantity = formatQuantity(instrument, fields.quantityLots);
  return new ApiError(
    'InsufficientFunds',
    `Failed to place ${side} order on symbol '${instrument.symbol.toUpperCase()}' for price ${price} ${instrument.quote.code} ` +
      `and quantity ${quantity} ${instrument.base.code} due to insufficient funds (${needed}${available})`,
  );
}
