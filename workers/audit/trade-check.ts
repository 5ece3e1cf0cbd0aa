import { fail } from '../../core/assert.ts';
import type { RestingOrder } from '../../core/journal/snapshot-reader.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import { type ExchangeEvent, isByBudget } from '../../core/protocol/event-decoder.ts';
import { NOT_RESTING } from '../../core/protocol/event-record.ts';
import type { BookedEvent, CancelledEvent, FilledEvent } from '../../core/protocol/events.ts';
import { CancelReason, EventKind, OrderFlag, OrderType, Side, TimeInForce } from '../../core/protocol/kinds.ts';
import { tradeOf } from '../history/trade.ts';
import type { Findings } from './check-report.ts';
import { type ActingOrder, type DueTrade, OrderMatcher, type Outcome, type WaitingOrder } from './order-matcher.ts';

/** The core's book has gone another way than the auditor's. */
class BookDiffersError extends Error {}

/** Events of one command, as far as an order's part in it is concerned. */
interface Part {
  readonly fills: readonly FilledEvent[];
  readonly ending: BookedEvent | CancelledEvent | null; // null: filled
}

/**
 * Recomputes every trade and fee from the orders alone and compares with what the core did. Orders that a price band has
 * cut short, for which the matcher has no rule, it follows by their events, and counts apart. A book that has gone
 * another way than the core's is given up after the first finding: whatever follows in it would differ too.
 */
export class TradeCheck {
  recomputedTrades = 0;
  followedTrades = 0;
  readonly #findings: Findings;
  readonly #catalogue: Catalogue;
  readonly #matchers = new Map<number, OrderMatcher | null>(); // by instrument; null: given up
  readonly #foretold = new Set<number>(); // sequences of the present command's events that a recomputed order explains
  #isRecomputed = false; // the order that acted last was recomputed, not followed

  constructor(findings: Findings, catalogue: Catalogue) {
    this.#findings = findings;
    this.#catalogue = catalogue;
  }

  /** Puts in an order that rested before the first event. */
  putOld(order: RestingOrder): void {
    if ((order.flags & OrderFlag.UNTRIGGERED) === 0) this.#matcher(order.instrumentId)!.put(order);
  }

  /** @param events all events of one command, in order */
  compare(events: readonly ExchangeEvent[]): void {
    this.#foretold.clear();
    for (const [index, event] of events.entries()) {
      const instrumentId = instrumentOf(event);
      const matcher = instrumentId === null ? null : this.#matcher(instrumentId);
      if (instrumentId === null || matcher === null) continue;
      try {
        if (!this.#foretold.has(event.eventSequence)) this.#follow(matcher, event);
        const order = actingOrder(event);
        if (order !== null) this.#act(matcher, order, partOf(order.orderId, events.slice(index + 1)));
      } catch (error) {
        if (!(error instanceof BookDiffersError)) throw error;
        this.#findings.add(7, `${error.message} (nothing further was recomputed in instrument ${instrumentId})`);
        this.#matchers.set(instrumentId, null);
      }
    }
  }

  #act(matcher: OrderMatcher, order: ActingOrder, part: Part): void {
    const { fills, ending } = part;
    this.#isRecomputed = hasRules(order, part);
    if (!this.#isRecomputed) return;
    for (const { eventSequence } of fills) this.#foretold.add(eventSequence);
    if (ending !== null) this.#foretold.add(ending.eventSequence);
    const outcome = matcher.act(order);
    this.#findings.checked(7, fills.length + 1);
    this.recomputedTrades += fills.length;
    this.#requireTrades(order, fills, outcome.trades);
    requireEnding(matcher, order, ending, outcome);
  }

  #requireTrades(order: ActingOrder, fills: readonly FilledEvent[], due: readonly DueTrade[]): void {
    for (const [index, trade] of due.entries()) {
      const fill = fills[index];
      if (fill === undefined)
        throw new BookDiffersError(
          `order ${order.orderId}: the orders ask for ${textOf(trade)}, there is no such trade`,
        );
      const recorded = this.#recordedTrade(fill);
      if (textOf(recorded) !== textOf(trade))
        throw new BookDiffersError(
          `trade ${fill.eventSequence}: ${textOf(recorded)}; the orders ask for ${textOf(trade)}`,
        );
    }
    const [extra] = fills.slice(due.length);
    if (extra !== undefined) throw new BookDiffersError(`trade ${extra.eventSequence}: the orders ask for none`);
  }

