import {
  intervalEndMs,
  intervalStartMs,
  KLINE_SIZES,
  type KlineSize,
  PART_SIZE,
} from '../../core/klines/kline-calendar.ts';
import type { Kline, KlineDifference } from '../../core/ports/klines.ts';
import { type MinutePart, summed } from './candle.ts';
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
    const { instrumentId, sizes, isVerifyOnly = false, known } = range;
    return this.#writer.inTurn(this.#writer.partitionOf(instrumentId), async () => {
      const asked = KLINE_SIZES.filter((size) => sizes.includes(size));
      // All that is read is asked for at once: one turn to SQLite's threads and back.
      const [trades, ...stored] = await Promise.all([
        asked[0] === '1m' ? this.#minutes(range) : null,
        ...asked.map((size) => {
          const { fromMs, toMs } = touchedBy(size, range);
          return this.#store.within(instrumentId, size, fromMs, toMs);
        }),
      ]);
      const right = new Map<KlineSize, RightKlines>(known);
      const differences: KlineDifference[] = [];
      let checked = 0;
      for (const [index, size] of asked.entries()) {
        const ought =
          size === '1m' ? rightMinutes(range, trades!, stored[index]!) : await this.#rightSums(range, size, right);
        const comparable = stored[index]!.filter(({ openMs }) => openMs < ought.toMs);
        right.set(size, ought);
        checked += Math.max(comparable.length, ought.klines.length);
        differences.push(...differencesOf(comparable, ought.klines));
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

  /** Of trades that both the history and the candles have. */
  async #minutes({ instrumentId, fromMs, toMs }: KlineCheckRange): Promise<KnownMinutes> {
    const partition = this.#writer.partitionOf(instrumentId);
    const throughSequence = (await this.#trades.watermarks())[partition]!;
    const both = Math.min(throughSequence, this.#writer.watermarks[partition]!);
    return { throughSequence, parts: await this.#trades.ofInstrument(instrumentId, fromMs, toMs, both) };
  }

  /** Sums a size's parts: those that were worked out just now, and around them, to whole intervals, the stored ones. */
  async #rightSums(
    range: KlineCheckRange,
    size: (typeof LARGER_SIZES)[number],
    right: ReadonlyMap<KlineSize, RightKlines>,
  ): Promise<RightKlines> {
    const outer = touchedBy(size, range);
    const part = PART_SIZE[size];
    const inner = right.get(part) ?? { fromMs: range.fromMs, toMs: range.fromMs, klines: [] };
    const before = await this.#store.within(range.instrumentId, part, outer.fromMs, inner.fromMs);
    const behind = await this.#store.within(range.instrumentId, part, inner.toMs, outer.toMs);
    return { ...outer, klines: summed(size, [...before, ...inner.klines, ...behind]) };
  }

  async #correct(instrumentId: number, differences: readonly KlineDifference[]): Promise<void> {
    const missing: Kline[] = [];
    const right: Kline[] = [];
    const removed: Kline[] = [];
    for (const { stored, recomputed } of differences)
      if (stored === null) missing.push(recomputed!);
      else if (recomputed === null) removed.push(stored);
      else right.push({ ...recomputed, revision: stored.revision + 1 });
    await this.#writer.correct(instrumentId, { missing, right, removed });
  }
}

/** Minutes by the history's trades, and how far the history knows them. */
interface KnownMinutes {
  readonly throughSequence: number;
  readonly parts: readonly MinutePart[];
}

/** @returns the whole intervals that a stretch of whole minutes touches */
function touchedBy(size: KlineSize, { fromMs, toMs }: KlineCheckRange): { fromMs: number; toMs: number } {
  return { fromMs: intervalStartMs(size, fromMs), toMs: intervalEndMs(size, toMs - 1) };
}

/** What the history does not know yet can't be compared: the stretch ends before the first such minute. */
function rightMinutes(
  { fromMs, toMs }: KlineCheckRange,
  { throughSequence, parts }: KnownMinutes,
  stored: readonly Kline[],
): RightKlines {
  const endMs = stored.find(({ lastSequence }) => lastSequence > throughSequence)?.openMs ?? toMs;
  return {
    fromMs,
    toMs: endMs,
    klines: summed(
      '1m',
      parts.filter(({ openMs }) => openMs < endMs),
    ),
  };
}

/** Everything but the revision, which tells only how often a candle was put right. */
const COMPARED = Object.keys({
  ...{ instrumentId: true, size: true, openMs: true, openTicks: true, highTicks: true, lowTicks: true },
  ...{ closeTicks: true, lots: true, notionalUnits: true, trades: true, firstSequence: true, lastSequence: true },
} satisfies Record<Exclude<keyof Kline, 'revision'>, true>) as Exclude<keyof Kline, 'revision'>[];

/** @param stored and @param ought in order of time */
function differencesOf(stored: readonly Kline[], ought: readonly Kline[]): KlineDifference[] {
  const byOpenMs = new Map(stored.map((kline) => [kline.openMs, kline]));
  const differences: KlineDifference[] = [];
  for (const recomputed of ought) {
    const found = byOpenMs.get(recomputed.openMs) ?? null;
    byOpenMs.delete(recomputed.openMs);
    if (found === null || COMPARED.some((field) => found[field] !== recomputed[field]))
      differences.push({ stored: found, recomputed });
  }
  for (const spurious of byOpenMs.values()) differences.push({ stored: spurious, recomputed: null });
  return differences;
}
