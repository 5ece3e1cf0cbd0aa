import type { AmendOrderFields, CancelOrderFields, CommandHeader } from '../../core/protocol/command-encoder.ts';
import type { AmendRejectedEvent, CancelRejectedEvent, FilledEvent } from '../../core/protocol/event-decoder.ts';
import {
  EventKind,
  OrderFlag,
  OrderType,
  type RejectReason,
  SelfTradePrevention,
  Side,
  TimeInForce,
} from '../../core/protocol/kinds.ts';
import type { NewOrderCommand } from './exchange-command.ts';

// What the reference exchange says in its events, field by field. What comes of a command is reference-matching.ts.

/** Where the engine put an order that rests. The reference has no pool: it takes the place and checks its uses. */
export interface Place {
  readonly slot: number;
  readonly generation: number;
}

export interface RestingOrder {
  readonly command: NewOrderCommand; // with the fields as they are now: amends and triggers replace it
  readonly place: Place;
  remainingLots: number;
  totalLots: number; // what it asked for, amends included: filled, decremented and remaining
}

/** An event as one who knows neither its sequence nor its place in the command would write it. */
export type WithoutHeader<Event> = Event extends unknown
  ? Omit<Event, 'eventSequence' | 'commandSequence' | 'timestampMs' | 'isLastOfCommand'>
  : never;

/**
 * @param tradedLots already taken off both sides
 * @param takerRemaining in lots, or of an order by budget in units
 */
export function fill(
  maker: RestingOrder,
  taker: NewOrderCommand,
  tradedLots: number,
  takerRemaining: number | bigint,
): WithoutHeader<FilledEvent> {
  const makerOrder = maker.command.order;
  return {
    kind: EventKind.FILLED,
    instrumentId: taker.order.instrumentId,
    takerSide: taker.order.side,
    priceTicks: makerOrder.priceTicks,
    quantityLots: tradedLots,
    makerOrderId: maker.command.header.commandId,
    makerAccountId: maker.command.header.accountId,
    makerLimitTicks: makerOrder.priceTicks,
    makerRemainingLots: maker.remainingLots,
    makerMakerRatePpm: makerOrder.makerRatePpm,
    makerTakerRatePpm: makerOrder.takerRatePpm,
    makerSlot: maker.place.slot,
    makerGeneration: maker.place.generation,
    takerOrderId: taker.header.commandId,
    takerAccountId: taker.header.accountId,
    takerLimitTicks: taker.order.priceTicks,
    takerRemainingLots: typeof takerRemaining === 'number' ? takerRemaining : 0,
    takerRemainingUnits: typeof takerRemaining === 'bigint' ? takerRemaining : 0n,
    takerFlags: taker.order.flags,
    takerMakerRatePpm: taker.order.makerRatePpm,
    takerTakerRatePpm: taker.order.takerRatePpm,
  };
}

export function orderFields({ header, order }: NewOrderCommand) {
  return {
    instrumentId: order.instrumentId,
    accountId: header.accountId,
    orderId: header.commandId,
    side: (order.side & 1) as Side, // an event has one bit for it; only a malformed side has more
    keyId: order.keyId,
    orderType: order.orderType,
    timeInForce: order.timeInForce,
    selfTradePrevention: order.selfTradePrevention,
    flags: order.flags,
    priceTicks: order.priceTicks,
    stopPriceTicks: order.stopPriceTicks,
    makerRatePpm: order.makerRatePpm,
    takerRatePpm: order.takerRatePpm,
  };
}

/** An order's state while it does not rest; callers add its place when it does. Remaining in lots, or by budget in units. */
export function stateFields(
  command: NewOrderCommand,
  before: number | bigint,
  after: number | bigint,
  commandId: number,
) {
  return {
    ...orderFields(command),
    remainingBeforeLots: typeof before === 'number' ? before : 0,
    remainingBeforeUnits: typeof before === 'bigint' ? before : 0n,
    remainingAfterLots: typeof after === 'number' ? after : 0,
    remainingAfterUnits: typeof after === 'bigint' ? after : 0n,
    slot: -1,
    generation: 0,
    commandId,
  };
}

/** What an order asks for: lots, or units when by budget. */
export function wanted({ order }: NewOrderCommand): number | bigint {
  return (order.flags & OrderFlag.BY_BUDGET) === 0 ? order.quantityLots : order.budgetUnits;
}

/** A refused cancel repeats what it named, and knows nothing of any order. */
export function cancelRefusal(
  header: CommandHeader,
  cancel: CancelOrderFields,
  reason: RejectReason,
): WithoutHeader<CancelRejectedEvent> {
  return { ...nothingKnown(header, cancel), kind: EventKind.CANCEL_REJECTED, side: Side.BUY, reason };
}

export function amendRefusal(
  header: CommandHeader,
  amend: AmendOrderFields,
  reason: RejectReason,
): WithoutHeader<AmendRejectedEvent> {
  return {
    ...nothingKnown(header, amend),
    kind: EventKind.AMEND_REJECTED,
    side: (amend.side & 1) as Side,
    heldUnits: amend.heldUnits,
    reason,
  };
}

function nothingKnown(header: CommandHeader, named: CancelOrderFields) {
  return {
    instrumentId: named.instrumentId,
    accountId: header.accountId,
    orderId: named.orderId,
    keyId: named.keyId,
    orderType: OrderType.LIMIT,
    timeInForce: TimeInForce.GTC,
    selfTradePrevention: SelfTradePrevention.CANCEL_NEWEST,
    flags: 0,
    priceTicks: 0,
    stopPriceTicks: 0,
    makerRatePpm: 0,
    takerRatePpm: 0,
    remainingBeforeLots: 0,
    remainingBeforeUnits: 0n,
    remainingAfterLots: 0,
    remainingAfterUnits: 0n,
    slot: named.slot,
    generation: named.generation,
    commandId: header.commandId,
  };
}