  #recordedTrade(fill: FilledEvent): DueTrade {
    const { makerOrderId, priceTicks, quantityLots, makerRemainingLots, takerRemainingLots } = fill;
    const { maker, taker } = tradeOf(fill, this.#catalogue);
    return {
      makerOrderId,
      priceTicks,
      quantityLots,
      makerRemainingLots,
      takerRemaining: isByBudget(fill.takerFlags) ? fill.takerRemainingUnits : BigInt(takerRemainingLots),
      makerFeeUnits: maker.feeUnits,
      takerFeeUnits: taker.feeUnits,
    };
  }

  /** Does to the auditor's book what an event that it did not foretell says, if the book allows it. */
  #follow(matcher: OrderMatcher, event: ExchangeEvent): void {
    switch (event.kind) {
      case EventKind.FILLED: {
        const side = event.takerSide === Side.BUY ? Side.SELL : Side.BUY;
        const maker = requireWaiting(
          matcher,
          { side, priceTicks: event.priceTicks, orderId: event.makerOrderId },
          event.makerRemainingLots + event.quantityLots,
        );
        if (maker.makerRatePpm !== event.makerMakerRatePpm)
          throw new BookDiffersError(
            `trade ${event.eventSequence}: charged at ${event.makerMakerRatePpm} ppm, order ${maker.orderId} has ${maker.makerRatePpm}`,
          );
        maker.remainingLots = event.makerRemainingLots;
        if (maker.remainingLots === 0) matcher.remove(maker);
        this.followedTrades += 1;
        break;
      }
      case EventKind.BOOKED:
        matcher.put({ ...event, remainingLots: event.remainingAfterLots });
        break;
      case EventKind.CANCELLED:
      case EventKind.EXPIRED: {
        if (!isInBook(event)) break;
        if (this.#isRecomputed && event.kind === EventKind.CANCELLED && event.reason === CancelReason.SELF_TRADE) {
          requireGone(matcher, event); // the order that met it has taken it away
          break;
        }
        matcher.remove(requireWaiting(matcher, event, event.remainingBeforeLots));
        break;
      }
      case EventKind.REDUCED: {
        if (!isInBook(event)) break;
        const wasReduced = this.#isRecomputed && event.reason === CancelReason.SELF_TRADE;
        const { remainingBeforeLots, remainingAfterLots } = event;
        const lots = wasReduced ? remainingAfterLots : remainingBeforeLots;
        requireWaiting(matcher, event, lots).remainingLots = remainingAfterLots;
        break;
      }
      case EventKind.AMENDED: {
        if ((event.flags & OrderFlag.UNTRIGGERED) !== 0) break;
        const before = { ...event, priceTicks: event.priceTicksBefore };
        const order = requireWaiting(matcher, before, event.remainingBeforeLots);
        if (event.slot === NOT_RESTING) matcher.remove(order);
        else order.remainingLots = event.remainingAfterLots;
        break;
      }
    }
  }

  #matcher(instrumentId: number): OrderMatcher | null {
    let matcher = this.#matchers.get(instrumentId);
    if (matcher === undefined) {
      const instrument = this.#catalogue.instrument(instrumentId);
      if (instrument === undefined) fail(`instrument ${instrumentId} trades before it is defined`);
      matcher = new OrderMatcher(instrument);
      this.#matchers.set(instrumentId, matcher);
    }
    return matcher;
  }
}

/** @returns the instrument in whose book the event says something, or null */
function instrumentOf(event: ExchangeEvent): number | null {
  switch (event.kind) {
    case EventKind.ACCEPTED:
    case EventKind.BOOKED:
    case EventKind.FILLED:
    case EventKind.CANCELLED:
    case EventKind.EXPIRED:
    case EventKind.REDUCED:
    case EventKind.AMENDED:
    case EventKind.TRIGGERED:
      return event.instrumentId;
    default: // refusals, definitions, and stops that wait, tell of no book
      return null;
  }
}

