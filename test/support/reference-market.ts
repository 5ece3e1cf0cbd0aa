import { defineInstrument, type InstrumentDefinition } from '../../core/money/instrument.ts';
import { InstrumentState, Side } from '../../core/protocol/kinds.ts';
import type { NewOrderCommand } from './exchange-command.ts';
import type { RestingOrder } from './reference-events.ts';

const PPM = 1_000_000n;

/** One instrument of the reference exchange: sorted arrays, and questions answered by searching them. */
export class ReferenceMarket {
  readonly instrumentId: number;
  readonly quoteUnitsPerTickLot: bigint;
  minQuantityLots: number;
  maxQuantityLots: number;
  state: InstrumentState = InstrumentState.TRADING;
  priceBandPpm = 0;
  referencePriceTicks = 0;
  lastTradeTicks = 0;
  /** By Side; best price first, at one price the oldest first. */
  resting: [RestingOrder[], RestingOrder[]] = [[], []];
  /** Untriggered stops by Side: the nearest to trigger first, at one price the oldest first. */
  waiting: [RestingOrder[], RestingOrder[]] = [[], []];

  constructor(definition: InstrumentDefinition) {
    this.instrumentId = definition.instrumentId;
    this.quoteUnitsPerTickLot = defineInstrument(definition).quoteUnitsPerTickLot;
    this.minQuantityLots = definition.minQuantityLots;
    this.maxQuantityLots = definition.maxQuantityLots;
  }

  all(): RestingOrder[] {
    return [...this.resting.flat(), ...this.waiting.flat()];
  }

  /** Price levels in use: of the book's two sides and of the stops' two. */
  levelCount(): number {
    const prices = [
      ...this.resting.map((queue) => queue.map(({ command }) => command.order.priceTicks)),
      ...this.waiting.map((queue) => queue.map(({ command }) => command.order.stopPriceTicks)),
    ];
    return prices.reduce((levels, queue) => levels + new Set(queue).size, 0);
  }

  /** @returns the orders that a taker would trade with, in that order, were there no price band */
  crossing({ order }: NewOrderCommand): RestingOrder[] {
    return order.side === Side.BUY
      ? this.resting[Side.SELL].filter((maker) => maker.command.order.priceTicks <= order.priceTicks)
      : this.resting[Side.BUY].filter((maker) => maker.command.order.priceTicks >= order.priceTicks);
  }

  /** Price band around the price as it is now. @returns whether a price lies within it */
  bandNow(): (priceTicks: number) => boolean {
    const centre = BigInt(this.referencePriceTicks || this.lastTradeTicks);
    if (this.priceBandPpm === 0 || centre === 0n) return () => true;
    const ppm = BigInt(this.priceBandPpm);
    return (priceTicks) => {
      const distance = BigInt(priceTicks) - centre;
      return (distance < 0n ? -distance : distance) * PPM <= centre * ppm;
    };
  }

  rest(order: RestingOrder): void {
    const { side } = order.command.order;
    const best = side === Side.BUY ? -1 : 1;
    const queue = this.resting[side];
    queue.push(order);
    queue.sort((a, b) => best * (a.command.order.priceTicks - b.command.order.priceTicks)); // stable: keeps time order
  }

  wait(order: RestingOrder): void {
    const { side } = order.command.order;
    const nearest = side === Side.BUY ? 1 : -1;
    const queue = this.waiting[side];
    queue.push(order);
    queue.sort((a, b) => nearest * (a.command.order.stopPriceTicks - b.command.order.stopPriceTicks));
  }

  remove(order: RestingOrder): void {
    for (const queue of [...this.resting, ...this.waiting]) {
      const index = queue.indexOf(order);
      if (index >= 0) queue.splice(index, 1);
    }
  }

  /** Puts another one exactly where an order is. */
  replace(order: RestingOrder, other: RestingOrder): void {
    for (const queue of [...this.resting, ...this.waiting]) {
      const index = queue.indexOf(order);
      if (index >= 0) queue[index] = other;
    }
  }

  isWaiting(order: RestingOrder): boolean {
    return this.waiting.flat().includes(order);
  }
}
