import { MINUTE_MS } from '../../core/klines/kline-calendar.ts';
import type { FilledEvent } from '../../core/protocol/event-decoder.ts';
import type { MinutePart } from './candle.ts';

type MutablePart = { -readonly [Field in keyof MinutePart]: MinutePart[Field] };

/** A trade may add at most 2^53 - 1 lots: below this, one more can't leave the whole numbers that a double carries. */
const SAFE_SUM = Number.MAX_SAFE_INTEGER;

/**
 * Gathers the trades of one batch by instrument and minute. Sums of lots are kept in a double as long as it is exact,
 * which spares an object a trade.
 */
export class MinuteParts {
  readonly #quoteUnitsPerTickLot: (instrumentId: number) => bigint;
  readonly #open = new Map<number, { readonly part: MutablePart; lots: number; tickLots: number }>(); // by instrument id
  readonly #parts: MutablePart[] = [];

  /** @param quoteUnitsPerTickLot of an instrument that trades */
  constructor(quoteUnitsPerTickLot: (instrumentId: number) => bigint) {
    this.#quoteUnitsPerTickLot = quoteUnitsPerTickLot;
  }

  /** Trades in the order of their events. */
  add(
    trade: Pick<FilledEvent, 'instrumentId' | 'timestampMs' | 'priceTicks' | 'quantityLots' | 'eventSequence'>,
  ): void {
    const { instrumentId, timestampMs, priceTicks, quantityLots, eventSequence } = trade;
    const openMs = timestampMs - (timestampMs % MINUTE_MS);
    let open = this.#open.get(instrumentId);
    if (open === undefined || open.part.openMs !== openMs) {
      this.#spill(instrumentId);
      const prices = { openTicks: priceTicks, highTicks: priceTicks, lowTicks: priceTicks, closeTicks: priceTicks };
      const part = { instrumentId, openMs, ...prices, lots: 0n, notionalUnits: 0n, trades: 0 };
      open = { part: { ...part, firstSequence: eventSequence, lastSequence: eventSequence }, lots: 0, tickLots: 0 };
      this.#open.set(instrumentId, open);
      this.#parts.push(open.part);
    }
    const { part } = open;
    const tickLots = priceTicks * quantityLots;
    if (open.lots + quantityLots > SAFE_SUM || open.tickLots + tickLots > SAFE_SUM) this.#spill(instrumentId);
    open.lots += quantityLots;
    if (tickLots <= SAFE_SUM) open.tickLots += tickLots;
    else part.notionalUnits += BigInt(priceTicks) * BigInt(quantityLots) * this.#quoteUnitsPerTickLot(instrumentId);
    part.highTicks = Math.max(part.highTicks, priceTicks);
    part.lowTicks = Math.min(part.lowTicks, priceTicks);
    part.closeTicks = priceTicks;
    part.trades += 1;
    part.lastSequence = eventSequence;
  }

  /** @returns one part for each instrument and minute; those of an instrument are in order */
  finish(): readonly MinutePart[] {
    for (const instrumentId of this.#open.keys()) this.#spill(instrumentId);
    return this.#parts;
  }

  /** Moves what the doubles hold into the exact sums. */
  #spill(instrumentId: number): void {
    const open = this.#open.get(instrumentId);
    if (open === undefined) return;
    open.part.lots += BigInt(open.lots);
    open.part.notionalUnits += BigInt(open.tickLots) * this.#quoteUnitsPerTickLot(instrumentId);
    open.lots = 0;
    open.tickLots = 0;
  }
}
