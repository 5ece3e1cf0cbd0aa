import { setTimeout as sleep } from 'node:timers/promises';
import { LogKind } from '../core/journal/frame.ts';
import { retiredSequence } from '../core/journal/segment-files.ts';
import type { ConsumerProgress } from '../core/ports/event-feed.ts';
import { SETTLEMENT } from '../workers/settlement/settlement-consumer.ts';
import { FolderLockedError } from '../workers/storage/folder-lock.ts';
import { klinesDatabasePath } from '../workers/storage/klines-database.ts';
import { tapDatabasePath } from '../workers/storage/tap-database.ts';
import { ViewWatermarks } from '../workers/storage/view-watermarks.ts';
import { type ConsumerParts, type ExchangeConsumers, LocalConsumers } from './exchange-consumers.ts';
import type { ExchangeFeed } from './exchange-feed.ts';
import { lockRoles } from './folder-roles.ts';

const LOOK_MS = 50;
/** Looking for a worker that has died takes up to a second itself. */
const LOOKS_BETWEEN_LOCKS = 100;

/**
 * The consumers of a split exchange, each in a process of its own that may come and go: how far they are is read where
 * their effects are, in Redis and in their databases.
 */
export class SplitConsumers implements ExchangeConsumers {
  readonly klines = null;
  readonly #parts: ConsumerParts;
  readonly #publishHistory: (throughSequence: number) => ExchangeFeed;
  readonly #views: readonly { readonly name: string; readonly view: ViewWatermarks }[];

  #settledSequence = 0; // the highest that was seen

  /** @param publishHistory a feed that ends at that event, not begun */
  constructor(parts: ConsumerParts, publishHistory: (throughSequence: number) => ExchangeFeed) {
    this.#parts = parts;
    this.#publishHistory = publishHistory;
    const { dataFolder, stores } = parts;
    const view = (path: string) => new ViewWatermarks(path, stores.database.partitionCount);
    this.#views = [
      { name: 'audit-tap', view: view(tapDatabasePath(dataFolder)) },
      { name: 'klines', view: view(klinesDatabasePath(dataFolder)) },
    ];
  }

  /** By itself while no history worker runs; one that does gets the events that it lacks. It waits for as long as that takes. */
  async historyReaches(eventSequence: number): Promise<void> {
    if (await this.#isPast(eventSequence)) return;
    while (!(await this.#catchUpHere(eventSequence)) && !(await this.#catchUpThere(eventSequence)));
  }

  async begin(): Promise<void> {
    const { dataFolder, feed } = this.#parts;
    const settlement = { name: SETTLEMENT, watermarks: () => this.#settlementWatermarks() };
    // Of what is retired the tap passes over what it lacks, and candles have it from the history before they take events.
    const retired = retiredSequence(dataFolder, LogKind.EVENTS);
    const views = this.#views.map(({ name, view }) => ({
      name,
      watermarks: async () => (await view.watermarks()).map((watermark) => Math.max(watermark, retired)),
    }));
    feed.begin({ here: [], elsewhere: [settlement, this.#history(), ...views] });
  }

  async close(): Promise<void> {
    await Promise.all(this.#views.map(({ view }) => view.close()));
  }

  /** What settlement has done is archived by the exchange, which hears of it here. */
  async #settlementWatermarks(): Promise<readonly number[]> {
    const { exchangeLedger } = this.#parts.stores;
    const watermarks = await exchangeLedger.ledger.watermarks();
    const highest = Math.max(...watermarks);
    if (highest !== this.#settledSequence) exchangeLedger.wakeArchive();
    this.#settledSequence = highest;
    return watermarks;
  }

  #history(): ConsumerProgress {
    return { name: 'history', watermarks: () => this.#parts.stores.historyStore.watermarks() };
  }

  async #isPast(eventSequence: number): Promise<boolean> {
    const watermarks = await this.#history().watermarks();
    const lowest = Math.min(...watermarks);
    if (lowest >= eventSequence) return true;
    this.#parts.hooks.onProgress({ type: 'history-progress', eventSequence: lowest, ofEventSequence: eventSequence });
    return false;
  }

  /** @returns false when a worker has the history */
  async #catchUpHere(eventSequence: number): Promise<boolean> {
    const { dataFolder } = this.#parts;
    try {
      const lock = await lockRoles(dataFolder, ['history']);
      try {
        await new LocalConsumers(this.#parts, AbortSignal.abort()).historyReaches(eventSequence);
      } finally {
        await lock.release();
      }
      return true;
    } catch (error) {
      if (error instanceof FolderLockedError) return false;
      throw error;
    }
  }

  /** @returns false when it took so long that the worker may have died */
  async #catchUpThere(eventSequence: number): Promise<boolean> {
    const feed = this.#publishHistory(eventSequence);
    // What it has of later events is none of this feed's business, whose log ends here.
    const watermarks = async () => (await this.#history().watermarks()).map((mark) => Math.min(mark, eventSequence));
    feed.begin({ here: [], elsewhere: [{ name: 'history', watermarks }] });
    try {
      for (let look = 0; look < LOOKS_BETWEEN_LOCKS; look++) {
        feed.advanceWatermarks(); // partitions without events must get there, too
        await sleep(LOOK_MS);
        if (await this.#isPast(eventSequence)) return true;
      }
      return false;
    } finally {
      await feed.stop();
    }
  }
}
