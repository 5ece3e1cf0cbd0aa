import { LogKind } from '../core/journal/frame.ts';
import { retiredSequence } from '../core/journal/segment-files.ts';
import type { EventConsumer } from '../core/ports/event-feed.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { AUDIT_TAP, AuditTap, type TapFinding } from '../workers/audit-tap/audit-tap.ts';
import { HistoryConsumer } from '../workers/history/history-consumer.ts';
import { SettlementConsumer } from '../workers/settlement/settlement-consumer.ts';
import { TapDatabase } from '../workers/storage/tap-database.ts';
import type { ExchangeClock } from './exchange-clock.ts';
import type { ExchangeFeed } from './exchange-feed.ts';
import type { ExchangeHooks } from './exchange-hooks.ts';
import { ExchangeKlines } from './exchange-klines.ts';
import type { ExchangeStores } from './exchange-stores.ts';
import { catchUpHistory } from './history-catch-up.ts';
import type { PartitionAlarm } from './partition-alarm.ts';

/** The consumers of an exchange, in its process or in others. */
export interface ExchangeConsumers {
  /**
   * @param eventSequence of an event that the event log holds
   * @returns once the history has every event through it
   */
  historyReaches(eventSequence: number): Promise<void>;
  /** The core has recovered, and the log holds all that it yields: from here on everything is delivered. */
  begin(): Promise<void>;
  /** What recomputes candles, once begun; null where another process has them. */
  readonly klines: ExchangeKlines | null;
  /** Once the feed has stopped. */
  close(): Promise<void>;
}

export interface ConsumerParts {
  readonly dataFolder: string;
  readonly hooks: ExchangeHooks;
  readonly stores: ExchangeStores;
  readonly clock: ExchangeClock;
  readonly gateway: Gateway;
  readonly feed: ExchangeFeed;
  readonly alarm: PartitionAlarm;
}

/** Those of an exchange that runs all in one process: settlement, history, candles; with a broker an audit tap, too. */
export class LocalConsumers implements ExchangeConsumers {
  readonly #parts: ConsumerParts;
  readonly #settlementSignal: AbortSignal;
  #history: HistoryConsumer | null = null;
  #klines: ExchangeKlines | null = null;
  #tap: TapDatabase | null = null;

  /** @param settlementSignal aborted: settlement waits no longer for a ledger that is away */
  constructor(parts: ConsumerParts, settlementSignal: AbortSignal) {
    this.#parts = parts;
    this.#settlementSignal = settlementSignal;
  }

  get klines(): ExchangeKlines | null {
    return this.#klines;
  }

  /** @throws as catchUpHistory */
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

  async begin(): Promise<void> {
    const { hooks, stores, clock, gateway, feed, alarm } = this.#parts;
    const { catalogue } = gateway;
    this.#klines = await ExchangeKlines.open(stores.klineStores, catalogue, clock, hooks.onProgress);
    const settlement = new SettlementConsumer(stores.exchangeLedger.ledger, catalogue, this.#settlementSignal);
    const here: EventConsumer[] = [settlement, await this.#openHistory(), this.#klines.consumer];
    for (const { name } of here) alarm.watch(name);
    if (feed.bus !== null) here.push(await this.#openTap());
    feed.begin({ here, elsewhere: [] });
  }

  async close(): Promise<void> {
    await this.#tap?.close();
  }

  async #openHistory(): Promise<HistoryConsumer> {
    const { stores, gateway } = this.#parts;
    this.#history ??= await HistoryConsumer.open(stores.historyDatabase, gateway.catalogue);
    return this.#history;
  }

  async #openTap(): Promise<AuditTap> {
    const { dataFolder, hooks, stores, gateway, clock, alarm } = this.#parts;
    this.#tap = await TapDatabase.open(dataFolder, stores.database.partitionCount, hooks.onFatal);
    alarm.watch(AUDIT_TAP); // which may have a finding of an earlier process to tell at once
    const onFinding = (found: TapFinding): Promise<boolean> => alarm.found(found);
    const retired = retiredSequence(dataFolder, LogKind.EVENTS);
    const { catalogue } = gateway;
    return AuditTap.open({ tap: this.#tap, retiredSequence: retired, catalogue, clock, onFinding });
  }
}
