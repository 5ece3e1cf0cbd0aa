import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LedgerUnavailableError } from '../core/ports/ledger.ts';
import { DoorbellLoop } from '../core/ring/doorbell.ts';
import { ExchangeThreads } from '../core/threads/exchange-threads.ts';
import { CONTROL, isReached, widen } from '../core/threads/shared-control.ts';
import type { AdminRoute } from '../gateway/admin/admin-route.ts';
import { AdminServer, statusRoutes } from '../gateway/admin/admin-server.ts';
import { jobRoutes } from '../gateway/admin/job-routes.ts';
import { noticeRoutes } from '../gateway/admin/notice-routes.ts';
import { parkedRoutes } from '../gateway/admin/parked-routes.ts';
import { probeRoutes } from '../gateway/admin/probe-routes.ts';
import { Gateway } from '../gateway/gateway.ts';
import { CommandIds } from '../gateway/orders/command-ids.ts';
import { PartitionStoppedError } from '../workers/bus/feed-errors.ts';
import type { FeedFailure } from '../workers/bus/feed-settings.ts';
import type { SqliteKeyStore } from '../workers/storage/key-store.ts';
import type { BusFeed } from './bus-feed.ts';
import type { Configuration } from './configuration.ts';
import { ExchangeClock } from './exchange-clock.ts';
import { type ConsumerParts, type ExchangeConsumers, LocalConsumers } from './exchange-consumers.ts';
import { type ExchangeFeed, LocalFeed } from './exchange-feed.ts';
import type { ExchangeHooks } from './exchange-hooks.ts';
import { ExchangeJobs } from './exchange-jobs.ts';
import type { ExchangeLedger } from './exchange-ledger.ts';
import { ExchangeMetrics } from './exchange-metrics.ts';
import { ExchangeRecovery } from './exchange-recovery.ts';
import { reportStatus } from './exchange-status.ts';
import { closeStores, type ExchangeStores, openStores } from './exchange-stores.ts';
import { ExchangeTransfers } from './exchange-transfers.ts';
import { ALL_ROLES, type FolderRole } from './folder-roles.ts';
import { klineJobHandlers, proofJobHandlers, transferJobHandlers } from './job-handlers.ts';
import { KlinesRebuilds } from './klines/rebuilds.ts';
import { klinesRoutes } from './klines/routes.ts';
import { PartitionAlarm } from './partition-alarm.ts';
import { partitionRoutes } from './partition-routes.ts';
import { SnapshotWatch } from './snapshot-watch.ts';
import { SplitConsumers } from './split-consumers.ts';
import type { StatusReport } from './status-report.ts';
import { troublesOf } from './status-report.ts';

/** All in one process, or the exchange alone, with its consumers in worker processes. */
export type Arrangement = 'all-in-one' | 'exchange-only';

const ROLES: Readonly<Record<Arrangement, readonly FolderRole[]>> = {
  'all-in-one': ALL_ROLES,
  'exchange-only': ['exchange'],
};

/** How long an orderly end waits for RabbitMQ and what lies behind it: the next start goes on where the consumers are. */
const BUS_PATIENCE_MS = 10_000;

/** A running exchange: its parts, how they are wired, and how they end. */
export class RunningExchange {
  readonly gateway: Gateway;
  readonly keyStore: SqliteKeyStore;
  readonly exchangeLedger: ExchangeLedger;
  readonly clock: ExchangeClock;
  readonly #configuration: Configuration;
  readonly #hooks: ExchangeHooks;
  readonly #stores: ExchangeStores;
  readonly #settlement = new AbortController(); // aborted: settlement waits no longer for a ledger that is away
  readonly #transfers: ExchangeTransfers;
  readonly #threads: ExchangeThreads;
  readonly #arrangement: Arrangement;
  readonly #control: Int32Array;
  readonly #loop: DoorbellLoop;
  readonly #feed: ExchangeFeed;
  readonly #consumers: ExchangeConsumers;
  readonly #alarm: PartitionAlarm;
  readonly #snapshots: SnapshotWatch;
  readonly #recovery: ExchangeRecovery;
  readonly #startedMs: number;
  #logWaiter: { readonly eventSequence: number; readonly resolve: () => void } | null = null;
  #admin: AdminServer | null = null;
  #rebuilds: KlinesRebuilds | null = null;
  #jobs: ExchangeJobs | null = null;

