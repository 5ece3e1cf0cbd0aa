import { fail } from '../../core/assert.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import { type Instrument, notionalUnits } from '../../core/money/instrument.ts';
import type { HistoryOrder } from '../../core/ports/history.ts';
import { type AcceptedEvent, type ExchangeEvent, isByBudget } from '../../core/protocol/event-decoder.ts';
import { NOT_RESTING } from '../../core/protocol/event-record.ts';
import { EventKind } from '../../core/protocol/kinds.ts';

/** An order that further events may change. */
export type MutableOrder = { -readonly [Field in keyof HistoryOrder]: HistoryOrder[Field] };

/** @returns ids of the orders that an event changes, an order's first event apart */
export function changedOrderIds(event: ExchangeEvent): readonly number[] {
  switch (event.kind) {
    case EventKind.BOOKED:
    case EventKind.CANCELLED:
    case EventKind.EXPIRED:
    case EventKind.REDUCED:
    case EventKind.STOP_PLACED:
    case EventKind.TRIGGERED:
    case EventKind.AMENDED:
      return [event.orderId];
    case EventKind.FILLED:
      return [event.makerOrderId, event.takerOrderId];
    case EventKind.ACCEPTED:
    case EventKind.REJECTED: // never an order of the history
    case EventKind.CANCEL_REJECTED:
    case EventKind.AMEND_REJECTED:
    case EventKind.CHECKPOINTED:
    case EventKind.ASSET_DEFINED:
    case EventKind.INSTRUMENT_DEFINED:
    case EventKind.DEFINITION_REJECTED:
    case EventKind.INSTRUMENT_STATE_CHANGED:
    case EventKind.INSTRUMENT_UPDATED:
    case EventKind.MASS_CANCELLED: // each order it took away has an event of its own, as with the next
    case EventKind.TIME_ADVANCED:
      return NONE;
    default:
      return unknownKind(event);
  }
}

/**
 * Brings orders up to date with one event.
 * @param orders holds every order that the event changes; takes the one that it begins
 * @param catalogue knows the event's instrument
 * @throws InvariantError naming the event that contradicts those before it
 */
export function advanceOrders(orders: Map<number, MutableOrder>, event: ExchangeEvent, catalogue: Catalogue): void {
  switch (event.kind) {
    case EventKind.ACCEPTED:
      if (orders.has(event.orderId)) fail(`event ${event.eventSequence} accepts order ${event.orderId} again`);
      orders.set(event.orderId, acceptedOrder(event));
      break;
    case EventKind.BOOKED:
      place(liveOrder(orders, event.orderId, event.eventSequence), 'RESTING', event);
      break;
    case EventKind.STOP_PLACED:
      place(liveOrder(orders, event.orderId, event.eventSequence), 'WAITING', event);
      break;
    case EventKind.TRIGGERED:
      place(liveOrder(orders, event.orderId, event.eventSequence), 'ARRIVING', event);
      break;
    case EventKind.REDUCED: {
      const order = liveOrder(orders, event.orderId, event.eventSequence);
      order.remainingLots = event.remainingAfterLots;
      order.remainingUnits = event.remainingAfterUnits;
      break;
    }
    case EventKind.AMENDED: {
      const order = liveOrder(orders, event.orderId, event.eventSequence);
      order.quantityLots = event.totalLots;
      order.priceTicks = event.priceTicks;
      order.remainingLots = event.remainingAfterLots;
      if (event.slot === NOT_RESTING) place(order, 'ARRIVING', event);
      break;
    }
    case EventKind.FILLED: {
      const instrument = catalogue.instrument(event.instrumentId);
      if (instrument === undefined) fail(`event ${event.eventSequence}: instrument ${event.instrumentId} is unknown`);
      const { makerRemainingLots, takerRemainingLots, takerRemainingUnits } = event;
      fill(liveOrder(orders, event.makerOrderId, event.eventSequence), event, instrument, makerRemainingLots, 0n);
      fill(
        liveOrder(orders, event.takerOrderId, event.eventSequence),
        event,
        instrument,
        takerRemainingLots,
        takerRemainingUnits,
      );
      break;
    }
    case EventKind.CANCELLED: {
      const order = liveOrder(orders, event.orderId, event.eventSequence);
      order.remainingLots = event.remainingBeforeLots;
      order.remainingUnits = event.remainingBeforeUnits;
      order.cancelReason = event.reason;
      close(order, 'CANCELLED', event.timestampMs);
      break;
    }
    case EventKind.EXPIRED:
      close(liveOrder(orders, event.orderId, event.eventSequence), 'EXPIRED', event.timestampMs);
      break;
    case EventKind.REJECTED:
    case EventKind.CANCEL_REJECTED:
    case EventKind.AMEND_REJECTED:
    case EventKind.CHECKPOINTED:
    case EventKind.ASSET_DEFINED:
    case EventKind.INSTRUMENT_DEFINED:
    case EventKind.DEFINITION_REJECTED:
    case EventKind.INSTRUMENT_STATE_CHANGED:
    case EventKind.INSTRUMENT_UPDATED:
    case EventKind.MASS_CANCELLED:
    case EventKind.TIME_ADVANCED:
      break;
    default:
      unknownKind(event);
  }
}

