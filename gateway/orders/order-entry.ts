import type { Logger } from 'pino';
import { fail } from '../../core/assert.ts';
import { MAX_POOL_UNITS } from '../../core/money/asset.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import { formatDecimal } from '../../core/money/decimal.ts';
import { budgetNeedUnits, needUnits } from '../../core/money/need.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { Ledger } from '../../core/ports/ledger.ts';
import type { NewOrderFields } from '../../core/protocol/command-encoder.ts';
import { isByBudget } from '../../core/protocol/event-decoder.ts';
import { EventKind, Side } from '../../core/protocol/kinds.ts';
import type { AccountSequences } from '../accounts/account-sequences.ts';
import type { InstrumentStates } from '../market-data/instrument-states.ts';
import { formatPrice, formatQuantity } from '../rest/formatting.ts';
import type { ParsedOrder } from '../rest/order-fields.ts';
import type { CommandIds } from './command-ids.ts';
import type { CommandOutcomes } from './command-outcomes.ts';
import { type CommandPublisher, newOrderSlots } from './command-publisher.ts';
import { busy, CommandRoom } from './command-room.ts';
import { alreadyExpired, coreRefusal, isTaken, marketNotOpen } from './core-refusal.ts';
import { type Order, repeatKey } from './order.ts';
import { type OrderActor, OrderChanges } from './order-changes.ts';
import { insufficientFunds, OrderHolds } from './order-holds.ts';
import type { OrderView } from './order-view.ts';
import { OrdersInFlight } from './orders-in-flight.ts';
import type { PastOrders } from './past-orders.ts';

export interface OrderEntryParts {
  readonly publisher: CommandPublisher;
  readonly outcomes: CommandOutcomes;
  readonly commandIds: CommandIds;
  readonly catalogue: Catalogue;
  readonly view: OrderView;
  readonly past: PastOrders;
  readonly states: InstrumentStates;
  readonly ledger: Ledger;
  readonly sequences: AccountSequences;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** An order that has its slots in the ring, on the way to its hold. */
interface Submission {
  readonly commandId: number;
  readonly actor: OrderActor;
  readonly parsed: ParsedOrder;
  readonly order: NewOrderFields;
  readonly units: bigint;
  readonly nonceDurable: Promise<void>;
}

/**
 * Takes orders from the request to the core's answer. What was published stands as the core decides, whether or not anyone
 * still waits for it.
 */
export class OrderEntry {
  readonly inFlight = new OrdersInFlight();
  /** What clients do with orders that are there already. */
  readonly changes: OrderChanges;
  readonly #parts: OrderEntryParts;
  readonly #room: CommandRoom;
  readonly #holds: OrderHolds;

  constructor(parts: OrderEntryParts) {
    this.#parts = parts;
    this.#room = new CommandRoom(parts.publisher);
    this.#holds = new OrderHolds(parts);
    this.changes = new OrderChanges({ ...parts, room: this.#room, holds: this.#holds, inFlight: this.inFlight });
  }

  /** From now on nothing is placed, changed or cancelled; what is on its way goes on. */
  close(): void {
    this.#room.close();
  }

  /** @returns once nothing is on its way any more */
  async idle(): Promise<void> {
    while (this.inFlight.count > 0 || !this.changes.isIdle)
      await Promise.allSettled([...this.inFlight.outcomes(), ...this.changes.outcomes()]);
  }

  /**
   * Places an order, or finds the one that this request repeats.
   * @param nonceDurable the request's nonce; nothing is published before it resolves
   * @returns the order after its own command
   * @throws ApiError: refused, and nothing of it remains
   */
  async place(actor: OrderActor, parsed: ParsedOrder, nonceDurable: Promise<void>): Promise<Order> {
    const { commandIds, view, states, clock } = this.#parts;
    const order: NewOrderFields = { ...parsed.fields, keyId: actor.keyId };
    const key = order.clientOrderId === '' ? '' : repeatKey(order);
    if (key !== '') {
      const repeated = this.inFlight.repeatOf(key) ?? view.repeatedOrder(key, clock.nowMs());
      if (repeated !== undefined) return repeated;
    }
    this.#room.requireSpace();
    const state = states.state(order.instrumentId);
    if (!isTaken(state, order.flags)) throw marketNotOpen(parsed.instrument, state);
    const isRepeatPossible = key !== '' && view.mayHaveForgottenRepeat(clock.nowMs());
    // A retry may come after its order has expired; where the history has to be asked for it, the core is the judge.
    if (order.expiresAtMs !== 0 && order.expiresAtMs <= clock.nowMs() && !isRepeatPossible)
      throw alreadyExpired(order.expiresAtMs);
    const units = unitsNeeded(parsed);
    if (units > MAX_POOL_UNITS) {
      const { instrument } = parsed;
      throw insufficientFunds({ instrument, side: order.side, units }, placing(parsed), null);
    }
    const commandId = commandIds.next();
    this.#room.reserve(newOrderSlots(order));
    const submission = { commandId, actor, parsed, order, units, nonceDurable };
    const outcome = isRepeatPossible ? this.#submitUnlessRepeated(submission) : this.#submit(submission);
    this.inFlight.add(commandId, { ...actor, clientOrderId: order.clientOrderId }, key, outcome);
    return outcome;
  }

  /** The view has forgotten orders that this may repeat: the history is asked first. */
  async #submitUnlessRepeated(submission: Submission): Promise<Order> {
    const { past, view, publisher, clock } = this.#parts;
    const { order } = submission;
    let repeated: Order | undefined;
    try {
      const forgottenSequence = view.forgottenSequence(order.instrumentId);
      repeated = await past.repeatedOrder(order, forgottenSequence, clock.nowMs());
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
    const { accountId } = actor;
    const { instrument } = parsed;
    let ledgerSequence: number;
    try {
      const request = { commandId, accountId, instrument, side: order.side, units };
      ledgerSequence = await this.#holds.hold(request, placing(parsed), nonceDurable);
    } catch (error) {
      publisher.unreserve(newOrderSlots(order));
      throw error;
    }
    const sequence = publisher.publishNewOrder({ commandId, accountId, ledgerSequence }, order);
    if (sequence === null) {
      this.#holds.giveBack(commandId);
      throw busy();
    }
    const lastEvent = await outcomes.lastEventOf(sequence);
    if (lastEvent.kind === EventKind.REJECTED) throw coreRefusal(lastEvent.reason, instrument, order);
    return view.order(commandId) ?? fail(`order ${commandId} was answered but is not in the view`);
  }
}

/** @returns what an order must hold: quote units for a buy, base units for a sell */
function unitsNeeded({ instrument, fields }: ParsedOrder): bigint {
  if (isByBudget(fields.flags)) return budgetNeedUnits(fields.budgetUnits, fields);
  return needUnits(instrument, fields.side, fields.priceTicks, fields.quantityLots, fields);
}

/** @returns what is done with the order, for messages */
function placing({ instrument, fields }: ParsedOrder): string {
  const { base, quote } = instrument;
  const order = `place ${fields.side === Side.BUY ? 'buy' : 'sell'} order on symbol '${instrument.symbol.toUpperCase()}'`;
  if (isByBudget(fields.flags))
    return `${order} for a total of ${formatDecimal(fields.budgetUnits, quote.decimals)} ${quote.code}`;
  const price = formatPrice(instrument, fields.priceTicks);
  return `${order} for price ${price} ${quote.code} and quantity ${formatQuantity(instrument, fields.quantityLots)} ${base.code}`;
}
