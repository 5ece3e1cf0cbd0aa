import { intervalEndMs, intervalStartMs, KLINE_SIZES, type KlineSize } from '../../core/klines/kline-calendar.ts';
import type { Kline, KlineDifference, KlineRebuildRange, KlineRebuildReport } from '../../core/ports/klines.ts';
import type { KlineCheck, KlineCheckResult } from './kline-check.ts';

/** How far a rebuild has come: the instrument under way, and the share of the whole that is done. */
export interface KlineRebuildProgress {
  readonly instrumentId: number;
  readonly reachedMs: number;
  readonly share: number; // 0 … 1
}

const SHOWN_DIFFERENCES = 100;
const SIZES_OVER_DAYS: readonly KlineSize[] = ['1w', '1M'];
const SIZES_WITHIN_A_DAY = KLINE_SIZES.filter((size) => !SIZES_OVER_DAYS.includes(size));

/**
 * Recomputes the candles of all sizes from the trades, day by day, instrument by instrument, as far as there is anything.
 * May be interrupted and run again.
 * @throws the signal's reason once it is aborted, between two days; DatabaseError
 */
export async function rebuildKlines(
  check: KlineCheck,
  { fromMs, toMs, instrumentIds, isVerifyOnly }: KlineRebuildRange,
  onProgress: (progress: KlineRebuildProgress) => void,
  signal?: AbortSignal,
): Promise<KlineRebuildReport> {
  let [checked, corrected, differing] = [0, 0, 0];
  const differences: KlineDifference[] = [];
  const count = (found: KlineCheckResult): void => {
    checked += found.checked;
    corrected += found.corrected;
    differing += found.differences.length;
    differences.push(...found.differences.slice(0, SHOWN_DIFFERENCES - differences.length));
  };
  for (const [index, instrumentId] of instrumentIds.entries()) {
    const span = await check.spanMs(instrumentId);
    if (span === undefined) continue;
    const range = {
      instrumentId,
      fromMs: Math.max(intervalStartMs('1m', fromMs), intervalStartMs('1m', span.firstMs)),
      toMs: Math.min(intervalEndMs('1m', toMs - 1), intervalEndMs('1m', span.lastMs)),
      isVerifyOnly,
    };
    if (range.fromMs >= range.toMs) continue;
    const days: Kline[] = []; // as they ought to be
    for (let atMs = range.fromMs; atMs < range.toMs; ) {
      signal?.throwIfAborted();
      const endMs = Math.min(range.toMs, intervalEndMs('1d', atMs));
      const found = await check.check({ ...range, fromMs: atMs, toMs: endMs, sizes: SIZES_WITHIN_A_DAY });
      count(found);
      days.push(...found.right.get('1d')!.klines);
      atMs = endMs;
      const shareOfInstrument = (atMs - range.fromMs) / (range.toMs - range.fromMs);
      onProgress({ instrumentId, reachedMs: atMs, share: (index + shareOfInstrument) / instrumentIds.length });
    }
    const stretch = { fromMs: intervalStartMs('1d', range.fromMs), toMs: intervalEndMs('1d', range.toMs - 1) };
    const known = new Map([['1d', { ...stretch, klines: days }]] as const);
    count(await check.check({ ...range, sizes: SIZES_OVER_DAYS, known }));
    if (!isVerifyOnly) await check.refreshMarketInfo(instrumentId);
  }
  return { checked, corrected, differing, differences };
}
