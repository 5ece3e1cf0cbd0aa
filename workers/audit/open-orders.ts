import { fail } from '../../core/assert.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import { budgetNeedUnits, needUnits } from '../../core/money/need.ts';
import { type AcceptedEvent, type ExchangeEvent, isByBudget } from '../../core/protocol/event-decoder.ts';
import { EventKind, Side } from '../../core/protocol/kinds.ts';
import { AmountTable } from './amount-table.ts';

/** What of an order decides what it needs. */
type OrderTerms = Pick<
  AcceptedEvent,
  'instrumentId' | 'accountId' | 'orderId' | 'side' | 'flags' | 'priceTicks' | 'makerRatePpm' | 'takerRatePpm'
>;

/** An order that rested before the first event that is known. */
export interface OldOrder extends OrderTerms {
  readonly remainingLots: number;
}

interface OpenOrder {
  terms: OrderTerms; // its limit changes when it is amended
  remainingLots: number;
  remainingUnits: bigint;
}

/** The orders that are open after the events seen so far, told by the events alone. */
export class OpenOrders {
  readonly #orders = new Map<number, OpenOrder>();

  get count(): number {
    return this.#orders.size;
  }

  putOld(order: OldOrder): void {
    const { remainingLots, ...terms } = order;
    this.#orders.set(order.orderId, { terms, remainingLots, remainingUnits: 0n });
  }

  /** @returns what is wrong with the event, or null */
  apply(event: ExchangeEvent): string | null {
    switch (event.kind) {
      case EventKind.ACCEPTED: {
        const { quantityLots, budgetUnits } = event;
        this.#orders.set(event.orderId, { terms: event, remainingLots: quantityLots, remainingUnits: budgetUnits });
        return null;
      }
      case EventKind.FILLED:
        return (
          this.#fill(event.makerOrderId, event.quantityLots, event.makerRemainingLots, 0n) ??
          this.#fill(event.takerOrderId, event.quantityLots, event.takerRemainingLots, event.takerRemainingUnits)
        );
      case EventKind.REDUCED:
      case EventKind.AMENDED: {
        const order = this.#orders.get(event.orderId);
        if (order === undefined) return `order ${event.orderId} is changed but was not open`;
        order.terms = { ...order.terms, priceTicks: event.priceTicks };
        order.remainingLots = event.remainingAfterLots;
        order.remainingUnits = event.remainingAfterUnits;
        return null;
      }
      case EventKind.CANCELLED:
      case EventKind.EXPIRED:
        return this.#orders.delete(event.orderId) ? null : `order ${event.orderId} is closed but was not open`;
      case EventKind.BOOKED:
      case EventKind.STOP_PLACED:
      case EventKind.TRIGGERED:
      case EventKind.AMEND_REJECTED:
      case EventKind.REJECTED:
      case EventKind.CANCEL_REJECTED:
      case EventKind.CHECKPOINTED:
      case EventKind.MASS_CANCELLED: // each order it took away has an event of its own, as with the next
      case EventKind.TIME_ADVANCED:
      case EventKind.ASSET_DEFINED:
      case EventKind.INSTRUMENT_DEFINED:
      case EventKind.DEFINITION_REJECTED:
      case EventKind.INSTRUMENT_STATE_CHANGED:
      case EventKind.INSTRUMENT_UPDATED:
        return null;
      default:
        return unknownKind(event);
    }
  }

  /** @returns what all open orders need, by account and asset */
  needs(catalogue: Catalogue): AmountTable {
    const needs = new AmountTable();
    for (const { terms, remainingLots, remainingUnits } of this.#orders.values()) {
      const instrument = catalogue.instrument(terms.instrumentId)!;
      const { assetId } = terms.side === Side.BUY ? instrument.quote : instrument.base;
      needs.add(terms.accountId, assetId, needOf(terms, remainingLots, remainingUnits, catalogue));
    }
    return needs;
  }

  #fill(orderId: number, filledLots: number, remainingLots: number, remainingUnits: bigint): string | null {
    const order = this.#orders.get(orderId);
    if (order === undefined) return `order ${orderId} is filled but was not open`;
    const byBudget = isByBudget(order.terms.flags);
    const before = order.remainingLots;
    order.remainingLots = remainingLots;
    order.remainingUnits = remainingUnits;
    if (byBudget ? remainingUnits === 0n : remainingLots === 0) this.#orders.delete(orderId);
    return byBudget || before - filledLots === remainingLots
      ? null
      : `order ${orderId}: ${before} lots less ${filledLots} are not ${remainingLots}`;
  }
}

/** @returns what an order must hold when it is accepted */
export function needOfOrder(order: AcceptedEvent, catalogue: Catalogue): bigint {
  return needOf(order, order.quantityLots, order.budgetUnits, catalogue);
}

/** A kind of which the audit does not know what it does to orders: it would prove nothing about them. */
function unknownKind(event: ExchangeEvent): never {
  return fail(`event ${event.eventSequence}: the audit has no rule for kind ${event.kind}`);
}

function needOf(terms: OrderTerms, remainingLots: number, remainingUnits: bigint, catalogue: Catalogue): bigint {
  if (isByBudget(terms.flags)) return budgetNeedUnits(remainingUnits, terms);
  return needUnits(catalogue.instrument(terms.instrumentId)!, terms.side, terms.priceTicks, remainingLots, terms);
}
