import { fail } from '../core/assert.ts';
import { Catalogue } from '../core/money/catalogue.ts';
import type { Markets } from '../core/money/default-markets.ts';
import { defineInstrument, type Instrument, notionalUnits } from '../core/money/instrument.ts';
import type { EventBatch } from '../core/ports/event-feed.ts';
import type { ExchangeEvent } from '../core/protocol/event-decoder.ts';
import { EventKind } from '../core/protocol/kinds.ts';
import { RandomIntegers } from '../test/support/random-integers.ts';
import type { SqlValue } from '../workers/storage/sqlite-database.ts';

/** A trade as candles and history need it: what a fill's event says, and its notional. */
export interface BenchTrade {
  readonly kind: typeof EventKind.FILLED;
  readonly eventSequence: number;
  readonly instrumentId: number;
  readonly timestampMs: number;
  readonly priceTicks: number;
  readonly quantityLots: number;
  readonly notionalUnits: bigint;
}

const START_MS = Date.UTC(2025, 0, 1);
const FIRST_PRICE_TICKS = 6_000_000;

/** Trades of several instruments in turn, evenly in time, each price a short random step from the one before. */
export class TradeYear {
  readonly #random: RandomIntegers;
  readonly #instruments: number;
  readonly #stepMs: number;
  readonly #market: Instrument;
  readonly #pricesTicks: number[];
  #count = 0;

  constructor(seed: number, instruments: number, stepMs: number, market: Instrument) {
    this.#random = new RandomIntegers(seed);
    this.#instruments = instruments;
    this.#stepMs = stepMs;
    this.#market = market;
    this.#pricesTicks = Array(instruments).fill(FIRST_PRICE_TICKS);
  }

  get lastSequence(): number {
    return this.#count;
  }

  take(count: number): BenchTrade[] {
    return Array.from({ length: count }, () => this.#next());
  }

  #next(): BenchTrade {
    const index = this.#count % this.#instruments;
    const timestampMs = START_MS + Math.floor(this.#count * this.#stepMs);
    const priceTicks = Math.max(1, this.#pricesTicks[index]! + this.#random.between(-50, 50));
    const quantityLots = this.#random.between(1_000, 100_000_000);
    this.#pricesTicks[index] = priceTicks;
    this.#count += 1;
    return {
      kind: EventKind.FILLED,
      eventSequence: this.#count,
      instrumentId: index + 1,
      timestampMs,
      priceTicks,
      quantityLots,
      notionalUnits: notionalUnits(this.#market, priceTicks, quantityLots),
    };
  }
}

/** @returns so many instruments, all with the steps of the first default market */
export function catalogueOf({ assets, instruments }: Markets, count: number): Catalogue {
  const catalogue = new Catalogue();
  for (const asset of assets) catalogue.putAsset(asset);
  const first = instruments[0] ?? fail('there are no default markets');
  for (let instrumentId = 1; instrumentId <= count; instrumentId++)
    catalogue.putInstrument(defineInstrument({ ...first, instrumentId, symbol: `bench${instrumentId}` }));
  return catalogue;
}

/** @returns the trade as a row of the history's, its sides made up */
export function historyRow(trade: BenchTrade): SqlValue[] {
  const { eventSequence, instrumentId, timestampMs, priceTicks, quantityLots } = trade;
  const sides = [2, eventSequence * 2, 100, '1000', eventSequence * 2 + 1, 101, '2000'];
  return [
    eventSequence,
    instrumentId,
    timestampMs,
    0,
    priceTicks,
    quantityLots,
    trade.notionalUnits.toString(),
    ...sides,
  ];
}

/** @returns what the feed would deliver: chunk after chunk, in each a batch for every partition that has trades in it */
export function batchesOf(trades: readonly BenchTrade[], partitions: number, events: number): EventBatch[][] {
  const lastSequences: number[] = Array(partitions).fill(0);
  const chunks: EventBatch[][] = [];
  for (let from = 0; from < trades.length; from += events) {
    const chunk = trades.slice(from, from + events);
    const byPartition = Map.groupBy(chunk, ({ instrumentId }) => instrumentId % partitions);
    chunks.push(
      [...byPartition].map(([partition, own]) => {
        const beforeSequence = lastSequences[partition]!;
        const lastSequence = own.at(-1)!.eventSequence;
        lastSequences[partition] = lastSequence;
        // Candles look at nothing else of a fill.
        return { partition, beforeSequence, lastSequence, events: own as unknown as ExchangeEvent[] };
      }),
    );
  }
  return chunks;
}
