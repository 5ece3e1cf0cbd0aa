import { isDeepStrictEqual } from 'node:util';
import { fail } from '../../core/assert.ts';
import { DAY_MS, intervalStartMs, KLINE_SIZES, type KlineSize, MINUTE_MS } from '../../core/klines/kline-calendar.ts';
import { RollingDay } from '../../core/klines/rolling-day.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import type { Kline, MarketInfo } from '../../core/ports/klines.ts';
import type { KlinesDatabase } from '../storage/klines-database.ts';
import { readWatermarks, WATERMARKS } from '../storage/view-database.ts';
import { begunWith, joined, type MinutePart } from './candle.ts';
import { KLINES, klineValues, MARKET_INFO, marketInfoValues, readKlines, readMarketInfo } from './kline-rows.ts';
import { marketInfoOf } from './market-info.ts';

/** What is kept in memory of an instrument: the candles that may still grow, and its day. */
interface InstrumentKlines {
  readonly latest: ReadonlyMap<KlineSize, Kline>;
  readonly day: RollingDay;
  readonly asOfMs: number; // that the day was last looked at: it never goes back
}

/** Candles of one instrument to put right. */
export interface KlineCorrections {
  readonly missing: readonly Kline[]; // none is stored of their intervals
  readonly right: readonly Kline[]; // in place of stored ones
  readonly removed: readonly Kline[]; // stored, without trades
}

/**
 * The only writer of `klines.sqlite`. Trades grow the newest candle of every size; whoever recomputes older ones does so
 * while the partition stands still. Memory holds ten candles and a day's minutes of each instrument.
 */
export class KlineWriter {
  readonly partitionCount: number;
  readonly #klines: KlinesDatabase;
  readonly #catalogue: Catalogue;
  readonly #watermarks: number[];
  readonly #instruments = new Map<number, InstrumentKlines>();
  readonly #turns: Promise<unknown>[]; // by partition: the work under way

  private constructor(klines: KlinesDatabase, catalogue: Catalogue, watermarks: number[]) {
    this.#klines = klines;
    this.partitionCount = klines.partitionCount;
    this.#catalogue = catalogue;
    this.#watermarks = watermarks;
    this.#turns = watermarks.map(() => Promise.resolve());
  }

  /**
   * @param klines of which this is the only writer
   * @param catalogue filled before the trades that need it come
   */
  static async open(klines: KlinesDatabase, catalogue: Catalogue): Promise<KlineWriter> {
    return new KlineWriter(klines, catalogue, await readWatermarks(klines.database, klines.partitionCount));
  }

  get watermarks(): readonly number[] {
    return this.#watermarks;
  }

  partitionOf(instrumentId: number): number {
    return instrumentId % this.partitionCount;
  }

  quoteUnitsPerTickLot(instrumentId: number): bigint {
    const instrument = this.#catalogue.instrument(instrumentId);
    return (instrument ?? fail(`a trade of instrument ${instrumentId}, which is unknown`)).quoteUnitsPerTickLot;
  }

  /** Runs one piece of work on a partition at a time. @returns what it returns, or rejects with its error */
  inTurn<Result>(partition: number, work: () => Promise<Result>): Promise<Result> {
    const turn = this.#turns[partition]!.then(work);
    this.#turns[partition] = turn.catch(() => undefined);
    return turn;
  }

