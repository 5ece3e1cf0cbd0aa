import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Catalogue } from '../../core/money/catalogue.ts';
import { type EventConsumer, partitionOf } from '../../core/ports/event-feed.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { HistoryConsumer } from '../../workers/history/history-consumer.ts';
import { SqliteHistoryStore } from '../../workers/history/sqlite-history-store.ts';
import { KlineWriter } from '../../workers/klines/kline-writer.ts';
import { KlinesConsumer } from '../../workers/klines/klines-consumer.ts';
import { SqliteKlineStore } from '../../workers/klines/sqlite-kline-store.ts';
import { HistoryDatabase } from '../../workers/storage/history-database.ts';
import { KlinesDatabase } from '../../workers/storage/klines-database.ts';

/** The real history, and the real candles, in a folder of their own, fed by the inline exchange with what the event log would hold. */
export class InlineHistory {
  readonly store: SqliteHistoryStore;
  readonly klines: SqliteKlineStore;
  /** While true events wait, as behind a slow disk. */
  isStalled = false;
  readonly #folder: string;
  readonly #database: HistoryDatabase;
  readonly #klinesDatabase: KlinesDatabase;
  readonly #partitionCount: number;
  readonly #pending: ExchangeEvent[][]; // by partition
  readonly #delivered: number[]; // last sequence, by partition
  #consumers: readonly EventConsumer[] = [];
  #running: Promise<void> | null = null;

  private constructor(
    folder: string,
    databases: { readonly history: HistoryDatabase; readonly klines: KlinesDatabase },
    stores: { readonly history: SqliteHistoryStore; readonly klines: SqliteKlineStore },
    partitionCount: number,
  ) {
    this.#folder = folder;
    this.#database = databases.history;
    this.#klinesDatabase = databases.klines;
    this.store = stores.history;
    this.klines = stores.klines;
    this.#partitionCount = partitionCount;
    this.#pending = Array.from({ length: partitionCount }, () => []);
    this.#delivered = Array.from({ length: partitionCount }, () => 0);
  }

  static async open(partitionCount: number): Promise<InlineHistory> {
    const folder = mkdtempSync(join(tmpdir(), 'ringbook-inline-'));
    const rethrow = (error: Error): void => {
      throw error;
    };
    const databases = {
      history: await HistoryDatabase.open(folder, partitionCount, rethrow),
      klines: await KlinesDatabase.open(folder, partitionCount, rethrow),
    };
    const stores = { history: await SqliteHistoryStore.open(folder), klines: await SqliteKlineStore.open(folder) };
    return new InlineHistory(folder, databases, stores, partitionCount);
  }

  /** Begins anew with the events of a start, from the first one; those that are stored already change nothing. */
  async begin(catalogue: Catalogue): Promise<void> {
    await this.#running;
    for (const partition of this.#pending) partition.length = 0;
    this.#delivered.fill(0);
    this.#consumers = [
      await HistoryConsumer.open(this.#database, catalogue),
      new KlinesConsumer(await KlineWriter.open(this.#klinesDatabase, catalogue)),
    ];
  }

  take(event: ExchangeEvent): void {
    this.#pending[partitionOf(event, this.#partitionCount)]!.push(event);
    this.wake();
  }

  /** Goes on after a stall. */
  wake(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
  }

  async close(): Promise<void> {
    await this.#running;
    await this.store.close();
    await this.klines.close();
    await this.#database.close();
    await this.#klinesDatabase.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #run(): Promise<void> {
    await new Promise(setImmediate); // the gateway first: it knows the instruments that the events name
    for (let partition = 0; partition < this.#partitionCount && !this.isStalled; partition++) {
      const events = this.#pending[partition]!.splice(0);
      if (events.length === 0) continue;
      const lastSequence = events.at(-1)!.eventSequence;
      const batch = { partition, beforeSequence: this.#delivered[partition]!, lastSequence, events };
      for (const consumer of this.#consumers) await consumer.consume(batch);
      this.#delivered[partition] = events.at(-1)!.eventSequence;
      partition = -1; // more may have come meanwhile
    }
  }
}
