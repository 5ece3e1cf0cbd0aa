import { fail } from '../../core/assert.ts';
import { FEE_ACCOUNT_ID } from '../../core/money/asset.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import { fillFeeUnits } from '../../core/money/fee.ts';
import { baseUnits, type Instrument, notionalUnits } from '../../core/money/instrument.ts';
import { budgetNeedUnits, type FeeRates, needUnits, splitBuyFill } from '../../core/money/need.ts';
import type { EntryReason, Leg, SettlementBatch } from '../../core/ports/ledger.ts';
import {
  type AmendedEvent,
  type AmendRejectedEvent,
  type CancelledEvent,
  type ExchangeEvent,
  type ExpiredEvent,
  type FilledEvent,
  isByBudget,
  type ReducedEvent,
  type RejectedEvent,
} from '../../core/protocol/event-decoder.ts';
import { EventKind, OrderFlag, Side } from '../../core/protocol/kinds.ts';

/** What events do to the ledger. */
export type Effects = Pick<SettlementBatch, 'legs' | 'settledCommands'>;

/**
 * Turns events into legs: at most one per event, account and asset, adding up to zero per event and asset.
 * @param catalogue knows the instruments of all events
 * @throws InvariantError naming the event that can't be settled by the rules
 */
export function effectsOf(events: readonly ExchangeEvent[], catalogue: Catalogue): Effects {
  const legs: Leg[] = [];
  const settledCommands: { commandId: number; eventSequence: number }[] = [];
  for (const event of events) {
    switch (event.kind) {
      case EventKind.ACCEPTED:
        settledCommands.push({ commandId: event.orderId, eventSequence: event.eventSequence });
        break;
      case EventKind.REJECTED:
        if (!couldBeHeldFor(event, catalogue)) break;
        settledCommands.push({ commandId: event.orderId, eventSequence: event.eventSequence });
        pushReturn(legs, event, catalogue, 'reject');
        break;
      case EventKind.CANCELLED:
        pushReturn(legs, event, catalogue, 'cancel');
        break;
      case EventKind.EXPIRED:
        pushReturn(legs, event, catalogue, 'expire');
        break;
      case EventKind.REDUCED:
        pushReturn(legs, event, catalogue, 'reduce');
        break;
      case EventKind.AMENDED:
        pushAmendment(legs, event, catalogue);
        if (event.heldUnits > 0n) settledCommands.push(settledBy(event));
        break;
      case EventKind.AMEND_REJECTED:
        // Without an instrument nothing can have been held by the rules, as with a rejected order.
        if (event.heldUnits <= 0n || catalogue.instrument(event.instrumentId) === undefined) break;
        pushRelease(legs, event, catalogue, event.heldUnits, 'reject');
        settledCommands.push(settledBy(event));
        break;
      case EventKind.FILLED:
        pushFill(legs, event, catalogue);
        break;
      default: // moves no money: an order rests, waits or is triggered, a command about no order, a refused cancel
    }
  }
  return { legs, settledCommands };
}

/**
 * A rejected order carries what was sent, be it nonsense. What has no instrument or no whole quantity has no need, so
 * nothing can have been held for it by the rules; should a hold be there all the same, it stays and is released as one
 * that no command used.
 */
function couldBeHeldFor(event: RejectedEvent, catalogue: Catalogue): boolean {
  return (
    catalogue.instrument(event.instrumentId) !== undefined &&
    event.priceTicks >= 0 &&
    event.remainingBeforeLots >= 0 &&
    Number.isSafeInteger(event.remainingBeforeLots) &&
    event.remainingBeforeUnits >= 0n &&
    !(isByBudget(event.flags) && event.side === Side.SELL)
  );
}

/** A close, or a reduction: what the order no longer needs goes back, so that at a close nothing of its hold is left. */
function pushReturn(
  legs: Leg[],
  event: RejectedEvent | CancelledEvent | ExpiredEvent | ReducedEvent,
  catalogue: Catalogue,
  reason: EntryReason,
): void {
  const instrument = instrumentOf(event, catalogue);
  const { side, priceTicks } = event;
  let units: bigint;
  if (isByBudget(event.flags)) {
    if (side === Side.SELL) fail(`event ${event.eventSequence}: a sell by budget`);
    units = budgetNeedUnits(event.remainingBeforeUnits, event) - budgetNeedUnits(event.remainingAfterUnits, event);
  } else {
    units =
      needUnits(instrument, side, priceTicks, event.remainingBeforeLots, event) -
      needUnits(instrument, side, priceTicks, event.remainingAfterLots, event);
  }
  pushRelease(legs, event, catalogue, units, reason);
}

/** What the order needed and what was held for the change, less what it needs now, goes back. */
function pushAmendment(legs: Leg[], event: AmendedEvent, catalogue: Catalogue): void {
  const instrument = instrumentOf(event, catalogue);
  const { eventSequence, side } = event;
  const before = needUnits(instrument, side, event.priceTicksBefore, event.remainingBeforeLots, event);
  const after = needUnits(instrument, side, event.priceTicks, event.remainingAfterLots, event);
  const units = before + event.heldUnits - after;
  if (units < 0n) fail(`event ${eventSequence}: the hold of the amend lacks ${-units} units`);
  pushRelease(legs, event, catalogue, units, 'amend');
}

