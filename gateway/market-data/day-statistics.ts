import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { EventKind } from '../../core/protocol/kinds.ts';
import type { EventListener } from '../orders/event-reader.ts';

type TradeFact = { readonly timestampMs: number; readonly priceTicks: number; readonly quantityLots: number };

/** The last 24 hours of one instrument. */
export interface DaySummary {
  readonly openTicks: number; // of the first trade within the day
  readonly highTicks: number;
  readonly lowTicks: number;
  readonly closeTicks: number;
  readonly lots: bigint;
  readonly tickLots: bigint; // sum of ticks × lots: notional in steps of one tick × one lot
}

interface MinuteBucket {
  readonly minute: number; // since 1970
  readonly openTicks: number;
  highTicks: number;
  lowTicks: number;
  closeTicks: number;
  lots: bigint;
  tickLots: bigint;
}

const MINUTE_MS = 60_000;
export const DAY_MINUTES = 24 * 60;
const HOURS = 24;
/** Buckets that lie before the day are cut off once this many have gathered. */
const MAX_PASSED_BUCKETS = 256;

/** Minutes of one instrument in which it traded, oldest first; those before `#first` have passed out of the day. */
class RollingDay {
  readonly #buckets: MinuteBucket[] = [];
  #first = 0;
  #lots = 0n;
  #tickLots = 0n;

  add({ timestampMs, priceTicks, quantityLots }: TradeFact): void {
    const lots = BigInt(quantityLots);
    const prices = { openTicks: priceTicks, highTicks: priceTicks, lowTicks: priceTicks, closeTicks: priceTicks };
    this.#addMinute({
      minute: Math.floor(timestampMs / MINUTE_MS),
      ...prices,
      lots,
      tickLots: BigInt(priceTicks) * lots,
    });
  }

  append(later: RollingDay): void {
    for (const bucket of later.#buckets.slice(later.#first)) this.#addMinute(bucket);
  }

  #addMinute(added: MinuteBucket): void {
    this.#passTo(added.minute);
    this.#lots += added.lots;
    this.#tickLots += added.tickLots;
    const bucket = this.#buckets.at(-1);
    if (bucket === undefined || bucket.minute < added.minute) {
      this.#buckets.push(added);
      return;
    }
    bucket.highTicks = Math.max(bucket.highTicks, added.highTicks);
    bucket.lowTicks = Math.min(bucket.lowTicks, added.lowTicks);
    bucket.closeTicks = added.closeTicks;
    bucket.lots += added.lots;
    bucket.tickLots += added.tickLots;
  }

  summary(nowMs: number): DaySummary | undefined {
    this.#passTo(Math.floor(nowMs / MINUTE_MS));
    const open = this.#buckets[this.#first];
    if (open === undefined) return undefined;
    let { highTicks, lowTicks } = open;
    for (let at = this.#first + 1; at < this.#buckets.length; at++) {
      highTicks = Math.max(highTicks, this.#buckets[at]!.highTicks);
      lowTicks = Math.min(lowTicks, this.#buckets[at]!.lowTicks);
    }
    const closeTicks = this.#buckets.at(-1)!.closeTicks;
    return { openTicks: open.openTicks, highTicks, lowTicks, closeTicks, lots: this.#lots, tickLots: this.#tickLots };
  }

  hourlyCloses(nowMs: number): number[] {
    const nowMinute = Math.floor(nowMs / MINUTE_MS);
    this.#passTo(nowMinute);
    const closes: number[] = [];
    let at = this.#buckets.length - 1;
    for (let hour = 0; hour < HOURS; hour++) {
      while (at >= this.#first && this.#buckets[at]!.minute > nowMinute - hour * 60) at -= 1;
      if (at < this.#first) break;
      closes.push(this.#buckets[at]!.closeTicks);
    }
    return closes;
  }

  /** Takes what lies a day or more before a minute out of the sums. */
  #passTo(minute: number): void {
    for (; this.#first < this.#buckets.length; this.#first++) {
      const oldest = this.#buckets[this.#first]!;
      if (oldest.minute > minute - DAY_MINUTES) break;
      this.#lots -= oldest.lots;
      this.#tickLots -= oldest.tickLots;
    }
    if (this.#first < MAX_PASSED_BUCKETS) return;
    this.#buckets.splice(0, this.#first);
    this.#first = 0;
  }
}

/**
 * What every instrument did in the last 24 hours, to the minute, exactly. At most a day's minutes are kept of each:
 * trades must come in order of time, as events do.
 */
export class DayStatistics implements EventListener {
  readonly #days = new Map<number, RollingDay>(); // by instrument id

  /** @returns undefined when nothing was traded in the last 24 hours */
  summary(instrumentId: number, nowMs: number): DaySummary | undefined {
    return this.#days.get(instrumentId)?.summary(nowMs);
  }

  /** @returns the price in force now, an hour ago, and so on: at most 24, as far back as a trade lies within the day */
  hourlyCloses(instrumentId: number, nowMs: number): number[] {
    return this.#days.get(instrumentId)?.hourlyCloses(nowMs) ?? [];
  }

  /**
   * @param pages of one instrument's trades, oldest first, all before those of the events: what is there already moves
   *   behind them
   */
  async prime(instrumentId: number, pages: AsyncIterable<readonly TradeFact[]>): Promise<void> {
    const day = new RollingDay();
    for await (const trades of pages) for (const trade of trades) day.add(trade);
    const later = this.#days.get(instrumentId);
    if (later !== undefined) day.append(later);
    this.#days.set(instrumentId, day);
  }

  onEvent(event: ExchangeEvent): void {
    if (event.kind !== EventKind.FILLED) return;
    let day = this.#days.get(event.instrumentId);
    if (day === undefined) {
      day = new RollingDay();
      this.#days.set(event.instrumentId, day);
    }
    day.add(event);
  }
}
