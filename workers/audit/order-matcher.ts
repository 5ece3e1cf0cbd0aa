import type { Instrument } from '../../core/money/instrument.ts';
import { OrderFlag, SelfTradePrevention, Side, TimeInForce } from '../../core/protocol/kinds.ts';

/** An order that waits in a book of the auditor. */
export interface WaitingOrder {
  readonly orderId: number;
  readonly accountId: number;
  readonly side: Side;
  readonly priceTicks: number;
  readonly makerRatePpm: number;
  remainingLots: number;
}

/** An order that acts: a new one, a triggered stop, an amended one that left its place. */
export interface ActingOrder {
  readonly orderId: number;
  readonly accountId: number;
  readonly side: Side;
  readonly isMarket: boolean; // never rests
  readonly timeInForce: TimeInForce;
  readonly selfTradePrevention: SelfTradePrevention;
  readonly flags: number;
  readonly priceTicks: number;
  readonly remainingLots: number; // 0 by budget
  readonly budgetUnits: bigint; // 0 unless by budget
  readonly makerRatePpm: number;
  readonly takerRatePpm: number;
}

/** A trade as the orders alone ask for it. */
export interface DueTrade {
  readonly makerOrderId: number;
  readonly priceTicks: number;
  readonly quantityLots: number;
  readonly makerRemainingLots: number;
  readonly takerRemaining: bigint; // lots, or quote units by budget
  readonly makerFeeUnits: bigint;
  readonly takerFeeUnits: bigint;
}

/** What becomes of an order that acts. */
export interface Outcome {
  readonly trades: readonly DueTrade[];
  readonly ending: 'FILLED' | 'RESTS' | 'CANCELLED';
  readonly remaining: bigint; // lots, or quote units by budget
}

/**
 * One instrument's book again, for the audit: two sorted arrays. Shares no code with the core's
 * book, and none of its arithmetic, so that the two do not make the same mistake. Slow.
 */
export class OrderMatcher {
  readonly #instrument: Instrument;
  /** By Side; the best price first, at one price the oldest first. */
  readonly #waiting: readonly [WaitingOrder[], WaitingOrder[]] = [[], []];

  constructor(instrument: Instrument) {
    this.#instrument = instrument;
  }

  /** Puts in an order behind all that wait at its price. */
  put(order: WaitingOrder): void {
    const orders = this.#waiting[order.side];
    orders.splice(firstAt(orders, order.side, order.priceTicks + (order.side === Side.BUY ? -1 : 1)), 0, order);
  }

  /** @returns the order, or undefined when it does not wait here at that price */
  find(side: Side, priceTicks: number, orderId: number): WaitingOrder | undefined {
    const orders = this.#waiting[side];
    for (let at = firstAt(orders, side, priceTicks); orders[at]?.priceTicks === priceTicks; at++)
      if (orders[at]!.orderId === orderId) return orders[at];
    return undefined;
  }

  remove(order: WaitingOrder): void {
    const orders = this.#waiting[order.side];
    orders.splice(orders.indexOf(order, firstAt(orders, order.side, order.priceTicks)), 1);
  }

