import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Catalogue } from '../../core/money/catalogue.ts';
import { partitionOf } from '../../core/ports/event-feed.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { HistoryConsumer } from '../../workers/history/history-consumer.ts';
import { SqliteHistoryStore } from '../../workers/history/sqlite-history-store.ts';
import { HistoryDatabase } from '../../workers/storage/history-database.ts';

/** The real history in a folder of its own, fed by the inline exchange with what the event log would hold. */
export class InlineHistory {
  readonly store: SqliteHistoryStore;
  /** While true events wait, as behind a slow disk. */
  isStalled = false;
  readonly #folder: string;
  readonly #database: HistoryDatabase;
  readonly #partitionCount: number;
  readonly #pending: ExchangeEvent[][]; // by partition
  readonly #delivered: number[]; // last sequence, by partition
  #consumer: HistoryConsumer | null = null;
  #running: Promise<void> | null = null;

  private constructor(folder: string, database: HistoryDatabase, store: SqliteHistoryStore, partitionCount: number) {
    this.#folder = folder;
    this.#database = database;
    this.store = store;
    this.#partitionCount = partitionCount;
    this.#pending = Array.from({ length: partitionCount }, () => []);
    this.#delivered = Array.from({ length: partitionCount }, () => 0);
  }

  static async open(partitionCount: number): Promise<InlineHistory> {
    const folder = mkdtempSync(join(tmpdir(), 'ringbook-inline-'));
    const database = await HistoryDatabase.open(folder, partitionCount, (error) => {
      throw error;
    });
    return new InlineHistory(folder, database, await SqliteHistoryStore.open(folder), partitionCount);
  }

  /** Begins anew with the events of a start, from the first one; those that are stored already change nothing. */
  async begin(catalogue: Catalogue): Promise<void> {
    await this.#running;
    for (const partition of this.#pending) partition.length = 0;
    this.#delivered.fill(0);
    this.#consumer = await HistoryConsumer.open(this.#database, catalogue);
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
    await this.#database.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #run(): Promise<void> {
    await new Promise(setImmediate); // the gateway first: it knows the instruments that the events name
    for (let partition = 0; partition < this.#partitionCount && !this.isStalled; partition++) {
      const events = this.#pending[partition]!.splice(0);
      if (events.length === 0) continue;
      const lastSequence = events.at(-1)!.eventSequence;
      await this.#consumer!.consume({ partition, beforeSequence: this.#delivered[partition]!, lastSequence, events });
      this.#delivered[partition] = events.at(-1)!.eventSequence;
      partition = -1; // more may have come meanwhile
    }
  }
}
