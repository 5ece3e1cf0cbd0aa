import { Side } from '../protocol/kinds.ts';
import { feeReserveUnits, fillFeeUnits } from './fee.ts';
import { baseUnits, type Instrument, notionalUnits } from './instrument.ts';

/** Fee rates of one order, fixed when it is placed: later changes of the instrument's fees do not touch it. */
export interface FeeRates {
  readonly makerRatePpm: number;
  readonly takerRatePpm: number;
}

/**
 * What an order with `remainingLots` left must hold, at its limit, fee included.
 * @returns quote units for a buy, base units for a sell; 0 when nothing remains
 */
export function needUnits(
  instrument: Instrument,
  side: Side,
  limitTicks: number,
  remainingLots: number,
  rates: FeeRates,
): bigint {
  if (side === Side.SELL) return baseUnits(instrument, remainingLots);
  return budgetNeedUnits(notionalUnits(instrument, limitTicks, remainingLots), rates);
}

/** What a buy by quote budget, or a buy of that notional, must hold: the budget plus its fee at the higher rate. */
export function budgetNeedUnits(budgetUnits: bigint, rates: FeeRates): bigint {
  return budgetUnits + feeReserveUnits(budgetUnits, Math.max(rates.makerRatePpm, rates.takerRatePpm));
}

/** What an order is, as whoever amends it last saw it: fills that came since only make its need smaller. */
export interface AmendableOrder {
  readonly limitTicks: number;
  readonly remainingLots: number;
  readonly totalLots: number;
}

/**
 * What an amend must hold beyond what the order has. It suffices whatever fills and self-trade decrements come first: the
 * added quantity at the new limit, and the rise of the limit on what remained, with the fee on both, rounded up.
 * @param totalLots as AMEND_ORDER carries it
 * @returns quote units for a buy, base units for a sell; 0 when nothing is added
 */
export function amendHoldUnits(
  instrument: Instrument,
  side: Side,
  order: AmendableOrder,
  limitTicks: number,
  totalLots: number,
  rates: FeeRates,
): bigint {
  const addedLots = Math.max(0, totalLots - order.totalLots);
  if (side === Side.SELL) return baseUnits(instrument, addedLots);
  const risenTicks = Math.max(0, limitTicks - order.limitTicks);
  const addedUnits =
    notionalUnits(instrument, limitTicks, addedLots) + notionalUnits(instrument, risenTicks, order.remainingLots);
  return budgetNeedUnits(addedUnits, rates);
}

/** What one fill does to a buyer: pays the seller, pays its fee, and gets back what its limit had set aside beyond that. */
export interface BuyFillSplit {
  readonly paidUnits: bigint;
  readonly feeUnits: bigint;
  readonly releasedUnits: bigint; // never negative: see ARCHITECTURE.md, "What an order needs"
}

/**
 * Splits what a buy's fill takes out of its hold: need(before) - need(after) = paid + fee + released.
 * @param ratePpm the rate this fill is charged at, maker's or taker's
 */
export function splitBuyFill(
  needBeforeUnits: bigint,
  needAfterUnits: bigint,
  paidUnits: bigint,
  ratePpm: number,
): BuyFillSplit {
  const feeUnits = fillFeeUnits(paidUnits, ratePpm);
  return { paidUnits, feeUnits, releasedUnits: needBeforeUnits - needAfterUnits - paidUnits - feeUnits };
}
