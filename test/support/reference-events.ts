import type { CancelOrderFields, CommandHeader } from '../../core/protocol/command-encoder.ts';
import type { CancelRejectedEvent, FilledEvent } from '../../core/protocol/event-decoder.ts';
import {
  EventKind,
  OrderFlag,
  OrderType,
  RejectReason,
  SelfTradePrevention,
  Side,
  TimeInForce,
} from '../../core/protocol/kinds.ts';
import type { NewOrderCommand } from './exchange-command.ts';

// What the reference exchange says in its events, field by field. What comes of a command is reference-book.ts.

/** Where the engine put an order that rests. The reference has no pool: it takes the place and checks its uses. */
export interface Place {
  readonly slot: number;
  readonly generation: number;
}

export interface RestingOrder {
  readonly command: NewOrderCommand;
  readonly place: Place;
  remainingLots: number;
}

/** An event as one who knows neither its sequence nor its place in the command would write it. */
export type WithoutHeader<Event> = Event extends unknown
  ? Omit<Event, 'eventSequence' | 'commandSequence' | 'timestampMs' | 'isLastOfCommand'>
  : never;

/** @param tradedLots already taken off both sides */
export function fill(
  maker: RestingOrder,
  taker: NewOrderCommand,
  tradedLots: number,
  takerRemainingLots: number,
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
    takerRemainingLots,
    takerRemainingUnits: 0n,
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

function remaining(beforeLots: number, afterLots: number) {
  return {
    remainingBeforeLots: beforeLots,
    remainingBeforeUnits: 0n,
    remainingAfterLots: afterLots,
    remainingAfterUnits: 0n,
  };
}

/** An order's state while it does not rest; callers add its place when it does. */
export function stateFields(command: NewOrderCommand, beforeLots: number, afterLots: number, commandId: number) {
  const { flags, budgetUnits } = command.order;
  const byBudget = (flags & OrderFlag.BY_BUDGET) !== 0; // refused, so what is left before is the whole budget
  return {
    ...orderFields(command),
    ...(byBudget ? { ...remaining(0, 0), remainingBeforeUnits: budgetUnits } : remaining(beforeLots, afterLots)),
    slot: -1,
    generation: 0,
    commandId,
  };
}

/** A refused cancel repeats what it named, and knows nothing of any order. */
export function cancelRefusal(header: CommandHeader, cancel: CancelOrderFields): WithoutHeader<CancelRejectedEvent> {
  return {
    kind: EventKind.CANCEL_REJECTED,
    instrumentId: cancel.instrumentId,
    accountId: header.accountId,
    orderId: cancel.orderId,
    side: Side.BUY,
    keyId: cancel.keyId,
    orderType: OrderType.LIMIT,
    timeInForce: TimeInForce.GTC,
    selfTradePrevention: SelfTradePrevention.CANCEL_NEWEST,
    flags: 0,
    priceTicks: 0,
    stopPriceTicks: 0,
    makerRatePpm: 0,
    takerRatePpm: 0,
    ...remaining(0, 0),
    slot: cancel.slot,
    generation: cancel.generation,
    commandId: header.commandId,
    reason: RejectReason.UNKNOWN_ORDER,
  };
}