  /** Lets an order act: it trades, then rests or goes. */
  act(order: ActingOrder): Outcome {
    const isByBudget = (order.flags & OrderFlag.BY_BUDGET) !== 0;
    const trades: DueTrade[] = [];
    let remaining = isByBudget ? order.budgetUnits : BigInt(order.remainingLots);
    const cancelled = (): Outcome => ({ trades, ending: 'CANCELLED', remaining });
    const others = this.#waiting[order.side === Side.BUY ? Side.SELL : Side.BUY];
    if ((order.flags & OrderFlag.POST_ONLY) !== 0 && crosses(order, others[0])) return cancelled();
    if (order.timeInForce === TimeInForce.FOK && !canFill(order, others)) return cancelled();

    while (remaining > 0n && crosses(order, others[0])) {
      const maker = others[0]!;
      const lotPriceUnits = this.#paidUnits(maker.priceTicks, 1n);
      const wantedLots = isByBudget ? remaining / lotPriceUnits : remaining;
      const makerLots = BigInt(maker.remainingLots);
      const lots = wantedLots < makerLots ? wantedLots : makerLots;
      if (lots === 0n) return cancelled(); // the budget does not buy one more
      const after = remaining - (isByBudget ? lots * lotPriceUnits : lots);
      if (maker.accountId === order.accountId) {
        if (order.selfTradePrevention === SelfTradePrevention.CANCEL_NEWEST) return cancelled();
        if (order.selfTradePrevention !== SelfTradePrevention.DECREMENT) {
          this.remove(maker);
          if (order.selfTradePrevention === SelfTradePrevention.CANCEL_BOTH) return cancelled();
          continue;
        }
        this.#reduce(maker, lots);
        if (after === 0n) return cancelled();
        remaining = after;
        continue;
      }
      this.#reduce(maker, lots);
      remaining = after;
      trades.push(this.#trade(order, maker, lots, remaining));
    }
    if (remaining === 0n) return { trades, ending: 'FILLED', remaining };
    const mayRest = order.timeInForce === TimeInForce.GTC || order.timeInForce === TimeInForce.GTD;
    if (order.isMarket || !mayRest) return cancelled();
    const { orderId, accountId, side, priceTicks, makerRatePpm } = order;
    this.put({ orderId, accountId, side, priceTicks, makerRatePpm, remainingLots: Number(remaining) });
    return { trades, ending: 'RESTS', remaining };
  }

  #reduce(maker: WaitingOrder, lots: bigint): void {
    maker.remainingLots -= Number(lots);
    if (maker.remainingLots === 0) this.remove(maker);
  }

  #trade(taker: ActingOrder, maker: WaitingOrder, lots: bigint, takerRemaining: bigint): DueTrade {
    const paidUnits = this.#paidUnits(maker.priceTicks, lots);
    const fee = (ratePpm: number): bigint => (paidUnits * BigInt(ratePpm)) / 1_000_000n;
    return {
      makerOrderId: maker.orderId,
      priceTicks: maker.priceTicks,
      quantityLots: Number(lots),
      makerRemainingLots: maker.remainingLots,
      takerRemaining,
      makerFeeUnits: fee(maker.makerRatePpm),
      takerFeeUnits: fee(taker.takerRatePpm),
    };
  }

  /** From the definitions: lots in base units, times quote per whole base, in the quote's units. */
  #paidUnits(priceTicks: number, lots: bigint): bigint {
    const { tickMantissa, tickScale, lotUnits, base, quote } = this.#instrument;
    const price = BigInt(priceTicks) * tickMantissa; // in 10^-tickScale
    return (lots * lotUnits * price * 10n ** BigInt(quote.decimals)) / 10n ** BigInt(base.decimals + tickScale);
  }
}

/** @returns index of the first order that is not better priced than that; behind the last when all are */
function firstAt(orders: readonly WaitingOrder[], side: Side, priceTicks: number): number {
  let [low, high] = [0, orders.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const price = orders[middle]!.priceTicks;
    const isBetter = side === Side.BUY ? price > priceTicks : price < priceTicks;
    if (isBetter) low = middle + 1;
    else high = middle;
  }
  return low;
}

function crosses({ side, priceTicks }: ActingOrder, maker: WaitingOrder | undefined): boolean {
  if (maker === undefined) return false;
  return side === Side.BUY ? maker.priceTicks <= priceTicks : maker.priceTicks >= priceTicks;
}

/** Fill or kill: the whole quantity, before an order of one's own is met, unless those would be cancelled on the way. */
function canFill(order: ActingOrder, others: readonly WaitingOrder[]): boolean {
  let missingLots = order.remainingLots;
  for (const maker of others) {
    if (!crosses(order, maker)) return false;
    const isOwn = maker.accountId === order.accountId;
    if (isOwn && order.selfTradePrevention !== SelfTradePrevention.CANCEL_OLDEST) return false;
    if (!isOwn) missingLots -= maker.remainingLots;
    if (missingLots <= 0) return true;
  }
  return false;
}