  readonly #BusFeed: typeof BusFeed | null; // null without RabbitMQ

  private constructor(
    configuration: Configuration,
    hooks: ExchangeHooks,
    parts: {
      readonly stores: ExchangeStores;
      readonly threads: ExchangeThreads;
      readonly clock: ExchangeClock;
      readonly arrangement: Arrangement;
      readonly BusFeed: typeof BusFeed | null;
    },
  ) {
    const { stores, threads, clock, arrangement } = parts;
    this.#BusFeed = parts.BusFeed;
    const { logger } = hooks;
    this.#configuration = configuration;
    this.#hooks = hooks;
    this.#stores = stores;
    this.#threads = threads;
    this.#arrangement = arrangement;
    this.clock = clock;
    this.keyStore = stores.keyStore;
    this.exchangeLedger = stores.exchangeLedger;
    this.#startedMs = clock.nowMs();
    const commandIds = new CommandIds(stores.startNumber);
    this.#transfers = new ExchangeTransfers(stores.transferStores, {
      ledger: stores.exchangeLedger.ledger,
      archive: stores.exchangeLedger.archive,
      ids: commandIds,
      clock,
      logger,
      onStuck: (transferId) => stores.work.wakeTransfer(transferId),
    });
    this.#control = new Int32Array(threads.control);
    this.gateway = new Gateway({
      control: threads.control,
      commandRing: threads.commandRing,
      eventRing: threads.eventRing,
      clock,
      ledger: stores.exchangeLedger.ledger,
      keyStore: this.keyStore,
      history: stores.historyStore,
      klines: stores.klineStores.store,
      funds: this.#transfers.funds,
      commandIds,
      partitionCount: stores.database.partitionCount,
      rateLimit: configuration.rateLimit,
      marketProtectionPpm: configuration.marketProtectionPpm,
      answerTimeoutMs: configuration.answerTimeoutMs,
      closedOrders: configuration.closedOrders,
      logger,
    });
    this.#alarm = new PartitionAlarm({
      dataFolder: configuration.dataFolder,
      logger,
      nowMs: () => clock.nowMs(),
      halt: (partition, reason) => this.#haltPartition(partition, reason),
    });
    this.#feed = this.#makeFeed();
    this.#snapshots = new SnapshotWatch(logger, () => this.#feed.advanceWatermarks());
    threads.onSnapshot((report) => this.#snapshots.onReport(report));
    this.#loop = new DoorbellLoop(this.#control, CONTROL.GATEWAY_DOORBELL, () => this.#onDoorbell());
    this.#consumers = this.#makeConsumers();
    this.#recovery = new ExchangeRecovery({
      configuration,
      hooks,
      stores,
      threads,
      clock,
      gateway: this.gateway,
      feed: this.#feed,
      transfers: this.#transfers,
      firstCommandId: commandIds.firstId,
      consumers: this.#consumers,
      readEvents: () => this.#loop.start(),
      eventLogReaches: (eventSequence) => this.#eventLogReaches(eventSequence),
    });
  }

  /**
   * Recovers everything that the data folder holds. Nothing is served before `listen`.
   * @throws typed errors, each one sentence that says what to do: FolderLockedError, ThreadFailure, DatabaseError, …
   */
  static async open(asked: Configuration, hooks: ExchangeHooks, arrangement: Arrangement): Promise<RunningExchange> {
    const configuration = { ...asked, dataFolder: resolve(asked.dataFolder) };
    const clock = new ExchangeClock();
    const threads = new ExchangeThreads({
      commandSlots: configuration.commandRingSlots,
      eventSlots: configuration.eventRingSlots,
    });
    const control = new Int32Array(threads.control);
    const onLedgerDiskFull = (isFull: boolean): void => {
      Atomics.store(control, CONTROL.LEDGER_DISK_FULL, isFull ? 1 : 0);
      hooks.logger.warn({ isFull }, 'the ledger waits for disk space');
    };
    const stores = await openStores(configuration, ROLES[arrangement], clock, { ...hooks, onLedgerDiskFull });
    // What speaks with RabbitMQ, and with Redis, is loaded only where there is one.
    const { BusFeed } = configuration.amqpUrl === undefined ? { BusFeed: null } : await import('./bus-feed.ts');
    const exchange = new RunningExchange(configuration, hooks, { stores, threads, clock, arrangement, BusFeed });
    await exchange.#recovery.run();
    stores.work.begin((transferId) => exchange.#transfers.finish(transferId));
    return exchange;
  }

  /** @returns the addresses that it serves */
  async listen(adminToken: string): Promise<{ baseUrl: string; adminUrl: string }> {
    const { host, port, adminPort } = this.#configuration;
    const listeningPort = await this.gateway.listen(host, port);
    this.#jobs = await this.#openJobs();
    const routes = [
      ...this.#ownRoutes(),
      ...this.gateway.adminRoutes(this.keyStore),
      ...this.#klineRoutes(),
      ...jobRoutes(this.#jobs.desk),
    ];
    this.#admin = new AdminServer({ token: adminToken, routes, logger: this.#hooks.logger });
    const listeningAdminPort = await this.#admin.listen(adminPort);
    return { baseUrl: `http://${host}:${listeningPort}`, adminUrl: `http://127.0.0.1:${listeningAdminPort}` };
  }

  status(): Promise<StatusReport> {
    return reportStatus({
      configuration: this.#configuration,
      stores: this.#stores,
      control: this.#control,
      clock: this.clock,
      startedMs: this.#startedMs,
      gateway: this.gateway,
      feed: this.#feed,
      snapshots: this.#snapshots,
      recovery: this.#recovery,
    });
  }

  /** What nobody else runs: a split exchange leaves that to its scheduler, and only shows and changes it. */
  #openJobs(): Promise<ExchangeJobs> {
    const { dataFolder } = this.#configuration;
    const { klines } = this.#consumers;
    const handlers =
      klines === null
        ? []
        : [
            ...klineJobHandlers(klines.jobs),
            ...transferJobHandlers(() => this.#transfers.finishStuck()),
            ...proofJobHandlers(dataFolder),
          ];
    return ExchangeJobs.open({ dataFolder, handlers, logger: this.#hooks.logger });
  }

  /** None where another process has the candles: nobody else may write them. */
  #klineRoutes(): AdminRoute[] {
    const { klines } = this.#consumers;
    if (klines === null) return [];
    const { catalogue } = this.gateway;
    this.#rebuilds = new KlinesRebuilds(klines.check, catalogue);
    return klinesRoutes(this.#rebuilds, catalogue);
  }

  #ownRoutes(): AdminRoute[] {
    const { queue, notices } = this.#stores.work;
    const { commandRing, eventRing } = this.#threads;
    const status = (): Promise<StatusReport> => this.status();
    const hasSubscriptions = this.#feed.bus !== null && this.#arrangement === 'all-in-one';
    const metrics = new ExchangeMetrics({
      status,
      queue,
      subscriptions: hasSubscriptions ? () => this.#feed.subscriptions() : null,
      rings: { commands: commandRing, events: eventRing },
    });
    return [
      ...statusRoutes(status),
      ...probeRoutes({ metrics: () => metrics.text(), troubles: async () => troublesOf(await status()) }),
      ...partitionRoutes((partition, reason) => this.#haltPartition(partition, reason)),
      ...parkedRoutes(queue.parked),
      ...noticeRoutes(notices),
    ];
  }

  /** Finishes what was taken, proves the core's state in the event log, settles, and ends. Nothing is lost or undone. */
  async stop(): Promise<void> {
    this.gateway.beginShutdown();
    await this.gateway.drained();
    await this.#jobs?.stop();
    await this.#transfers.close();
    const { eventSequence } = await this.gateway.publishCheckpoint();
    await this.#settleThrough(eventSequence);
    await this.#threads.stop();
    this.#loop.stop();
    this.#admin?.close();
    this.gateway.close();
    await this.#rebuilds?.cancel();
    await this.#jobs?.close();
    this.#alarm.close();
    await this.#consumers.close();
    await closeStores(this.#stores);
  }

  /** The end of the event log, as the journal thread announced it. */
  #endSequence(): number {
    return widen(Atomics.load(this.#control, CONTROL.EVENT_LOG_END), this.gateway.lastEventSequence);
  }

  #makeFeed(endSequence: () => number = () => this.#endSequence()): ExchangeFeed {
    const { dataFolder, amqpUrl } = this.#configuration;
    const { logger } = this.#hooks;
    const { database, busNamespace } = this.#stores;
    const settings = {
      dataFolder,
      partitionCount: database.partitionCount,
      endSequence,
      // Segments go to the archive only when every consumer is durably past them.
      onAdvance: (durableSequence: number) => this.#threads.consumedThrough(durableSequence),
      onFailure: (failure: FeedFailure) => this.#onConsumerFailure(failure),
      onTrouble: (text: string) => logger.warn(text),
    };
    if (amqpUrl === undefined || this.#BusFeed === null) return new LocalFeed(settings);
    return new this.#BusFeed({
      ...settings,
      url: amqpUrl,
      namespace: busNamespace!,
      onLogFailure: (failure) => this.#endFor(failure),
    });
  }

  #makeConsumers(): ExchangeConsumers {
    const parts: ConsumerParts = {
      dataFolder: this.#configuration.dataFolder,
      hooks: this.#hooks,
      stores: this.#stores,
      clock: this.clock,
      gateway: this.gateway,
      feed: this.#feed,
      alarm: this.#alarm,
    };
    return this.#arrangement === 'all-in-one'
      ? new LocalConsumers(parts, this.#settlement.signal)
      : new SplitConsumers(parts, (eventSequence) => this.#makeFeed(() => eventSequence));
  }

  /** A consumer of this process, or of another one, can't go on with it. */
  async #haltPartition(partition: number, reason: string): Promise<string[]> {
    const symbols = await this.gateway.haltPartition(partition);
    this.#stores.work.notices.raise({
      kind: 'partition-stopped',
      text: `${symbols.join(', ') || 'no instrument'} halted, since partition ${partition} can't be followed: ${reason}`,
      facts: { partition, symbols: symbols.join(',') },
    });
    return symbols;
  }

  #onConsumerFailure(failure: FeedFailure): void {
    if (this.#settlement.signal.aborted && failure.error instanceof LedgerUnavailableError) return; // at an orderly end
    if (failure.partition === null) this.#endFor(failure);
    else this.#alarm.stopped(failure);
  }

  /** The event log can't be read, or lacks what was consumed: no partition can be followed, here or anywhere. */
  #endFor({ consumer, error }: FeedFailure): void {
    const reason = `${consumer} stopped at all partitions: ${error.message}`;
    void this.#stores.work
      .tellConsumerStopped(consumer, error)
      .finally(() => this.#hooks.onFatal(new Error(reason, { cause: error })));
  }

  /** A ledger that can't be asked is not waited for any more: the journal has everything, and the next start settles it. */
  async #settleThrough(eventSequence: number): Promise<void> {
    this.#settlement.abort();
    const consumers = this.#feed.positions().map(({ consumer }) => consumer);
    const settled = Promise.all(consumers.map((consumer) => this.#consumedThrough(eventSequence, consumer)));
    if (this.#feed.bus === null) await settled;
    else await Promise.race([settled, sleep(BUS_PATIENCE_MS, undefined, { ref: false })]);
    await this.#feed.stop();
  }

  async #consumedThrough(eventSequence: number, consumer: string): Promise<void> {
    try {
      await this.#feed.settledThrough(eventSequence, consumer);
    } catch (error) {
      if (!(error instanceof LedgerUnavailableError || error instanceof PartitionStoppedError)) throw error;
      this.#hooks.logger.warn(`not everything is consumed, the next start goes on with it: ${error.message}`);
    }
  }

  /** @returns once the event log holds that event: what a crash took from its end was written again by then */
  #eventLogReaches(eventSequence: number): Promise<void> {
    if (isReached(this.#control, CONTROL.EVENT_LOG_END, eventSequence)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#logWaiter = { eventSequence, resolve };
    });
  }

  #onDoorbell(): boolean {
    try {
      const hasMore = this.gateway.poll();
      if (this.#logWaiter !== null && isReached(this.#control, CONTROL.EVENT_LOG_END, this.#logWaiter.eventSequence)) {
        this.#logWaiter.resolve();
        this.#logWaiter = null;
      }
      this.#feed.wake();
      return hasMore;
    } catch (error) {
      this.#hooks.onFatal(error as Error);
      return false;
    }
  }
}
