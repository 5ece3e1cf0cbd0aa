import { fail } from '../../core/assert.ts';
import type { RestingOrder } from '../../core/journal/snapshot-reader.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { NOT_RESTING } from '../../core/protocol/event-record.ts';
import { EventKind, OrderFlag, Side } from '../../core/protocol/kinds.ts';
import type { EventListener } from '../orders/event-reader.ts';

export interface DepthLevel {
  readonly priceTicks: number;
  readonly lots: number; // all resting orders at that price together, > 0
}

/** What one event did to one level. */
export interface DepthChange {
  readonly side: Side;
  readonly priceTicks: number;
  readonly lots: number; // of the level after it, 0 when the level is gone
  readonly deltaLots: number;
}

/** Price levels of one side of one book, summed up from events. */
class DepthSide {
  readonly #lotsByPrice = new Map<number, number>();
  readonly #prices: number[] = []; // best last, where most changes are: adding and removing there moves little
  readonly #side: Side;
  readonly #direction: 1 | -1; // of prices from worst to best
  readonly #changes: DepthChange[];

  /** @param changes gets every change of this side */
  constructor(side: Side, changes: DepthChange[]) {
    this.#side = side;
    this.#direction = side === Side.BUY ? 1 : -1;
    this.#changes = changes;
  }

  /** Sums orders up, in any order, without a change that anybody could see; `sort` must follow. */
  prime(priceTicks: number, lots: number): void {
    const present = this.#lotsByPrice.get(priceTicks);
    if (present === undefined) this.#prices.push(priceTicks);
    this.#lotsByPrice.set(priceTicks, (present ?? 0) + lots);
  }

  sort(): void {
    this.#prices.sort((one, other) => (one - other) * this.#direction);
  }

  add(priceTicks: number, lots: number): void {
    const present = this.#lotsByPrice.get(priceTicks);
    if (present === undefined) this.#prices.splice(this.#indexOf(priceTicks), 0, priceTicks);
    const after = (present ?? 0) + lots;
    this.#lotsByPrice.set(priceTicks, after);
    this.#changes.push({ side: this.#side, priceTicks, lots: after, deltaLots: lots });
  }

  take(priceTicks: number, lots: number): void {
    const left = (this.#lotsByPrice.get(priceTicks) ?? 0) - lots;
    if (left < 0) fail(`depth: ${lots} lots taken at ${priceTicks}, which lacks ${-left}`);
    this.#changes.push({ side: this.#side, priceTicks, lots: left, deltaLots: -lots });
    if (left > 0) {
      this.#lotsByPrice.set(priceTicks, left);
      return;
    }
    this.#lotsByPrice.delete(priceTicks);
    this.#prices.splice(this.#indexOf(priceTicks), 1);
  }

  best(limit: number): DepthLevel[] {
    const count = limit === 0 ? this.#prices.length : Math.min(limit, this.#prices.length);
    return Array.from({ length: count }, (_, index) => {
      const priceTicks = this.#prices[this.#prices.length - 1 - index]!;
      return { priceTicks, lots: this.#lotsByPrice.get(priceTicks)! };
    });
  }

  /** @returns where the price stands, or where it has to be put in */
  #indexOf(priceTicks: number): number {
    let low = 0;
    let high = this.#prices.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#prices[middle]! - priceTicks) * this.#direction < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The aggregated book of every instrument, from events alone. */
export class Depth implements EventListener {
  readonly #sides = new Map<number, readonly [bids: DepthSide, asks: DepthSide]>(); // by instrument id
  readonly #changes: DepthChange[] = [];

  /** What the newest event changed, in order; valid until the next event. */
  get changes(): readonly DepthChange[] {
    return this.#changes;
  }

  /** @param limit levels at most, best first; 0 for all */
  bids(instrumentId: number, limit: number): DepthLevel[] {
    return this.#sides.get(instrumentId)?.[Side.BUY].best(limit) ?? [];
  }

  asks(instrumentId: number, limit: number): DepthLevel[] {
    return this.#sides.get(instrumentId)?.[Side.SELL].best(limit) ?? [];
  }

  /** @param orders that rest or wait in a snapshot, before the first event */
  prime(orders: Iterable<RestingOrder>): void {
    for (const { instrumentId, side, priceTicks, remainingLots, flags } of orders)
      if (!isUntriggered({ flags })) this.#side(instrumentId, side).prime(priceTicks, remainingLots);
    for (const sides of this.#sides.values()) for (const side of sides) side.sort();
  }

  onEvent(event: ExchangeEvent): void {
    this.#changes.length = 0;
    switch (event.kind) {
      case EventKind.BOOKED:
        this.#side(event.instrumentId, event.side).add(event.priceTicks, event.remainingAfterLots);
        break;
      case EventKind.FILLED: {
        const makerSide = event.takerSide === Side.BUY ? Side.SELL : Side.BUY;
        this.#side(event.instrumentId, makerSide).take(event.priceTicks, event.quantityLots);
        break;
      }
      case EventKind.CANCELLED:
      case EventKind.EXPIRED:
      case EventKind.REDUCED: {
        if (event.slot === NOT_RESTING || isUntriggered(event)) break; // was never in the book
        const lots = event.remainingBeforeLots - event.remainingAfterLots;
        this.#side(event.instrumentId, event.side).take(event.priceTicks, lots);
        break;
      }
      case EventKind.AMENDED: {
        if (isUntriggered(event)) break;
        const side = this.#side(event.instrumentId, event.side);
        if (event.slot === NOT_RESTING) {
          side.take(event.priceTicksBefore, event.remainingBeforeLots); // acts anew: BOOKED says what rests again
        } else if (event.remainingBeforeLots !== event.remainingAfterLots) {
          side.take(event.priceTicks, event.remainingBeforeLots - event.remainingAfterLots);
        }
        break;
      }
      default: // nothing else changes a book
    }
  }

  #side(instrumentId: number, side: Side): DepthSide {
    let sides = this.#sides.get(instrumentId);
    if (sides === undefined) {
      sides = [new DepthSide(Side.BUY, this.#changes), new DepthSide(Side.SELL, this.#changes)];
      this.#sides.set(instrumentId, sides);
    }
    return sides[side];
  }
}

/** A stop that waits stands in no level. */
function isUntriggered({ flags }: { readonly flags: number }): boolean {
  return (flags & OrderFlag.UNTRIGGERED) !== 0;
}
