import { mkdirSync, statfsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Logger } from 'pino';
import type { EngineLimits } from '../core/engine/engine.ts';
import { DiskFullError } from '../core/journal/journal-errors.ts';
import { SnapshotReader } from '../core/journal/snapshot-reader.ts';
import { type Ledger, LedgerUnavailableError } from '../core/ports/ledger.ts';
import { DoorbellLoop } from '../core/ring/doorbell.ts';
import { ExchangeThreads, type Recovered } from '../core/threads/exchange-threads.ts';
import { CONTROL, isReached, widen } from '../core/threads/shared-control.ts';
import { AdminServer, statusRoutes } from '../gateway/admin/admin-server.ts';
import { Gateway } from '../gateway/gateway.ts';
import { CommandIds } from '../gateway/orders/command-ids.ts';
import { EmbeddedFeed } from '../workers/bus/embedded-feed.ts';
import { HistoryConsumer } from '../workers/history/history-consumer.ts';
import { SqliteHistoryStore } from '../workers/history/sqlite-history-store.ts';
import { releaseOrphanedHolds } from '../workers/ledger/orphan-release.ts';
import { SettlementConsumer } from '../workers/settlement/settlement-consumer.ts';
import { fixEngineLimits } from '../workers/storage/engine-limits.ts';
import { ExchangeDatabase } from '../workers/storage/exchange-database.ts';
import { type FolderLock, lockFolder } from '../workers/storage/folder-lock.ts';
import { fixMode } from '../workers/storage/folder-mode.ts';
import { HistoryDatabase } from '../workers/storage/history-database.ts';
import { SqliteKeyStore } from '../workers/storage/key-store.ts';
import { raiseStartNumber } from '../workers/storage/start-number.ts';
import type { Configuration } from './configuration.ts';
import { ExchangeClock } from './exchange-clock.ts';
import { ExchangeLedger } from './exchange-ledger.ts';
import { ExchangeTransfers, openTransferStores, type TransferStores } from './exchange-transfers.ts';
import { catchUpHistory } from './history-catch-up.ts';
import { readMarkets, requireSameMarkets } from './instruments-file.ts';
import { SnapshotWatch } from './snapshot-watch.ts';
import type { ExchangeProgress } from './start-progress.ts';
import type { StatusReport } from './status-report.ts';

/** Ledger and journal of one folder do not belong together: one of them was restored from an older copy. */
export class LedgerMismatchError extends Error {
  override readonly name = 'LedgerMismatchError';
}

export interface ExchangeHooks {
  readonly logger: Logger;
  readonly onProgress: (progress: ExchangeProgress) => void;
  /** Something broke that nothing may be done after: the process must end with this reason. */
  readonly onFatal: (error: Error) => void;
}

/** The whole exchange in one process: opened part by part, in the order in which they need each other. */
export class RunningExchange {
  readonly gateway: Gateway;
  readonly keyStore: SqliteKeyStore;
  readonly ledger: Ledger;
  readonly clock: ExchangeClock;
  readonly #configuration: Configuration;
  readonly #hooks: ExchangeHooks;
  readonly #lock: FolderLock;
  readonly #database: ExchangeDatabase;
  readonly #historyDatabase: HistoryDatabase;
  readonly #historyStore: SqliteHistoryStore;
  readonly #limits: EngineLimits;
  readonly #exchangeLedger: ExchangeLedger;
  readonly #settlement = new AbortController(); // aborted: settlement waits no longer for a ledger that is away
  readonly #commandIds: CommandIds;
  readonly #transfers: ExchangeTransfers;
  readonly #threads: ExchangeThreads;
  readonly #control: Int32Array;
  readonly #loop: DoorbellLoop;
  readonly #feed: EmbeddedFeed;
  readonly #snapshots: SnapshotWatch;
  readonly #startedMs: number;
  #logWaiter: { readonly eventSequence: number; readonly resolve: () => void } | null = null;
  #admin: AdminServer | null = null;
  #recovered: Recovered | null = null;
  #orphansReleased: number | null = null; // null until settlement has caught up with the start