/** A kind that this program knows how to decode but not what it does to orders. */
function unknownKind(event: ExchangeEvent): never {
  return fail(`event ${event.eventSequence}: the history has no rule for kind ${event.kind}`);
}

const NONE: readonly number[] = [];

function acceptedOrder(event: AcceptedEvent): MutableOrder {
  const { eventSequence, timestampMs } = event;
  return {
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
    acceptedPriceTicks: event.priceTicks,
    acceptedQuantityLots: event.quantityLots,
    budgetUnits: event.budgetUnits,
    expiresAtMs: event.expiresAtMs,
    makerRatePpm: event.makerRatePpm,
    takerRatePpm: event.takerRatePpm,
    clientOrderId: event.clientOrderId,
    acceptedSequence: eventSequence,
    lastSequence: eventSequence,
    createdMs: timestampMs,
    closedMs: null,
    status: 'ARRIVING',
    remainingLots: event.quantityLots,
    remainingUnits: event.budgetUnits,
    executedLots: 0,
    executedUnits: 0n,
    cancelReason: null,
    slot: NOT_RESTING,
    generation: 0,
  };
}

function liveOrder(orders: ReadonlyMap<number, MutableOrder>, orderId: number, eventSequence: number): MutableOrder {
  const order = orders.get(orderId);
  if (order === undefined) fail(`event ${eventSequence} changes order ${orderId}, which was never accepted`);
  if (order.closedMs !== null) fail(`event ${eventSequence} changes order ${orderId}, which is ${order.status}`);
  order.lastSequence = eventSequence;
  return order;
}

function fill(
  order: MutableOrder,
  event: { readonly priceTicks: number; readonly quantityLots: number; readonly timestampMs: number },
  instrument: Instrument,
  remainingLots: number,
  remainingUnits: bigint,
): void {
  order.executedLots += event.quantityLots;
  order.executedUnits += notionalUnits(instrument, event.priceTicks, event.quantityLots);
  order.remainingLots = remainingLots;
  order.remainingUnits = remainingUnits;
  const isDone = isByBudget(order.flags) ? remainingUnits === 0n : remainingLots === 0;
  if (isDone) close(order, 'FILLED', event.timestampMs);
}

/** Where it stands from now on: a slot of the core's pool, or none. */
function place(
  order: MutableOrder,
  status: 'ARRIVING' | 'WAITING' | 'RESTING',
  { slot, generation }: { readonly slot: number; readonly generation: number },
): void {
  order.status = status;
  order.slot = slot;
  order.generation = slot === NOT_RESTING ? 0 : generation;
}

function close(order: MutableOrder, status: 'FILLED' | 'CANCELLED' | 'EXPIRED', timestampMs: number): void {
  order.status = status;
  order.closedMs = timestampMs;
  order.slot = NOT_RESTING;
  order.generation = 0;
}
