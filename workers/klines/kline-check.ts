import { isDeepStrictEqual } from 'node:util';
import {
  intervalEndMs,
  intervalStartMs,
  KLINE_SIZES,
  type KlineSize,
  PART_SIZE,
} from '../../core/klines/kline-calendar.ts';
import type { Kline, KlineDifference } from '../../core/ports/klines.ts';
import { summed } from './candle.ts';
import type { HistoryMinutes } from './history-minutes.ts';
import type { KlineWriter } from './kline-writer.ts';
import type { KlineSpan, SqliteKlineStore } from './sqlite-kline-store.ts';

export interface KlineCheckParts {
  readonly writer: KlineWriter;
  readonly store: SqliteKlineStore;
  readonly trades: HistoryMinutes;
}

export interface KlineCheckRange {
  readonly instrumentId: number;
  readonly fromMs: number; // whole minutes
  readonly toMs: number; // exclusive
  /** 1m candles are compared with the trades, larger ones with the sums of their parts, put right before if they are here. */
  readonly sizes: readonly KlineSize[];
  readonly isVerifyOnly?: boolean;
  /** Candles that were checked before, as they ought to be: what is summed from them is summed from these. */
  readonly known?: ReadonlyMap<KlineSize, RightKlines>;
}

export interface KlineCheckResult {
  readonly checked: number;
  readonly corrected: number;
  readonly differences: readonly KlineDifference[];
  readonly right: ReadonlyMap<KlineSize, RightKlines>; // of each size that was checked
}

/** Candles of one size in a stretch of time, as they ought to be. */
export interface RightKlines {
  readonly fromMs: number;
  readonly toMs: number;
  readonly klines: readonly Kline[];
}

export const LARGER_SIZES = KLINE_SIZES.filter((size) => size !== '1m');

/**
 * Recomputes candles from the history's trades and puts right what differs, with the next revision. The instrument's
 * partition stands still meanwhile, so that candles and trades are compared at one watermark. Doing it twice changes
 * nothing more.
 */
export class KlineCheck {
  readonly #writer: KlineWriter;
  readonly #store: SqliteKlineStore;
  readonly #trades: HistoryMinutes;

  constructor({ writer, store, trades }: KlineCheckParts) {
    this.#writer = writer;
    this.#store = store;
    this.#trades = trades;
  }

  /** Checks the candles that a stretch touches, of the sizes asked for. Holds them in memory. */
  check(range: KlineCheckRange): Promise<KlineCheckResult> {
    const { instrumentId, fromMs, sizes, isVerifyOnly = false, known } = range;
    return this.#writer.inTurn(this.#writer.partitionOf(instrumentId), async () => {
      const nothing: RightKlines = { fromMs, toMs: fromMs, klines: [] };
      const right = new Map<KlineSize, RightKlines>(known);
      const differences: KlineDifference[] = [];
      let checked = 0;
      for (const size of KLINE_SIZES) {
        if (!sizes.includes(size)) continue;
        const ought =
          size === '1m'
            ? await this.#rightMinutes(range)
            : await this.#rightSums(range, size, right.get(PART_SIZE[size]) ?? nothing);
        const stored = await this.#store.within(instrumentId, size, ought.fromMs, ought.toMs);
        right.set(size, ought);
        checked += Math.max(stored.length, ought.klines.length);
        differences.push(...differencesOf(stored, ought.klines));
      }
      if (!isVerifyOnly && differences.length > 0) await this.#correct(instrumentId, differences);
      return { checked, corrected: isVerifyOnly ? 0 : differences.length, differences, right };
    });
  }

  /** To be called after candles were put right: the day is summed from them. */
  async refreshMarketInfo(instrumentId: number): Promise<void> {
    const writer = this.#writer;
    await writer.inTurn(writer.partitionOf(instrumentId), () => writer.refreshMarketInfo(instrumentId, 0));
  }

  /** @returns from the first to the last moment that there is anything to check: of trades and of stored candles */
  async spanMs(instrumentId: number): Promise<KlineSpan | undefined> {
    const spans = [await this.#trades.spanMs(instrumentId), await this.#store.spanMs(instrumentId)];
    const known = spans.filter((span) => span !== undefined);
    if (known.length === 0) return undefined;
    return {
      firstMs: Math.min(...known.map(({ firstMs }) => firstMs)),
      lastMs: Math.max(...known.map(({ lastMs }) => lastMs)),
    };
  }

  /** What the history does not know yet can't be compared: the stretch ends before the first such minute. */
  async #rightMinutes({ instrumentId, fromMs, toMs }: KlineCheckRange): Promise<RightKlines> {
    const partition = this.#writer.partitionOf(instrumentId);
    const known = (await this.#trades.watermarks())[partition]!;
    const stored = this.#writer.watermarks[partition]!;
    let endMs = toMs;
    if (known < stored) {
      const unknown = (await this.#store.within(instrumentId, '1m', fromMs, toMs)).find(
        ({ lastSequence }) => lastSequence > known,
      );
      endMs = unknown?.openMs ?? toMs;
    }
    const minutes = await this.#trades.ofInstrument(instrumentId, fromMs, endMs, Math.min(known, stored));
    return { fromMs, toMs: endMs, klines: summed('1m', minutes) };
  }

  /** Sums a size's parts: those that were worked out just now, and around them, to whole intervals, the stored ones. */
  async #rightSums(
    { instrumentId, fromMs, toMs }: KlineCheckRange,
    size: (typeof LARGER_SIZES)[number],
    inner: RightKlines,
  ): Promise<RightKlines> {
    const outer = { fromMs: intervalStartMs(size, fromMs), toMs: intervalEndMs(size, toMs - 1) };
    const part = PART_SIZE[size];
    const before = await this.#store.within(instrumentId, part, outer.fromMs, inner.fromMs);
    const behind = await this.#store.within(instrumentId, part, inner.toMs, outer.toMs);
    return { ...outer, klines: summed(size, [...before, ...inner.klines, ...behind]) };
  }

  async #correct(instrumentId: number, differences: readonly KlineDifference[]): Promise<void> {
    const right: Kline[] = [];
    const removed: Kline[] = [];
    for (const { stored, recomputed } of differences)
      if (recomputed !== null) right.push({ ...recomputed, revision: stored === null ? 1 : stored.revision + 1 });
      else if (stored !== null) removed.push(stored);
    await this.#writer.correct(instrumentId, right, removed);
  }
}

/** @param stored and @param ought in order of time */
function differencesOf(stored: readonly Kline[], ought: readonly Kline[]): KlineDifference[] {
  const byOpenMs = new Map(stored.map((kline) => [kline.openMs, kline]));
  const differences: KlineDifference[] = [];
  for (const recomputed of ought) {
    const found = byOpenMs.get(recomputed.openMs) ?? null;
    byOpenMs.delete(recomputed.openMs);
    if (found === null || !isDeepStrictEqual(found, { ...recomputed, revision: found.revision }))
      differences.push({ stored: found, recomputed });
  }
  for (const spurious of byOpenMs.values()) differences.push({ stored: spurious, recomputed: null });
  return differences;
}
