import type { Catalogue } from '../core/money/catalogue.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { KlineJobs } from '../core/ports/klines.ts';
import { HistoryMinutes } from '../workers/klines/history-minutes.ts';
import { catchUpKlines } from '../workers/klines/kline-catch-up.ts';
import { KlineCheck } from '../workers/klines/kline-check.ts';
import { KlineWriter } from '../workers/klines/kline-writer.ts';
import { KlinesConsumer } from '../workers/klines/klines-consumer.ts';
import { SqliteKlineStore } from '../workers/klines/sqlite-kline-store.ts';
import { StandingKlineJobs } from '../workers/klines/standing-kline-jobs.ts';
import { KlinesDatabase } from '../workers/storage/klines-database.ts';

/** What of the data folder the candles need. Whoever writes it has its only KlinesDatabase. */
export interface KlineStores {
  readonly database: KlinesDatabase;
  readonly store: SqliteKlineStore;
  readonly trades: HistoryMinutes;
}

/** @param dataFolder its history was opened before. @throws DatabaseError, SchemaTooNewError, PartitionCountError */
export async function openKlineStores(
  dataFolder: string,
  partitionCount: number,
  onFatal: (error: Error) => void,
): Promise<KlineStores> {
  const database = await KlinesDatabase.open(dataFolder, partitionCount, onFatal);
  return { database, store: await SqliteKlineStore.open(dataFolder), trades: await HistoryMinutes.open(dataFolder) };
}

export async function closeKlineStores({ database, store, trades }: KlineStores): Promise<void> {
  await trades.close();
  await store.close();
  await database.close();
}

/** Candles that are behind the history, because their file is new or was lost. */
export interface KlinesProgress {
  readonly type: 'klines-progress';
  readonly eventSequence: number;
  readonly ofEventSequence: number;
}

/** Candles and market info: the consumer that makes them, what recomputes them, the standing jobs. */
export class ExchangeKlines {
  readonly consumer: KlinesConsumer;
  readonly check: KlineCheck;
  readonly jobs: KlineJobs;

  private constructor(stores: KlineStores, writer: KlineWriter, catalogue: Catalogue, clock: Clock) {
    this.consumer = new KlinesConsumer(writer);
    this.check = new KlineCheck({ ...stores, writer });
    const instrumentIds = (): number[] => catalogue.instruments().map(({ instrumentId }) => instrumentId);
    this.jobs = new StandingKlineJobs({ check: this.check, writer, clock, instrumentIds });
  }

  /**
   * @param catalogue knows every instrument that the history has trades of
   * @returns once the candles have every trade that the history has; the consumer goes on from there
   */
  static async open(
    stores: KlineStores,
    catalogue: Catalogue,
    clock: Clock,
    onProgress: (progress: KlinesProgress) => void,
  ): Promise<ExchangeKlines> {
    const writer = await KlineWriter.open(stores.database, catalogue);
    await catchUpKlines({
      writer,
      trades: stores.trades,
      onProgress: (eventSequence, ofEventSequence) =>
        onProgress({ type: 'klines-progress', eventSequence, ofEventSequence }),
    });
    return new ExchangeKlines(stores, writer, catalogue, clock);
  }
}
