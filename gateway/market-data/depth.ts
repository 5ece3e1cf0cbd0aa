import { fail } from '../../core/assert.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { NOT_RESTING } from '../../core/protocol/event-record.ts';
import { EventKind, Side } from '../../core/protocol/kinds.ts';
import type { EventListener } from '../orders/event-reader.ts';

export interface DepthLevel {
  readonly priceTicks: number;
  readonly lots: number; // all resting orders at that price together, > 0
}

/** Price levels of one side of one book, summed up from events. */
class DepthSide {
  readonly #lotsByPrice = new Map<number, number>();
  readonly #prices: number[] = []; // best last, where most changes are: adding and removing there moves little
  readonly #direction: 1 | -1; // of prices from worst to best

  constructor(side: Side) {
    this.#direction = side === Side.BUY ? 1 : -1;
  }

  add(priceTicks: number, lots: number): void {
    const present = this.#lotsByPrice.get(priceTicks);
    if (present === undefined) this.#prices.splice(this.#indexOf(priceTicks), 0, priceTicks);
    this.#lotsByPrice.set(priceTicks, (present ?? 0) + lots);
  }

  take(priceTicks: number, lots: number): void {
    const left = (this.#lotsByPrice.get(priceTicks) ?? 0) - lots;
    if (left < 0) fail(`depth: ${lots} lots taken at ${priceTicks}, which lacks ${-left}`);
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

  /** @param limit levels at most, best first; 0 for all */
  bids(instrumentId: number, limit: number): DepthLevel[] {
    return this.#sides.get(instrumentId)?.[Side.BUY].best(limit) ?? [];
  }

  asks(instrumentId: number, limit: number): DepthLevel[] {
    return this.#sides.get(instrumentId)?.[Side.SELL].best(limit) ?? [];
  }

  onEvent(event: ExchangeEvent): void {
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
        if (event.slot === NOT_RESTING) break; // what a taker had left never was in the book
        this.#side(event.instrumentId, event.side).take(event.priceTicks, event.remainingBeforeLots);
        break;
      default: // nothing else changes a book
    }
  }

  #side(instrumentId: number, side: Side): DepthSide {
    let sides = this.#sides.get(instrumentId);
    if (sides === undefined) {
      sides = [new DepthSide(Side.BUY), new DepthSide(Side.SELL)];
      this.#sides.set(instrumentId, sides);
    }
    return sides[side];
  }
}