/** @returns the order that acts from this event on, or null */
function actingOrder(event: ExchangeEvent): ActingOrder | null {
  switch (event.kind) {
    case EventKind.ACCEPTED: {
      const { orderType, quantityLots, budgetUnits } = event;
      if (orderType !== OrderType.LIMIT && orderType !== OrderType.MARKET) return null;
      return { ...event, isMarket: orderType === OrderType.MARKET, remainingLots: quantityLots, budgetUnits };
    }
    case EventKind.TRIGGERED: {
      const isMarket = event.orderType === OrderType.STOP_MARKET;
      return { ...event, isMarket, remainingLots: event.remainingAfterLots, budgetUnits: 0n };
    }
    case EventKind.AMENDED:
      if (event.slot !== NOT_RESTING || (event.flags & OrderFlag.UNTRIGGERED) !== 0) return null;
      return { ...event, isMarket: false, remainingLots: event.remainingAfterLots, budgetUnits: 0n };
    default:
      return null;
  }
}

/** @returns whether the matcher's rules say all of what becomes of the order */
function hasRules({ flags, timeInForce }: ActingOrder, { ending }: Part): boolean {
  if (isByBudget(flags) && timeInForce === TimeInForce.FOK) return false;
  return !(ending?.kind === EventKind.CANCELLED && ending.reason === CancelReason.PRICE_BAND);
}

/** @param events those after the order began to act */
function partOf(orderId: number, events: readonly ExchangeEvent[]): Part {
  const fills = events.filter((event) => event.kind === EventKind.FILLED && event.takerOrderId === orderId);
  const ending = events.find(
    (event) => (event.kind === EventKind.BOOKED || event.kind === EventKind.CANCELLED) && event.orderId === orderId,
  );
  return { fills: fills as FilledEvent[], ending: (ending as BookedEvent | CancelledEvent | undefined) ?? null };
}

function requireEnding(matcher: OrderMatcher, order: ActingOrder, ending: Part['ending'], due: Outcome): void {
  const { orderId, flags } = order;
  let recorded = { ending: 'FILLED', remaining: 0n };
  if (ending !== null) {
    const { remainingBeforeLots, remainingBeforeUnits } = ending;
    const remaining = isByBudget(flags) ? remainingBeforeUnits : BigInt(remainingBeforeLots);
    recorded = { ending: ending.kind === EventKind.BOOKED ? 'RESTS' : 'CANCELLED', remaining };
    if (ending.kind === EventKind.CANCELLED && ending.reason === CancelReason.BOOK_FULL && due.ending === 'RESTS') {
      matcher.remove(requireWaiting(matcher, order, remainingBeforeLots)); // it had no room: the core's own limit
      return;
    }
  }
  if (recorded.ending !== due.ending || recorded.remaining !== due.remaining)
    throw new BookDiffersError(
      `order ${orderId}: ${recorded.ending} with ${recorded.remaining}; the orders ask for ${due.ending} with ${due.remaining}`,
    );
}

function isInBook({ slot, flags }: { readonly slot: number; readonly flags: number }): boolean {
  return slot !== NOT_RESTING && (flags & OrderFlag.UNTRIGGERED) === 0;
}

/** Where an order is looked for in a book. */
interface Place {
  readonly side: Side;
  readonly priceTicks: number;
  readonly orderId: number;
}

function requireWaiting(matcher: OrderMatcher, { side, priceTicks, orderId }: Place, lots: number): WaitingOrder {
  const order = matcher.find(side, priceTicks, orderId);
  if (order?.remainingLots === lots) return order;
  const known = order === undefined ? 'does not rest' : `rests with ${order.remainingLots} lots`;
  throw new BookDiffersError(`order ${orderId}: the core has it rest with ${lots} lots; by the orders it ${known}`);
}

function requireGone(matcher: OrderMatcher, { side, priceTicks, orderId }: Place): void {
  if (matcher.find(side, priceTicks, orderId) !== undefined)
    throw new BookDiffersError(`order ${orderId}: cancelled as a trade with itself; by the orders it rests on`);
}

function textOf(trade: DueTrade): string {
  return (
    `${trade.quantityLots} lots at ${trade.priceTicks} with order ${trade.makerOrderId}, leaving ` +
    `${trade.makerRemainingLots} and ${trade.takerRemaining}, fees ${trade.makerFeeUnits} and ${trade.takerFeeUnits}`
  );
}
