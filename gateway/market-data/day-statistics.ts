import { type DaySummary, type DayTrade, type MinuteTrades, RollingDay } from '../../core/klines/rolling-day.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { EventKind } from '../../core/protocol/kinds.ts';
import type { EventListener } from '../orders/event-reader.ts';

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
   * What is there already moves behind what is given, all of which is from before the events.
   * @param minutes of one instrument, oldest first
   * @param pages of its trades after them, oldest first
   */
  async prime(
    instrumentId: number,
    minutes: readonly MinuteTrades[],
    pages: AsyncIterable<readonly DayTrade[]>,
  ): Promise<void> {
    const day = new RollingDay();
    for (const minute of minutes) day.addMinute(minute);
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
