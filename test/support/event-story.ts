import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { CancelReason, EventKind, RejectReason } from '../../core/protocol/kinds.ts';

/** @returns what happened to orders, an event a line: kind, order id, lots (units by budget), what it is about */
export function storyOf(events: readonly ExchangeEvent[]): string[] {
  return events.map((event) => {
    const kind = nameIn(EventKind, event.kind);
    switch (event.kind) {
      case EventKind.FILLED:
        return `FILLED ${event.makerOrderId} by ${event.takerOrderId}: ${event.quantityLots} at ${event.priceTicks}`;
      case EventKind.CANCELLED:
        return `CANCELLED ${event.orderId}: ${remainingBefore(event)} ${nameIn(CancelReason, event.reason)}`;
      case EventKind.REDUCED:
        return `REDUCED ${event.orderId}: ${remainingBefore(event)} to ${event.remainingAfterUnits || event.remainingAfterLots}`;
      case EventKind.AMENDED:
        return `AMENDED ${event.orderId}: ${remainingBefore(event)} to ${event.remainingAfterLots}`;
      case EventKind.REJECTED:
      case EventKind.AMEND_REJECTED:
        return `${kind} ${event.orderId}: ${nameIn(RejectReason, event.reason)}`;
      case EventKind.EXPIRED:
      case EventKind.BOOKED:
      case EventKind.STOP_PLACED:
      case EventKind.TRIGGERED:
        return `${kind} ${event.orderId}: ${remainingBefore(event)}`;
      default:
        return kind;
    }
  });
}

function remainingBefore(event: {
  readonly remainingBeforeLots: number;
  readonly remainingBeforeUnits: bigint;
}): number | bigint {
  return event.remainingBeforeUnits || event.remainingBeforeLots;
}

/** @returns the name of a number of a closed set, or its digits */
export function nameIn(set: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(set).find((name) => set[name] === value) ?? `${value}`;
}