function pushRelease(
  legs: Leg[],
  event: Pick<AmendedEvent, 'eventSequence' | 'instrumentId' | 'accountId' | 'side'>,
  catalogue: Catalogue,
  units: bigint,
  reason: EntryReason,
): void {
  const instrument = instrumentOf(event, catalogue);
  const { eventSequence, accountId } = event;
  const { assetId } = event.side === Side.BUY ? instrument.quote : instrument.base;
  push(legs, { eventSequence, accountId, assetId, availableDeltaUnits: units, heldDeltaUnits: -units, reason });
}

/** The command whose hold record ends here. */
function settledBy({ commandId, eventSequence }: AmendedEvent | AmendRejectedEvent) {
  return { commandId, eventSequence };
}

/** One side of a trade as settlement sees it. */
interface Party {
  readonly accountId: number;
  readonly limitTicks: number;
  readonly remainingLots: number; // after the fill; 0 by budget
  readonly budgetUnits: bigint | null; // after the fill; null when not by budget
  readonly rates: FeeRates;
  readonly chargedRatePpm: number; // maker's or taker's, by which of them it was
}

/**
 * A trade. The buyer's hold shrinks by need(before) - need(after): it pays the seller and its own fee out of that and
 * gets the rest back. The seller's base leaves its hold; its fee is taken from what it gets.
 */
function pushFill(legs: Leg[], event: FilledEvent, catalogue: Catalogue): void {
  const instrument = instrumentOf(event, catalogue);
  const { eventSequence, priceTicks, quantityLots } = event;
  const isTakerBuyer = event.takerSide === Side.BUY;
  const buyer = isTakerBuyer ? takerOf(event) : makerOf(event);
  const seller = isTakerBuyer ? makerOf(event) : takerOf(event);
  if (seller.budgetUnits !== null) fail(`event ${eventSequence}: a sell by budget`);

  const paidUnits = notionalUnits(instrument, priceTicks, quantityLots);
  const deliveredUnits = baseUnits(instrument, quantityLots);
  const { before, after } = buyerNeeds(instrument, buyer, quantityLots, paidUnits);
  const { feeUnits: buyerFeeUnits, releasedUnits } = splitBuyFill(before, after, paidUnits, buyer.chargedRatePpm);
  if (releasedUnits < 0n) fail(`event ${eventSequence}: the buyer's hold lacks ${-releasedUnits} units`);
  const sellerFeeUnits = fillFeeUnits(paidUnits, seller.chargedRatePpm);

  const base = instrument.base.assetId;
  const quote = instrument.quote.assetId;
  const leg = (accountId: number, assetId: number, available: bigint, held: bigint, reason: EntryReason): void =>
    push(legs, {
      eventSequence,
      accountId,
      assetId,
      availableDeltaUnits: available,
      heldDeltaUnits: held,
      reason,
    });
  leg(buyer.accountId, quote, releasedUnits, after - before, 'fill');
  leg(buyer.accountId, base, deliveredUnits, 0n, 'fill');
  leg(seller.accountId, base, 0n, -deliveredUnits, 'fill');
  leg(seller.accountId, quote, paidUnits - sellerFeeUnits, 0n, 'fill');
  leg(FEE_ACCOUNT_ID, quote, buyerFeeUnits + sellerFeeUnits, 0n, 'fee');
}

function buyerNeeds(
  instrument: Instrument,
  buyer: Party,
  quantityLots: number,
  paidUnits: bigint,
): { readonly before: bigint; readonly after: bigint } {
  const { limitTicks, remainingLots, budgetUnits, rates } = buyer;
  if (budgetUnits !== null)
    return { before: budgetNeedUnits(budgetUnits + paidUnits, rates), after: budgetNeedUnits(budgetUnits, rates) };
  return {
    before: needUnits(instrument, Side.BUY, limitTicks, remainingLots + quantityLots, rates),
    after: needUnits(instrument, Side.BUY, limitTicks, remainingLots, rates),
  };
}

function makerOf(event: FilledEvent): Party {
  return {
    accountId: event.makerAccountId,
    limitTicks: event.makerLimitTicks,
    remainingLots: event.makerRemainingLots,
    budgetUnits: null, // an order by budget never rests
    rates: { makerRatePpm: event.makerMakerRatePpm, takerRatePpm: event.makerTakerRatePpm },
    chargedRatePpm: event.makerMakerRatePpm,
  };
}

function takerOf(event: FilledEvent): Party {
  return {
    accountId: event.takerAccountId,
    limitTicks: event.takerLimitTicks,
    remainingLots: event.takerRemainingLots,
    budgetUnits: (event.takerFlags & OrderFlag.BY_BUDGET) !== 0 ? event.takerRemainingUnits : null,
    rates: { makerRatePpm: event.takerMakerRatePpm, takerRatePpm: event.takerTakerRatePpm },
    chargedRatePpm: event.takerTakerRatePpm,
  };
}

function instrumentOf(event: { instrumentId: number; eventSequence: number }, catalogue: Catalogue): Instrument {
  const instrument = catalogue.instrument(event.instrumentId);
  if (instrument === undefined)
    fail(`event ${event.eventSequence}: instrument ${event.instrumentId} is not in the catalogue yet`);
  return instrument;
}

/** A change of nothing (a fee of zero) is no leg, and no entry. */
function push(legs: Leg[], leg: Leg): void {
  if (leg.availableDeltaUnits !== 0n || leg.heldDeltaUnits !== 0n) legs.push(leg);
}
