import { resolve } from 'node:path';
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
import { EmbeddedFeed } from '../workers/bus/embedded-feed.ts';
import type { SqliteKeyStore } from '../workers/storage/key-store.ts';
import type { Configuration } from './configuration.ts';
import { ExchangeClock } from './exchange-clock.ts';
import { ExchangeConsumers } from './exchange-consumers.ts';
import type { ExchangeHooks } from './exchange-hooks.ts';
import { ExchangeJobs } from './exchange-jobs.ts';
import type { ExchangeLedger } from './exchange-ledger.ts';
import { ExchangeMetrics } from './exchange-metrics.ts';
import { ExchangeRecovery } from './exchange-recovery.ts';
import { reportStatus } from './exchange-status.ts';
import { closeStores, type ExchangeStores, openStores } from './exchange-stores.ts';
import { ExchangeTransfers } from './exchange-transfers.ts';
import { klineJobHandlers, proofJobHandlers, transferJobHandlers } from './job-handlers.ts';
import { KlinesRebuilds } from './klines/rebuilds.ts';
import { klinesRoutes } from './klines/routes.ts';
import { SnapshotWatch } from './snapshot-watch.ts';
import type { StatusReport } from './status-report.ts';
import { troublesOf } from './status-report.ts';

/** The whole exchange in one process: its parts, how they are wired, and how they end. */
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
  readonly #control: Int32Array;
  readonly #loop: DoorbellLoop;
  readonly #feed: EmbeddedFeed;
  readonly #snapshots: SnapshotWatch;
  readonly #recovery: ExchangeRecovery;
  readonly #consumers: ExchangeConsumers;
  readonly #startedMs: number;
  #logWaiter: { readonly eventSequence: number; readonly resolve: () => void } | null = null;
  #admin: AdminServer | null = null;
  #rebuilds: KlinesRebuilds | null = null;
  #jobs: ExchangeJobs | null = null;

  private constructor(
    configuration: Configuration,
    hooks: ExchangeHooks,
    parts: { readonly stores: ExchangeStores; readonly threads: ExchangeThreads; readonly clock: ExchangeClock },
  ) {
    const { stores, threads, clock } = parts;
    const { logger, onFatal } = hooks;
    this.#configuration = configuration;
    this.#hooks = hooks;
    this.#stores = stores;
    this.#threads = threads;
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
    this.#feed = new EmbeddedFeed({
      folder: configuration.dataFolder,
      partitionCount: stores.database.partitionCount,
      endSequence: () => widen(Atomics.load(this.#control, CONTROL.EVENT_LOG_END), this.gateway.lastEventSequence),
      // Segments go to the archive only when every consumer is durably past them.
      onAdvance: (durableSequence) => threads.consumedThrough(durableSequence),
      // Settlement can't be refused by the rules: if it fails, a fact of ours is broken, and nothing may trade on.
      onFailure: ({ consumer, partition, error }) => {
        if (this.#settlement.signal.aborted && error instanceof LedgerUnavailableError) return; // at an orderly end
        const reason = `${consumer} stopped at partition ${partition ?? 'all'}: ${error.message}`;
        void stores.work
          .tellPartitionStopped(consumer, partition, error)
          .finally(() => onFatal(new Error(reason, { cause: error })));
      },
    });
    this.#snapshots = new SnapshotWatch(logger, () => this.#feed.advanceWatermarks());
    threads.onSnapshot((report) => this.#snapshots.onReport(report));
    this.#loop = new DoorbellLoop(this.#control, CONTROL.GATEWAY_DOORBELL, () => this.#onDoorbell());
    this.#consumers = new ExchangeConsumers({
      dataFolder: configuration.dataFolder,
      hooks,
      stores,
      clock,
      gateway: this.gateway,
      feed: this.#feed,
      settlementSignal: this.#settlement.signal,
    });
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
  static async open(asked: Configuration, hooks: ExchangeHooks): Promise<RunningExchange> {
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
    const stores = await openStores(configuration, clock, { ...hooks, onLedgerDiskFull });
    const exchange = new RunningExchange(configuration, hooks, { stores, threads, clock });
    await exchange.#recovery.run();
    stores.work.begin((transferId) => exchange.#transfers.finish(transferId));
    return exchange;
  }

  /** @returns the addresses that it serves */
  async listen(adminToken: string): Promise<{ baseUrl: string; adminUrl: string }> {
    const { host, port, adminPort } = this.#configuration;
    const listeningPort = await this.gateway.listen(host, port);
    const { catalogue } = this.gateway;
    const { dataFolder } = this.#configuration;
    this.#rebuilds = new KlinesRebuilds(this.#consumers.klines.check, catalogue);
    this.#jobs = await ExchangeJobs.open({
      dataFolder,
      handlers: [
        ...klineJobHandlers(this.#consumers.klines.jobs),
        ...transferJobHandlers(() => this.#transfers.finishStuck()),
        ...proofJobHandlers(dataFolder),
      ],
      logger: this.#hooks.logger,
    });
    const routes = [
      ...this.#ownRoutes(),
      ...this.gateway.adminRoutes(this.keyStore),
      ...klinesRoutes(this.#rebuilds, catalogue),
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

  #ownRoutes(): AdminRoute[] {
    const { queue, notices } = this.#stores.work;
    const { commandRing, eventRing } = this.#threads;
    const status = (): Promise<StatusReport> => this.status();
    const metrics = new ExchangeMetrics({ status, queue, rings: { commands: commandRing, events: eventRing } });
    return [
      ...statusRoutes(status),
      ...probeRoutes({ metrics: () => metrics.text(), troubles: async () => troublesOf(await status()) }),
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
    await closeStores(this.#stores);
  }

  /** A ledger that can't be asked is not waited for any more: the journal has everything, and the next start settles it. */
  async #settleThrough(eventSequence: number): Promise<void> {
    this.#settlement.abort();
    try {
      await this.#feed.settledThrough(eventSequence);
    } catch (error) {
      if (!(error instanceof LedgerUnavailableError)) throw error;
      this.#hooks.logger.warn(`not everything is settled, the next start does it: ${error.message}`);
    }
    await this.#feed.stop();
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
