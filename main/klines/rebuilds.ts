import type { Catalogue } from '../../core/money/catalogue.ts';
import type { KlineDifference, KlineRebuildRange, KlineRebuildReport } from '../../core/ports/klines.ts';
import type { KlineCheck } from '../../workers/klines/kline-check.ts';
import { rebuildKlines } from '../../workers/klines/rebuild-klines.ts';

/** A rebuild as JSON: what `klines rebuild` prints and the admin API answers. Sums are decimal text. */
export interface KlinesRebuildJson {
  readonly ok: boolean; // no candle differs any more
  readonly checked: number;
  readonly differing: number;
  readonly corrected: number;
  readonly differences: readonly KlineDifferenceJson[]; // the first hundred
}

interface KlineDifferenceJson {
  readonly instrumentId: number;
  readonly size: string;
  readonly open: string; // ISO 8601, UTC
  readonly problem: 'missing' | 'wrong' | 'no trades';
  readonly fields: Readonly<Record<string, readonly [stored: string, recomputed: string]>>; // of a wrong one
}

export interface KlinesRebuildState {
  readonly state: 'none' | 'running' | 'done' | 'failed' | 'cancelled';
  readonly share: number; // 0 … 1
  readonly step: string;
  readonly report: KlinesRebuildJson | null; // of one that is done
  readonly problem: string | null; // of one that failed
}

const NEVER: KlinesRebuildState = { state: 'none', share: 0, step: '', report: null, problem: null };

/** The rebuilds of a running exchange: one at a time, beside everything else. */
export class KlinesRebuilds {
  readonly #check: KlineCheck;
  readonly #catalogue: Catalogue;
  #state = NEVER;
  #abort = new AbortController();
  #running: Promise<void> | null = null;

  constructor(check: KlineCheck, catalogue: Catalogue) {
    this.#check = check;
    this.#catalogue = catalogue;
  }

  get state(): KlinesRebuildState {
    return this.#state;
  }

  /** @returns whether it was begun: not while another one is at work */
  tryStart(range: KlineRebuildRange): boolean {
    if (this.#running !== null) return false;
    this.#abort = new AbortController();
    this.#state = { ...NEVER, state: 'running', step: 'beginning' };
    this.#running = this.#run(range, this.#abort.signal).finally(() => {
      this.#running = null;
    });
    return true;
  }

  /** Ends the one at work; what it has put right stays right. @returns once nothing is at work any more */
  async cancel(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #run(range: KlineRebuildRange, signal: AbortSignal): Promise<void> {
    try {
      const report = await rebuildKlines(
        this.#check,
        range,
        ({ instrumentId, reachedMs, share }) => {
          this.#state = {
            ...this.#state,
            share,
            step: stepText(this.#catalogue.instrument(instrumentId)!.symbol, reachedMs),
          };
        },
        signal,
      );
      this.#state = { ...NEVER, state: 'done', share: 1, report: rebuildJson(report) };
    } catch (error) {
      if (signal.aborted) this.#state = { ...this.#state, state: 'cancelled' };
      else this.#state = { ...this.#state, state: 'failed', problem: (error as Error).message };
    }
  }
}

/**
 * @param symbols in any case; none stand for all
 * @param refuse called with what to do about a symbol that is not known
 */
export function instrumentIdsOf(
  catalogue: Catalogue,
  symbols: readonly string[],
  refuse: (message: string) => never,
): number[] {
  if (symbols.length === 0) return catalogue.instruments().map(({ instrumentId }) => instrumentId);
  const known = catalogue.instruments().map(({ symbol }) => symbol);
  return symbols.map((symbol) => {
    const instrument = catalogue.instrumentBySymbol(symbol.toLowerCase());
    return (instrument ?? refuse(`there is no instrument ${symbol}; there are ${known.join(', ')}`)).instrumentId;
  });
}

/** @returns what a progress bar says */
export function stepText(symbol: string, reachedMs: number): string {
  return `candles of ${symbol} through ${new Date(reachedMs - 1).toISOString().slice(0, 10)}`;
}

export function rebuildJson({ checked, corrected, differing, differences }: KlineRebuildReport): KlinesRebuildJson {
  return { ok: differing === corrected, checked, differing, corrected, differences: differences.map(differenceJson) };
}

function differenceJson({ stored, recomputed }: KlineDifference): KlineDifferenceJson {
  const { instrumentId, size, openMs } = (stored ?? recomputed)!;
  const place = { instrumentId, size, open: new Date(openMs).toISOString() };
  if (stored === null) return { ...place, problem: 'missing', fields: {} };
  if (recomputed === null) return { ...place, problem: 'no trades', fields: {} };
  const right = new Map<string, unknown>(Object.entries(recomputed));
  const differing = Object.entries(stored).filter(([name, value]) => name !== 'revision' && value !== right.get(name));
  const fields = Object.fromEntries(
    differing.map(([name, value]) => [name, [String(value), String(right.get(name))] as const]),
  );
  return { ...place, problem: 'wrong', fields };
}
