import type { EventFeed } from '../core/ports/event-feed.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { HistoryConsumer } from '../workers/history/history-consumer.ts';
import { SettlementConsumer } from '../workers/settlement/settlement-consumer.ts';
import type { ExchangeClock } from './exchange-clock.ts';
import type { ExchangeHooks } from './exchange-hooks.ts';
import { ExchangeKlines } from './exchange-klines.ts';
import type { ExchangeStores } from './exchange-stores.ts';
import { catchUpHistory } from './history-catch-up.ts';

export interface ConsumerParts {
  readonly dataFolder: string;
  readonly hooks: ExchangeHooks;
  readonly stores: ExchangeStores;
  readonly clock: ExchangeClock;
  readonly gateway: Gateway;
  readonly feed: Pick<EventFeed, 'subscribe'>;
  /** Aborted: settlement waits no longer for a ledger that is away. */
  readonly settlementSignal: AbortSignal;
}

/** The consumers of an exchange that runs all in one process: settlement, history, candles. */
export class ExchangeConsumers {
  readonly #parts: ConsumerParts;
  #history: HistoryConsumer | null = null;
  #klines: ExchangeKlines | null = null;

  constructor(parts: ConsumerParts) {
    this.#parts = parts;
  }

  /** Candles, the newest trades apart. Known once `begin` has ended. */
  get klines(): ExchangeKlines {
    return this.#klines!;
  }

  /**
   * @param eventSequence of an event that the event log holds
   * @returns once the history has every event through it
   * @throws as catchUpHistory
   */
  async historyReaches(eventSequence: number): Promise<void> {
    const { dataFolder, hooks, stores } = this.#parts;
    await catchUpHistory({
      folder: dataFolder,
      partitionCount: stores.database.partitionCount,
      history: await this.#openHistory(),
      throughSequence: eventSequence,
      onProgress: hooks.onProgress,
    });
  }

  /** The core has recovered, and the log holds all that it yields: from here on everything is delivered. */
  async begin(): Promise<void> {
    const { hooks, stores, clock, gateway, feed, settlementSignal } = this.#parts;
    const { catalogue } = gateway;
    this.#klines = await ExchangeKlines.open(stores.klineStores, catalogue, clock, hooks.onProgress);
    feed.subscribe(new SettlementConsumer(stores.exchangeLedger.ledger, catalogue, settlementSignal));
    feed.subscribe(await this.#openHistory());
    feed.subscribe(this.#klines.consumer);
  }

  async #openHistory(): Promise<HistoryConsumer> {
    const { stores, gateway } = this.#parts;
    this.#history ??= await HistoryConsumer.open(stores.historyDatabase, gateway.catalogue);
    return this.#history;
  }
}
