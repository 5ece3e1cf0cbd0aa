import type { Catalogue } from '../../core/money/catalogue.ts';
import { budgetNeedUnits, needUnits } from '../../core/money/need.ts';
import { type AcceptedEvent, type ExchangeEvent, isByBudget } from '../../core/protocol/event-decoder.ts';
import { EventKind, Side } from '../../core/protocol/kinds.ts';
import { AmountTable } from './amount-table.ts';

interface OpenOrder {
  readonly accepted: AcceptedEvent;
  remainingLots: number;
  remainingUnits: bigint;
}

/** The orders that are open after the events seen so far, told by the events alone. */
export class OpenOrders {
  readonly #orders = new Map<number, OpenOrder>();

  get count(): number {
    return this.#orders.size;
  }

  /** @returns what is wrong with the event, or null */
  apply(event: ExchangeEvent): string | null {
    switch (event.kind) {
      case EventKind.ACCEPTED:
        this.#orders.set(event.orderId, {
          accepted: event,
          remainingLots: event.quantityLots,
          remainingUnits: event.budgetUnits,
        });
        return null;
      case EventKind.FILLED:
        return (
          this.#fill(event.makerOrderId, event.quantityLots, event.makerRemainingLots, 0n) ??
          this.#fill(event.takerOrderId, event.quantityLots, event.takerRemainingLots, event.takerRemainingUnits)
        );
      case EventKind.CANCELLED:
        return this.#orders.delete(event.orderId) ? null : `order ${event.orderId} is cancelled but was not open`;
      default:
        return null;
    }
  }

  /** @returns what all open orders need, by account and asset */
  needs(catalogue: Catalogue): AmountTable {
    const needs = new AmountTable();
    for (const { accepted, remainingLots, remainingUnits } of this.#orders.values()) {
      const instrument = catalogue.instrument(accepted.instrumentId)!;
      const { assetId } = accepted.side === Side.BUY ? instrument.quote : instrument.base;
      const units = isByBudget(accepted.flags)
        ? budgetNeedUnits(remainingUnits, accepted)
        : needUnits(instrument, accepted.side, accepted.priceTicks, remainingLots, accepted);
      needs.add(accepted.accountId, assetId, units);
    }
    return needs;
  }

  #fill(orderId: number, filledLots: number, remainingLots: number, remainingUnits: bigint): string | null {
    const order = this.#orders.get(orderId);
    if (order === undefined) return `order ${orderId} is filled but was not open`;
    const byBudget = isByBudget(order.accepted.flags);
    const before = order.remainingLots;
    order.remainingLots = remainingLots;
    order.remainingUnits = remainingUnits;
    if (byBudget ? remainingUnits === 0n : remainingLots === 0) this.#orders.delete(orderId);
    return byBudget || before - filledLots === remainingLots
      ? null
      : `order ${orderId}: ${before} lots less ${filledLots} are not ${remainingLots}`;
  }
}