  /**
   * Adds trades of a partition, and with them its watermark: both durable, or neither. In the partition's turn.
   * @param parts all after the watermark, those of an instrument in order
   * @throws InvariantError, with nothing stored; DatabaseError, which is fatal (GroupCommit)
   */
  async add(partition: number, lastSequence: number, parts: readonly MinutePart[]): Promise<void> {
    const grown = new Map<number, Map<KlineSize, Kline>>(); // by instrument id
    const changed = new Map<string, Kline>();
    for (const { instrumentId } of parts)
      if (!grown.has(instrumentId)) grown.set(instrumentId, new Map((await this.#instrument(instrumentId)).latest));
    for (const part of parts) {
      const latest = grown.get(part.instrumentId)!;
      for (const size of KLINE_SIZES) {
        const kline = grownBy(size, latest.get(size), part);
        latest.set(size, kline);
        changed.set(`${kline.instrumentId} ${size} ${kline.openMs}`, kline);
      }
    }
    const { commits } = this.#klines;
    for (const kline of changed.values()) commits.put(KLINES, klineValues(kline));
    for (const part of parts) this.#instruments.get(part.instrumentId)!.day.addMinute(this.#minuteOf(part));
    for (const [instrumentId, latest] of grown) {
      const { day, asOfMs } = this.#instruments.get(instrumentId)!;
      const instrument = { latest, day, asOfMs: Math.max(asOfMs, latest.get('1m')!.openMs) };
      this.#instruments.set(instrumentId, instrument);
      commits.put(MARKET_INFO, marketInfoValues(this.#marketInfo(instrument)));
    }
    commits.put(WATERMARKS, [partition, lastSequence]);
    await commits.durable();
    this.#watermarks[partition] = lastSequence;
  }

  /** Adds, replaces and removes candles of an instrument. In its partition's turn. */
  async correct(instrumentId: number, { missing, right, removed }: KlineCorrections): Promise<void> {
    const { commits } = this.#klines;
    for (const kline of missing) commits.add(KLINES, klineValues(kline));
    for (const kline of removed) commits.remove(KLINES, [instrumentId, kline.size, kline.openMs]);
    for (const kline of right) commits.put(KLINES, klineValues(kline));
    this.#instruments.delete(instrumentId); // read again when it is needed
    await commits.durable();
  }

  /**
   * Lets an instrument's day end with this minute, unless it ended later before. In its partition's turn.
   * @returns whether that has changed anything: it is durable then
   */
  async refreshMarketInfo(instrumentId: number, nowMs: number): Promise<boolean> {
    const known = await this.#instrument(instrumentId);
    if (known.latest.size === 0) return false;
    const instrument = { ...known, asOfMs: Math.max(known.asOfMs, nowMs - (nowMs % MINUTE_MS)) };
    const info = this.#marketInfo(instrument);
    this.#instruments.set(instrumentId, instrument);
    const stored = await readMarketInfo(this.#klines.database, instrumentId);
    if (stored !== undefined && isDeepStrictEqual(stored, info)) return false;
    this.#klines.commits.put(MARKET_INFO, marketInfoValues(info));
    await this.#klines.commits.durable();
    return true;
  }

  /** @returns the sequence of the newest trade that is in the candles, 0 for none. In its partition's turn. */
  async lastSequence(instrumentId: number): Promise<number> {
    return (await this.#instrument(instrumentId)).latest.get('1m')?.lastSequence ?? 0;
  }

  /** @returns what is known of an instrument, read from the file when it is met for the first time */
  async #instrument(instrumentId: number): Promise<InstrumentKlines> {
    const known = this.#instruments.get(instrumentId);
    if (known !== undefined) return known;
    const { database } = this.#klines;
    const newest = await readKlines(
      database,
      `JOIN (SELECT value AS newest_size,
         (SELECT max(open_ms) FROM klines WHERE instrument_id = ?1 AND size = value) AS newest_ms FROM json_each(?2))
       ON size = newest_size AND open_ms = newest_ms WHERE instrument_id = ?1`,
      [instrumentId, JSON.stringify(KLINE_SIZES)],
    );
    const latest = new Map(newest.map((kline) => [kline.size, kline]));
    const day = new RollingDay();
    const sinceMs = (latest.get('1m')?.openMs ?? 0) - DAY_MS; // a day that ends later holds no more than that
    const minutes = await readKlines(database, "WHERE instrument_id = ? AND size = '1m' AND open_ms > ?", [
      instrumentId,
      sinceMs,
    ]);
    for (const minute of minutes) day.addMinute(this.#minuteOf(minute));
    const stored = await readMarketInfo(database, instrumentId);
    const instrument = { latest, day, asOfMs: Math.max(stored?.asOfMs ?? 0, latest.get('1m')?.openMs ?? 0) };
    this.#instruments.set(instrumentId, instrument);
    return instrument;
  }

  #minuteOf({ instrumentId, openMs, notionalUnits, ...part }: MinutePart) {
    return { ...part, minute: openMs / MINUTE_MS, tickLots: notionalUnits / this.quoteUnitsPerTickLot(instrumentId) };
  }

  #marketInfo({ latest, day, asOfMs }: InstrumentKlines): MarketInfo {
    const last = latest.get('1m')!;
    return marketInfoOf(last, day.summary(asOfMs), asOfMs, this.quoteUnitsPerTickLot(last.instrumentId));
  }
}

function grownBy(size: KlineSize, latest: Kline | undefined, part: MinutePart): Kline {
  const openMs = intervalStartMs(size, part.openMs);
  if (latest === undefined || latest.openMs < openMs) return begunWith(size, part);
  if (latest.openMs > openMs)
    fail(
      `instrument ${part.instrumentId}: trade ${part.firstSequence} of ${part.openMs} after one of ${latest.openMs}`,
    );
  return joined(latest, part);
}