  private constructor(
    configuration: Configuration,
    hooks: ExchangeHooks,
    parts: {
      lock: FolderLock;
      threads: ExchangeThreads;
      database: ExchangeDatabase;
      clock: ExchangeClock;
      keyStore: SqliteKeyStore;
      exchangeLedger: ExchangeLedger;
      historyDatabase: HistoryDatabase;
      historyStore: SqliteHistoryStore;
      transferStores: TransferStores;
      startNumber: number;
      limits: EngineLimits;
    },
  ) {
    const { logger, onFatal } = hooks;
    this.#configuration = configuration;
    this.#hooks = hooks;
    this.#lock = parts.lock;
    this.#database = parts.database;
    this.clock = parts.clock;
    this.keyStore = parts.keyStore;
    this.#exchangeLedger = parts.exchangeLedger;
    this.ledger = parts.exchangeLedger.ledger;
    this.#historyDatabase = parts.historyDatabase;
    this.#historyStore = parts.historyStore;
    this.#startedMs = parts.clock.nowMs();
    this.#limits = parts.limits;
    this.#commandIds = new CommandIds(parts.startNumber);
    this.#transfers = new ExchangeTransfers(parts.transferStores, {
      ledger: this.ledger,
      archive: parts.exchangeLedger.archive,
      ids: this.#commandIds,
      clock: parts.clock,
      logger,
    });
    this.#threads = parts.threads;
    this.#control = new Int32Array(this.#threads.control);
    this.gateway = new Gateway({
      control: this.#threads.control,
      commandRing: this.#threads.commandRing,
      eventRing: this.#threads.eventRing,
      clock: parts.clock,
      ledger: this.ledger,
      keyStore: parts.keyStore,
      history: parts.historyStore,
      funds: this.#transfers.funds,
      commandIds: this.#commandIds,
      partitionCount: parts.database.partitionCount,
      rateLimit: configuration.rateLimit,
      marketProtectionPpm: configuration.marketProtectionPpm,
      answerTimeoutMs: configuration.answerTimeoutMs,
      closedOrders: configuration.closedOrders,
      logger,
    });
    this.#feed = new EmbeddedFeed({
      folder: configuration.dataFolder,
      partitionCount: parts.database.partitionCount,
      endSequence: () => widen(Atomics.load(this.#control, CONTROL.EVENT_LOG_END), this.gateway.lastEventSequence),
      // Segments go to the archive only when every consumer is durably past them.
      onAdvance: (durableSequence) => this.#threads.consumedThrough(durableSequence),
      // Settlement can't be refused by the rules: if it fails, a fact of ours is broken, and nothing may trade on.
      onFailure: ({ consumer, partition, error }) => {
        if (this.#settlement.signal.aborted && error instanceof LedgerUnavailableError) return; // at an orderly end
        onFatal(
          new Error(`${consumer} stopped at partition ${partition ?? 'all'}: ${error.message}`, { cause: error }),
        );
      },
    });
    this.#snapshots = new SnapshotWatch(logger, () => this.#feed.advanceWatermarks());
    this.#threads.onSnapshot((report) => this.#snapshots.onReport(report));
    this.#loop = new DoorbellLoop(this.#control, CONTROL.GATEWAY_DOORBELL, () => this.#onDoorbell());
  }

  /**
   * Recovers everything that the data folder holds. Nothing is served before `listen`.
   * @throws typed errors, each one sentence that says what to do: FolderLockedError, ThreadFailure, DatabaseError, …
   */
  static async open(configuration: Configuration, hooks: ExchangeHooks): Promise<RunningExchange> {
    const dataFolder = resolve(configuration.dataFolder);
    mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
    requireSpace(dataFolder);
    const lock = await lockFolder(dataFolder, 'exchange');
    const clock = new ExchangeClock();
    const threads = new ExchangeThreads({
      commandSlots: configuration.commandRingSlots,
      eventSlots: configuration.eventRingSlots,
    });
    const control = new Int32Array(threads.control);
    const showDiskFull = (isFull: boolean): void => {
      Atomics.store(control, CONTROL.LEDGER_DISK_FULL, isFull ? 1 : 0);
      hooks.logger.warn({ isFull }, 'the ledger waits for disk space');
    };
    const database = await ExchangeDatabase.open(dataFolder, hooks.onFatal, undefined, showDiskFull);
    await fixMode(database, configuration.mode);
    const limits = await fixEngineLimits(database, configuration.maxOrders);
    const keyStore = await SqliteKeyStore.open(database, clock, configuration.masterKey);
    const exchangeLedger = await ExchangeLedger.open(database, configuration, hooks);
    const historyDatabase = await HistoryDatabase.open(dataFolder, database.partitionCount, hooks.onFatal);
    const historyStore = await SqliteHistoryStore.open(dataFolder);
    const transferStores = await openTransferStores(database, clock);
    const startNumber = await raiseStartNumber(database);
    const stores = { database, keyStore, exchangeLedger, historyDatabase, historyStore, transferStores };
    const parts = { lock, threads, clock, ...stores, startNumber, limits };
    const exchange = new RunningExchange({ ...configuration, dataFolder }, hooks, parts);
    await exchange.#recover();
    return exchange;
  }

  /** @returns the addresses that it serves */
  async listen(adminToken: string): Promise<{ baseUrl: string; adminUrl: string }> {
    const { host, port, adminPort } = this.#configuration;
    const listeningPort = await this.gateway.listen(host, port);
    const routes = [...statusRoutes(() => this.status()), ...this.gateway.adminRoutes(this.keyStore)];
    this.#admin = new AdminServer({ token: adminToken, routes, logger: this.#hooks.logger });
    const listeningAdminPort = await this.#admin.listen(adminPort);
    return { baseUrl: `http://${host}:${listeningPort}`, adminUrl: `http://127.0.0.1:${listeningAdminPort}` };
  }

  async status(): Promise<StatusReport> {
    const { journal, replayed } = this.#recovered!;
    const { snapshot, refusedSnapshots } = replayed;
    const publishedSequence = this.gateway.lastCommandSequence;
    const { watermarks, ...ledger } = await this.#exchangeLedger.position();
    const consumed = (name: string): number =>
      this.#feed.positions().find(({ consumer }) => consumer === name)?.consumedSequence ?? 0;
    return {
      mode: this.#configuration.mode,
      dataFolder: this.#configuration.dataFolder,
      uptimeMs: this.clock.nowMs() - this.#startedMs,
      commands: {
        publishedSequence,
        appliedSequence: widen(Atomics.load(this.#control, CONTROL.APPLIED_COMMAND), publishedSequence),
        durableSequence: widen(Atomics.load(this.#control, CONTROL.DURABLE_COMMAND), publishedSequence),
      },
      events: {
        answeredSequence: this.gateway.lastEventSequence,
        loggedSequence: widen(Atomics.load(this.#control, CONTROL.EVENT_LOG_END), this.gateway.lastEventSequence),
        settledSequence: consumed('settlement'),
        historySequence: consumed('history'),
      },
      settlementWatermarks: watermarks,
      ledger,
      ordersInFlight: this.gateway.ordersInFlight,
      restingOrders: this.gateway.orders.restingCount,
      openSockets: this.gateway.socketCount,
      isDiskFull:
        Atomics.load(this.#control, CONTROL.DISK_FULL) !== 0 ||
        Atomics.load(this.#control, CONTROL.LEDGER_DISK_FULL) !== 0,
      lastSnapshot: this.#snapshots.last,
      consumedSequence: this.#feed.durableSequence,
      start: {
        stateHash: replayed.stateHash,
        restingOrders: replayed.restingOrders,
        snapshot,
        refusedSnapshots,
        replayedCommands: replayed.lastCommandSequence - (snapshot?.commandSequence ?? 0),
        tornJournalFrames: journal.tornFrames,
        tornJournalBytes: journal.tornBytes,
        droppedEventFrames: journal.droppedEventFrames,
        orphanedHoldsReleased: this.#orphansReleased,
      },
    };
  }

  /** Finishes what was taken, proves the core's state in the event log, settles, and ends. Nothing is lost or undone. */
  async stop(): Promise<void> {
    this.gateway.beginShutdown();
    await this.gateway.drained();
    await this.#transfers.close();
    const { eventSequence } = await this.gateway.publishCheckpoint();
    await this.#settleThrough(eventSequence);
    await this.#threads.stop();
    this.#loop.stop();
    this.#admin?.close();
    this.gateway.close();
    await this.#exchangeLedger.close();
    await this.#historyStore.close();
    await this.#historyDatabase.close();
    await this.#database.close();
    await this.#lock.release();
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

  async #recover(): Promise<void> {
    const { dataFolder, journalSegmentMiB, snapshotEveryCommands } = this.#configuration;
    const { onProgress, onFatal } = this.#hooks;
    const history = await HistoryConsumer.open(this.#historyDatabase, this.gateway.catalogue);
    const recovered = await this.#threads.start(
      {
        folder: dataFolder,
        limits: this.#limits,
        segmentBytes: journalSegmentMiB * 2 ** 20,
        useSnapshots: true,
        snapshotEveryCommands,
        onRestored: async (snapshot) => {
          if (snapshot !== null) await this.#beginAt(new SnapshotReader(snapshot.path), history);
          this.#loop.start(); // not before: events of the replay belong behind those of the snapshot
        },
      },
      onProgress,
    );
    this.#threads.onFailure(onFatal);
    this.#recovered = recovered;
    const { lastCommandSequence, lastEventSequence, lastTimestampMs, snapshot } = recovered.replayed;
    this.clock.notBefore(lastTimestampMs);
    await this.gateway.resume({ lastCommandSequence, lastEventSequence });
    await this.#requireLedgerOfThisJournal(recovered);
    // Only now: raising the floor is a change of its own, and a refused start must leave the ledger as it was.
    await this.ledger.raiseFloor(this.#commandIds.firstId);
    const heldWithdrawals = await this.#transfers.recover();
    await this.#eventLogReaches(lastEventSequence);
    await this.#seedMarkets();
    this.#feed.subscribe(new SettlementConsumer(this.ledger, this.gateway.catalogue, this.#settlement.signal));
    this.#feed.subscribe(history);
    this.#releaseOrphans(lastEventSequence, heldWithdrawals);
    // The gateway waits for what an account's events have done to its balances, but has seen none from before here.
    if (snapshot !== null) await this.#feed.settledThrough(snapshot.eventSequence);
    onProgress({ type: 'recovery-done', fromCommandSequence: snapshot?.commandSequence ?? 0, lastCommandSequence });
  }

  /** Brings the views to where the replay begins. What the snapshot does not tell of its orders is in the history. */
  async #beginAt(snapshot: SnapshotReader, history: HistoryConsumer): Promise<void> {
    this.gateway.beginAt(snapshot);
    await catchUpHistory({
      folder: this.#configuration.dataFolder,
      partitionCount: this.#database.partitionCount,
      history,
      throughSequence: snapshot.state.eventSequence,
      onProgress: this.#hooks.onProgress,
    });
    await this.gateway.loadLiveOrders(snapshot);
  }

  /** The ledger must know every change that a command was based on, and the journal every event that was settled. */
  async #requireLedgerOfThisJournal({ replayed }: Recovered): Promise<void> {
    const settled = Math.max(...(await this.ledger.watermarks()));
    if (settled > replayed.lastEventSequence)
      throw new LedgerMismatchError(
        `${this.#exchangeLedger.name} has settled event ${settled}, but the journal yields only ${replayed.lastEventSequence} events: ` +
          'acknowledged commands are missing. Restore the journal folder that belongs to it.',
      );
    const ledgerSequence = await this.ledger.ledgerSequence();
    if (ledgerSequence < replayed.highestLedgerSequence)
      throw new LedgerMismatchError(
        `${this.#exchangeLedger.name} knows ${ledgerSequence} changes, but the journal was written after ${replayed.highestLedgerSequence}: ` +
          this.#exchangeLedger.remedy,
      );
  }

  /** Defines what is traded at the first start. Later the journal's rules hold, and a file that differs is refused. */
  async #seedMarkets(): Promise<void> {
    const { instrumentsFile } = this.#configuration;
    if ((await this.#database.readMeta('marketsSeeded')) === undefined) {
      await this.gateway.ensureMarkets(readMarkets(instrumentsFile));
      this.#database.putMeta('marketsSeeded', 'yes');
      await this.#database.commits.durable();
    } else if (instrumentsFile !== undefined) {
      requireSameMarkets(instrumentsFile, readMarkets(instrumentsFile), this.gateway.catalogue);
    }
  }

  #releaseOrphans(endSequenceAtStart: number, heldWithdrawals: ReadonlySet<number>): void {
    const { ledger, clock } = this;
    const settings = { ledger, feed: this.#feed, clock, endSequenceAtStart, firstCommandId: this.#commandIds.firstId };
    releaseOrphanedHolds({ ...settings, heldWithdrawals }).then(
      ({ released }) => {
        this.#orphansReleased = released;
        if (released > 0)
          this.#hooks.logger.warn({ released }, 'holds of commands that never reached the journal released');
      },
      // A failed feed has told of itself; a hold that stays is found again at the next start.
      (error: unknown) => this.#hooks.logger.error({ error }, 'orphaned holds were not released'),
    );
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

/** Less than the database's first pages: refused before anything meets it half-way through its own first write. */
const LEAST_FREE_BYTES = 2 ** 20;

/** @throws DiskFullError */
function requireSpace(dataFolder: string): void {
  const { bavail, bsize } = statfsSync(dataFolder);
  if (bavail * bsize < LEAST_FREE_BYTES) throw new DiskFullError(dataFolder);
}
