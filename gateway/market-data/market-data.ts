import type { SnapshotReader } from '../../core/journal/snapshot-reader.ts';
import { newestIntervals } from '../../core/klines/filled-candles.ts';
import { MINUTE_MS } from '../../core/klines/kline-calendar.ts';
import { DAY_MINUTES } from '../../core/klines/rolling-day.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import { type HistoryStore, type HistoryTrade, MAX_HISTORY_ROWS } from '../../core/ports/history.ts';
import type { KlineStore } from '../../core/ports/klines.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import type { EventListener } from '../orders/event-reader.ts';
import { DayStatistics } from './day-statistics.ts';
import { Depth } from './depth.ts';
import { InstrumentStates } from './instrument-states.ts';
import { MarketFeed } from './market-feed.ts';
import { TAPE_TRADES, TradeTape } from './trade-tape.ts';

/** What is from before the events that the gateway has seen. */
export interface MarketStores {
  readonly history: HistoryStore;
  readonly klines: KlineStore;
}

/** Everything about markets that everybody may see, from events. */
export class MarketData implements EventListener {
  readonly depth = new Depth();
  readonly tape = new TradeTape();
  readonly statistics = new DayStatistics();
  readonly states = new InstrumentStates();
  readonly feed: MarketFeed;
  #firstSequence: number | null = null; // of the events seen

  constructor(catalogue: Catalogue) {
    this.feed = new MarketFeed(catalogue, this.depth, this.tape);
  }

  /** Books and states as they stand in a snapshot, before the first event. Trades are not in it: `prime` reads them. */
  beginAt(snapshot: SnapshotReader): void {
    this.states.prime(snapshot.markets());
    this.depth.prime(snapshot.restingOrders());
  }

  onEvent(event: ExchangeEvent): void {
    this.#firstSequence ??= event.eventSequence;
    this.states.onEvent(event);
    this.depth.onEvent(event);
    this.tape.onEvent(event);
    this.statistics.onEvent(event);
    this.feed.onEvent(event); // last: it tells what the others have
  }

  onTurnEnd(): void {
    this.feed.onTurnEnd();
  }

  /**
   * Adds the trades from before the first event that was seen here, as far as answers need them: those of the last 24
   * hours, and the newest ones however old. Whole minutes come as candles, which are at most a day's however much was
   * traded, and what they lack as trades. Does nothing where the events began with the first one.
   */
  async prime(stores: MarketStores, catalogue: Catalogue, nowMs: number): Promise<void> {
    const { history, klines } = stores;
    const beforeSequence = this.#firstSequence ?? Number.POSITIVE_INFINITY;
    if (beforeSequence === 1) return;
    const { fromMs, toMs } = newestIntervals('1m', nowMs, DAY_MINUTES);
    for (const { instrumentId, quoteUnitsPerTickLot } of catalogue.instruments()) {
      const newest = await history.publicTrades(instrumentId, { limit: TAPE_TRADES });
      this.tape.prime(instrumentId, newest.filter((trade) => trade.tradeId < beforeSequence).reverse());
      const candles = (await klines.klines(instrumentId, '1m', fromMs, toMs)).filter(
        ({ openMs, lastSequence }) => openMs >= fromMs && lastSequence < beforeSequence,
      );
      const last = candles.at(-1);
      const since = last === undefined ? { sinceMs: fromMs - 1 } : { sinceTradeId: last.lastSequence };
      const minutes = candles.map(({ openMs, notionalUnits, ...candle }) => {
        return { ...candle, minute: openMs / MINUTE_MS, tickLots: notionalUnits / quoteUnitsPerTickLot };
      });
      await this.statistics.prime(instrumentId, minutes, tradesSince(history, instrumentId, since, beforeSequence));
    }
  }
}

/** @returns oldest first, in pages: a busy day has more trades than memory should hold */
async function* tradesSince(
  history: HistoryStore,
  instrumentId: number,
  since: { readonly sinceMs: number } | { readonly sinceTradeId: number },
  beforeSequence: number,
): AsyncGenerator<readonly HistoryTrade[]> {
  let page = await history.publicTrades(instrumentId, { ...since, limit: MAX_HISTORY_ROWS });
  while (page.length > 0) {
    yield page.filter((trade) => trade.tradeId < beforeSequence).reverse();
    const sinceTradeId = page[0]!.tradeId;
    if (sinceTradeId >= beforeSequence) break;
    page = await history.publicTrades(instrumentId, { sinceTradeId, limit: MAX_HISTORY_ROWS });
  }
}
