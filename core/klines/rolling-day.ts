import { DAY_MS, MINUTE_MS } from './kline-calendar.ts';

/** What a trade adds to its day. */
export interface DayTrade {
  readonly timestampMs: number;
  readonly priceTicks: number;
  readonly quantityLots: number;
}

/** The last 24 hours of one instrument. */
export interface DaySummary {
  readonly openTicks: number; // of the first trade within the day
  readonly highTicks: number;
  readonly lowTicks: number;
  readonly closeTicks: number;
  readonly lots: bigint;
  readonly tickLots: bigint; // sum of ticks × lots: notional in steps of one tick × one lot
}

/** What was traded in one minute. */
export interface MinuteTrades extends DaySummary {
  readonly minute: number; // since 1970
}

type MinuteBucket = { -readonly [Field in keyof MinuteTrades]: MinuteTrades[Field] };

export const DAY_MINUTES = DAY_MS / MINUTE_MS;
const HOURS = 24;
/** Buckets that lie before the day are cut off once this many have gathered. */
const MAX_PASSED_BUCKETS = 256;

/**
 * The last 24 hours of one instrument, to the minute, exactly: the minutes in which it traded, oldest first; those before
 * `#first` have passed out of the day. Trades and minutes must be added in order of time.
 */
export class RollingDay {
  readonly #buckets: MinuteBucket[] = [];
  #first = 0;
  #lots = 0n;
  #tickLots = 0n;

  add({ timestampMs, priceTicks, quantityLots }: DayTrade): void {
    const lots = BigInt(quantityLots);
    const prices = { openTicks: priceTicks, highTicks: priceTicks, lowTicks: priceTicks, closeTicks: priceTicks };
    this.addMinute({
      minute: Math.floor(timestampMs / MINUTE_MS),
      ...prices,
      lots,
      tickLots: BigInt(priceTicks) * lots,
    });
  }

  /** Puts what another day has behind what this one has. */
  append(later: RollingDay): void {
    for (const bucket of later.#buckets.slice(later.#first)) this.addMinute(bucket);
  }

  /** Adds a minute, or the next part of the last one. */
  addMinute(added: MinuteTrades): void {
    this.#passTo(added.minute);
    this.#lots += added.lots;
    this.#tickLots += added.tickLots;
    const bucket = this.#buckets.at(-1);
    if (bucket === undefined || bucket.minute < added.minute) {
      this.#buckets.push({ ...added });
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
