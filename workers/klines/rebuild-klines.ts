import {
  DAY_MS,
  intervalEndMs,
  intervalStartMs,
  KLINE_SIZES,
  type KlineSize,
} from '../../core/klines/kline-calendar.ts';
import type { KlineDifference, KlineRebuildRange, KlineRebuildReport } from '../../core/ports/klines.ts';
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
 * Recomputes the candles of all sizes from the trades, day by day, instrument by instrument. May be interrupted and run
 * again.
 * @throws the signal's reason once it is aborted, between two days; DatabaseError
 */
export async function rebuildKlines(
  check: KlineCheck,
  { fromMs, toMs, instrumentIds, isVerifyOnly }: KlineRebuildRange,
  onProgress: (progress: KlineRebuildProgress) => void,
  signal?: AbortSignal,
): Promise<KlineRebuildReport> {
  let [checked, corrected, differing, done] = [0, 0, 0, 0];
  const differences: KlineDifference[] = [];
  const days = Math.max(1, Math.ceil((toMs - intervalStartMs('1d', fromMs)) / DAY_MS)) * instrumentIds.length;
  const count = (found: KlineCheckResult): void => {
    checked += found.checked;
    corrected += found.corrected;
    differing += found.differences.length;
    differences.push(...found.differences.slice(0, SHOWN_DIFFERENCES - differences.length));
  };
  for (const instrumentId of instrumentIds) {
    for (let atMs = fromMs; atMs < toMs; ) {
      signal?.throwIfAborted();
      const endMs = Math.min(toMs, intervalEndMs('1d', atMs));
      count(await check.check({ instrumentId, fromMs: atMs, toMs: endMs, sizes: SIZES_WITHIN_A_DAY, isVerifyOnly }));
      done += 1;
      atMs = endMs;
      onProgress({ instrumentId, reachedMs: atMs, share: Math.min(1, done / days) });
    }
    count(await check.check({ instrumentId, fromMs, toMs, sizes: SIZES_OVER_DAYS, isVerifyOnly }));
  }
  return { checked, corrected, differing, differences };
}
