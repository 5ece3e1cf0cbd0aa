import { notionalUnits } from '../../../core/money/instrument.ts';
import type { EventBatch } from '../../../core/ports/event-feed.ts';
import type { Kline } from '../../../core/ports/klines.ts';
import type { ExchangeEvent } from '../../../core/protocol/event-decoder.ts';
import { EventKind } from '../../../core/protocol/kinds.ts';
import { TRADES } from '../../../workers/history/history-rows.ts';
import { HistoryMinutes } from '../../../workers/klines/history-minutes.ts';
import { KlineCheck } from '../../../workers/klines/kline-check.ts';
import { readKlines } from '../../../workers/klines/kline-rows.ts';
import { KlineWriter } from '../../../workers/klines/kline-writer.ts';
import { KlinesConsumer } from '../../../workers/klines/klines-consumer.ts';
import { SqliteKlineStore } from '../../../workers/klines/sqlite-kline-store.ts';
import { HistoryDatabase } from '../../../workers/storage/history-database.ts';
import { KlinesDatabase } from '../../../workers/storage/klines-database.ts';
import { WATERMARKS } from '../../../workers/storage/view-database.ts';
import { defaultCatalogue } from '../../support/default-catalogue.ts';
import { inOrder, type PlainTrade } from '../../support/plain-klines.ts';
import type { RandomIntegers } from '../../support/random-integers.ts';

export const PARTITIONS = 4;
export const CATALOGUE = defaultCatalogue();

const rethrow = (error: Error): void => {
  throw error;
};

/** Candles over a real history, which the test fills with trades of its own. */
export class KlineFolder {
  readonly klines: KlinesDatabase;
  readonly history: HistoryDatabase;
  readonly trades: HistoryMinutes;
  readonly store: SqliteKlineStore;
  readonly writer: KlineWriter;
  readonly consumer: KlinesConsumer;
  readonly check: KlineCheck;

  private constructor(
    klines: KlinesDatabase,
    history: HistoryDatabase,
    readers: [HistoryMinutes, SqliteKlineStore],
    writer: KlineWriter,
  ) {
    this.klines = klines;
    this.history = history;
    [this.trades, this.store] = readers;
    this.writer = writer;
    this.consumer = new KlinesConsumer(writer);
    this.check = new KlineCheck({ writer, store: this.store, trades: this.trades });
  }

  static async open(folder: string): Promise<KlineFolder> {
    const klines = await KlinesDatabase.open(folder, PARTITIONS, rethrow);
    const history = await HistoryDatabase.open(folder, PARTITIONS, rethrow);
    const readers: [HistoryMinutes, SqliteKlineStore] = [
      await HistoryMinutes.open(folder),
      await SqliteKlineStore.open(folder),
    ];
    return new KlineFolder(klines, history, readers, await KlineWriter.open(klines, CATALOGUE));
  }

  /** Puts trades into the history, and its watermarks at their end. */
  async record(trades: readonly PlainTrade[], throughSequence: number): Promise<void> {
    const { commits } = this.history;
    for (const trade of trades) commits.add(TRADES, tradeRow(trade));
    for (let partition = 0; partition < PARTITIONS; partition++) commits.put(WATERMARKS, [partition, throughSequence]);
    await commits.durable();
  }

  /** @returns every stored candle */
  async rows(): Promise<Kline[]> {
    return inOrder(await readKlines(this.klines.database, '', []));
  }

  async close(): Promise<void> {
    await this.trades.close();
    await this.store.close();
    await this.klines.close();
    await this.history.close();
  }
}

function tradeRow(trade: PlainTrade): (string | number)[] {
  const { tradeId, instrumentId, timestampMs, priceTicks, quantityLots } = trade;
  const fees = [2, 7, 100, '1', 8, 101, '2'];
  return [tradeId, instrumentId, timestampMs, 0, priceTicks, quantityLots, trade.notionalUnits.toString(), ...fees];
}

/** Steps between two trades: most within a minute, some over hours, a few over weeks. */
const STEPS_MS = [0, 1, 900, 20_000, 60_000, 400_000, 9_000_000, 90_000_000, 1_000_000_000];

/** @returns trades in order, of some instruments, over months; sequences have holes, where other events stand */
export function randomTrades(random: RandomIntegers, count: number, startMs: number): PlainTrade[] {
  const trades: PlainTrade[] = [];
  let [timestampMs, tradeId] = [startMs, 0];
  for (let index = 0; index < count; index++) {
    timestampMs += random.below(1 + STEPS_MS[Math.min(random.below(STEPS_MS.length), random.below(STEPS_MS.length))]!);
    tradeId += random.between(1, 4);
    const instrument = CATALOGUE.instrument(random.oneOf([1, 2, 5, 6]))!;
    const isHuge = random.onceIn(5);
    const priceTicks = isHuge ? random.between(1, 3) : random.between(1, 2 ** 31 - 1);
    const quantityLots = isHuge ? random.between(2 ** 52, 2 ** 53 - 1) : random.between(1, 1_000);
    trades.push({
      tradeId,
      instrumentId: instrument.instrumentId,
      timestampMs,
      priceTicks,
      quantityLots,
      notionalUnits: notionalUnits(instrument, priceTicks, quantityLots),
    });
  }
  return trades;
}

/** @returns what the feed would deliver of a partition in `beforeSequence` … `lastSequence`, other events between the trades */
export function batchOf(
  trades: readonly PlainTrade[],
  partition: number,
  beforeSequence: number,
  lastSequence: number,
): EventBatch {
  const events = trades
    .filter(({ instrumentId, tradeId }) => {
      return instrumentId % PARTITIONS === partition && tradeId > beforeSequence && tradeId <= lastSequence;
    })
    .flatMap((trade) => [
      { kind: EventKind.TRIGGERED, ...trade, eventSequence: trade.tradeId - 0.5 } as unknown as ExchangeEvent,
      { kind: EventKind.FILLED, ...trade, eventSequence: trade.tradeId } as unknown as ExchangeEvent,
    ]);
  return { partition, beforeSequence, lastSequence, events };
}
