import { DAY_MS, intervalStartMs, KLINE_SIZES, MINUTE_MS, shiftedStartMs } from '../../core/klines/kline-calendar.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { KlineJobReport, KlineJobs } from '../../core/ports/klines.ts';
import { type KlineCheck, type KlineCheckRange, LARGER_SIZES } from './kline-check.ts';
import type { KlineWriter } from './kline-writer.ts';

export interface KlineJobParts {
  readonly check: KlineCheck;
  readonly writer: KlineWriter;
  readonly clock: Clock;
  /** @returns ids of all instruments that may have traded */
  readonly instrumentIds: () => readonly number[];
}

const HOUR_MS = 60 * MINUTE_MS;
const NOTHING: KlineJobReport = { checked: 0, corrected: 0 };

/**
 * The standing jobs. What they remember between calls only spares work: where a walk has come to, and what was checked
 * already. A process that begins anew begins with nothing and ends with the same candles.
 */
export class StandingKlineJobs implements KlineJobs {
  readonly #parts: KlineJobParts;
  readonly #minutesChecked = new Map<number, number>(); // by instrument id: end of the newest minute checked
  readonly #sumsChecked = new Map<number, string>(); // by instrument id: what the larger sizes were last checked at
  readonly #infosAt = new Map<number, string>(); // by instrument id: what the market info was last made at
  readonly #daysChecked = new Map<number, number>(); // by instrument id: end of the day checked last
  #hour = 0; // checked next, before the present one
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: KlineJobParts) {
    this.#parts = parts;
  }

  refresh1m(signal?: AbortSignal): Promise<KlineJobReport> {
    return this.#forEach(signal, async (instrumentId, nowMs) => {
      const toMs = intervalStartMs('1m', nowMs);
      const fromMs = Math.max(this.#minutesChecked.get(instrumentId) ?? toMs - MINUTE_MS, toMs - HOUR_MS);
      if (fromMs >= toMs) return NOTHING;
      const report = await this.#check({ instrumentId, fromMs, toMs, sizes: ['1m'] });
      this.#minutesChecked.set(instrumentId, toMs);
      return report;
    });
  }

  marketInfo(signal?: AbortSignal): Promise<KlineJobReport> {
    return this.#forEach(signal, async (instrumentId, nowMs) => {
      const { writer } = this.#parts;
      const at = await this.#stateAt(instrumentId, nowMs);
      if (at === null || this.#infosAt.get(instrumentId) === at) return NOTHING;
      const isChanged = await writer.inTurn(writer.partitionOf(instrumentId), () =>
        writer.refreshMarketInfo(instrumentId, nowMs),
      );
      this.#infosAt.set(instrumentId, at);
      return { checked: 1, corrected: isChanged ? 1 : 0 };
    });
  }

  async check1mHistory(signal?: AbortSignal): Promise<KlineJobReport> {
    const hour = this.#hour;
    const report = await this.#forEach(signal, (instrumentId, nowMs) => {
      const toMs = shiftedStartMs('1h', intervalStartMs('1h', nowMs), 1 - hour);
      return this.#check({ instrumentId, fromMs: toMs - HOUR_MS, toMs, sizes: ['1m'] });
    });
    this.#hour = (hour + 1) % (DAY_MS / HOUR_MS + 1); // the present hour, and the day before it
    return report;
  }

  refreshOtherSizes(signal?: AbortSignal): Promise<KlineJobReport> {
    return this.#forEach(signal, async (instrumentId, nowMs) => {
      const at = await this.#stateAt(instrumentId, nowMs);
      if (at === null || this.#sumsChecked.get(instrumentId) === at) return NOTHING;
      let [checked, corrected] = [0, 0];
      // Smaller sizes first: the larger ones are their sums.
      for (const size of LARGER_SIZES) {
        const presentMs = intervalStartMs(size, nowMs);
        const range = { instrumentId, fromMs: shiftedStartMs(size, presentMs, -1), toMs: presentMs + MINUTE_MS };
        const report = await this.#check({ ...range, sizes: [size] });
        checked += report.checked;
        corrected += report.corrected;
      }
      this.#sumsChecked.set(instrumentId, at);
      return { checked, corrected };
    });
  }

  checkBaseHistory(signal?: AbortSignal): Promise<KlineJobReport> {
    return this.#forEach(signal, async (instrumentId, nowMs) => {
      const span = await this.#parts.check.spanMs(instrumentId);
      if (span === undefined) return NOTHING;
      const firstDayMs = intervalStartMs('1d', span.firstMs);
      const reachedMs = this.#daysChecked.get(instrumentId) ?? firstDayMs;
      const fromMs = reachedMs < firstDayMs || reachedMs > nowMs ? firstDayMs : reachedMs;
      const report = await this.#check({ instrumentId, fromMs, toMs: fromMs + DAY_MS, sizes: KLINE_SIZES });
      this.#daysChecked.set(instrumentId, fromMs + DAY_MS);
      return report;
    });
  }

  async #check(range: KlineCheckRange): Promise<KlineJobReport> {
    const { checked, corrected } = await this.#parts.check.check(range);
    if (corrected > 0) await this.#parts.check.refreshMarketInfo(range.instrumentId);
    return { checked, corrected };
  }

  /** @returns a text that changes with each trade and each minute, null before the first trade */
  async #stateAt(instrumentId: number, nowMs: number): Promise<string | null> {
    const { writer } = this.#parts;
    const lastSequence = await writer.inTurn(writer.partitionOf(instrumentId), () => writer.lastSequence(instrumentId));
    return lastSequence === 0 ? null : `${lastSequence} ${intervalStartMs('1m', nowMs)}`;
  }

  /** Does the same for each instrument, one after the other; jobs wait for one another. */
  #forEach(
    signal: AbortSignal | undefined,
    act: (instrumentId: number, nowMs: number) => Promise<KlineJobReport>,
  ): Promise<KlineJobReport> {
    const turn = this.#turn.then(async () => {
      let [checked, corrected] = [0, 0];
      for (const instrumentId of this.#parts.instrumentIds()) {
        signal?.throwIfAborted();
        const report = await act(instrumentId, this.#parts.clock.nowMs());
        checked += report.checked;
        corrected += report.corrected;
      }
      return { checked, corrected };
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
