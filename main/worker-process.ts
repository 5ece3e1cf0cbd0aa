import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { Logger } from 'pino';
import { LogKind } from '../core/journal/frame.ts';
import { retiredSequence } from '../core/journal/segment-files.ts';
import type { EventConsumer } from '../core/ports/event-feed.ts';
import type { JobHandler } from '../core/ports/jobs.ts';
import { AdminServer } from '../gateway/admin/admin-server.ts';
import { metricsRoutes } from '../gateway/admin/probe-routes.ts';
import { AuditTap } from '../workers/audit-tap/audit-tap.ts';
import { AmqpConnection } from '../workers/bus/amqp-connection.ts';
import { EventSubscriber } from '../workers/bus/event-subscriber.ts';
import type { FeedFailure } from '../workers/bus/feed-settings.ts';
import { FolderCatalogue } from '../workers/definitions/folder-catalogue.ts';
import { HistoryConsumer } from '../workers/history/history-consumer.ts';
import { SettlementConsumer } from '../workers/settlement/settlement-consumer.ts';
import type { FolderLock } from '../workers/storage/folder-lock.ts';
import { HistoryDatabase } from '../workers/storage/history-database.ts';
import { TapDatabase } from '../workers/storage/tap-database.ts';
import { callAdmin } from './admin-client.ts';
import type { Configuration } from './configuration.ts';
import { ExchangeClock } from './exchange-clock.ts';
import { ExchangeJobs } from './exchange-jobs.ts';
import { closeKlineStores, ExchangeKlines, openKlineStores } from './exchange-klines.ts';
import { lockRoles } from './folder-roles.ts';
import { klineJobHandlers, proofJobHandlers } from './job-handlers.ts';
import { PartitionAlarm } from './partition-alarm.ts';
import { HALT_PARTITION_PATH } from './partition-routes.ts';
import { SettlementLedger } from './settlement-ledger.ts';
import { openWorkerFolder, type WorkerFolder } from './worker-folder.ts';
import { WorkerMetrics } from './worker-metrics.ts';
import type { WorkerRole } from './worker-roles.ts';

export interface WorkerSettings {
  readonly configuration: Configuration;
  readonly redisUrl: string;
  readonly amqpUrl: string;
  readonly roles: readonly WorkerRole[];
  /** It also runs the standing jobs and those of operators. Only beside the candles, which most of them are about. */
  readonly isScheduler?: boolean;
}

export interface WorkerHooks {
  readonly logger: Logger;
  readonly onProgress: (text: string) => void;
  /** Something broke that nothing may be done after: the process must end with this reason. */
  readonly onFatal: (error: Error) => void;
}

/** A consumer with what must be closed after it. */
interface OpenConsumer {
  readonly consumer: EventConsumer;
  readonly close: () => Promise<void>;
  readonly handlers?: readonly JobHandler[]; // what a scheduler beside it may have it do
}

/** Consumers of a split exchange, in a process of their own over the exchange's data folder. */
export class WorkerProcess {
  readonly #lock: FolderLock;
  readonly #folder: WorkerFolder;
  readonly #consumers: readonly OpenConsumer[];
  readonly #connection: AmqpConnection;
  readonly #subscriber: EventSubscriber;
  readonly #alarm: PartitionAlarm;
  readonly #settlement: AbortController;
  readonly #jobs: ExchangeJobs | null;
  #metrics: AdminServer | null = null;

  private constructor(parts: {
    lock: FolderLock;
    folder: WorkerFolder;
    consumers: readonly OpenConsumer[];
    connection: AmqpConnection;
    subscriber: EventSubscriber;
    alarm: PartitionAlarm;
    settlement: AbortController;
    jobs: ExchangeJobs | null;
  }) {
    this.#lock = parts.lock;
    this.#folder = parts.folder;
    this.#consumers = parts.consumers;
    this.#connection = parts.connection;
    this.#subscriber = parts.subscriber;
    this.#alarm = parts.alarm;
    this.#settlement = parts.settlement;
    this.#jobs = parts.jobs;
  }

  /**
   * Waits for the exchange's folder, takes its roles in it and goes on where they stopped, when the broker is there.
   * @throws WorkerFolderError, FolderLockedError, DatabaseError
   */
  static async open(settings: WorkerSettings, hooks: WorkerHooks): Promise<WorkerProcess> {
    const { configuration, amqpUrl, roles, isScheduler = false } = settings;
    const { logger, onProgress } = hooks;
    const dataFolder = resolve(configuration.dataFolder);
    const folder = await openWorkerFolder(dataFolder, () =>
      onProgress(`waiting for an exchange to make ${dataFolder} …`),
    );
    const lock = await lockRoles(dataFolder, isScheduler ? [...roles, 'scheduler'] : roles);
    const clock = new ExchangeClock();
    const alarm = new PartitionAlarm({
      dataFolder,
      logger,
      nowMs: () => clock.nowMs(),
      halt: async (partition, reason) =>
        ((await callAdmin(configuration, HALT_PARTITION_PATH, { partition, reason })) as { symbols: string[] }).symbols,
    });
    const settlement = new AbortController();
    const definitions = new FolderCatalogue(dataFolder, settlement.signal);
    const parts = { settings, hooks, folder, definitions, clock, alarm, settlementSignal: settlement.signal };
    const consumers: OpenConsumer[] = [];
    for (const role of roles) {
      alarm.watch(role); // it may have trouble of an earlier process to tell at once
      consumers.push(await OPENERS[role](parts));
    }
    const { busNamespace: namespace, partitionCount } = folder;
    const connection = new AmqpConnection({ url: amqpUrl, name: roles.join(' ') });
    const onFailure = (failure: FeedFailure): void => {
      if (!settlement.signal.aborted) alarm.stopped(failure); // what is broken off at an orderly end comes again
    };
    const onTrouble = (text: string): void => logger.warn(text);
    const subscriber = new EventSubscriber({ connection, namespace, partitionCount, onFailure, onTrouble });
    for (const { consumer } of consumers) subscriber.subscribe(definitions.prepared(consumer));
    const handlers = [...consumers.flatMap((open) => open.handlers ?? []), ...proofJobHandlers(dataFolder)];
    const jobs = isScheduler ? await ExchangeJobs.open({ dataFolder, handlers, logger }) : null;
    return new WorkerProcess({ lock, folder, consumers, connection, subscriber, alarm, settlement, jobs });
  }

  /**
   * Serves its metrics on loopback, if a port is set for them: with the token that is set for operators, else to everybody.
   * @returns their address; null without one
   * @throws ListenError
   */
  async listen({ metricsPort, adminToken }: Configuration, logger: Logger): Promise<string | null> {
    if (metricsPort === undefined) return null;
    const metrics = new WorkerMetrics({ connection: this.#connection, subscriber: this.#subscriber });
    const routes = metricsRoutes(() => metrics.text(), adminToken === undefined);
    const token = adminToken ?? randomBytes(24).toString('base64url');
    this.#metrics = new AdminServer({ token, routes, logger });
    return `http://127.0.0.1:${await this.#metrics.listen(metricsPort)}/metrics`;
  }

  /** Finishes and acknowledges what is under way, and ends. The rest stays with the broker. */
  async stop(): Promise<void> {
    await this.#jobs?.stop();
    this.#settlement.abort(); // a ledger that is away is not waited for, nor a log that lacks its end
    await this.#subscriber.stop();
    await this.#connection.close();
    this.#alarm.close();
    this.#metrics?.close();
    for (const { close } of this.#consumers) await close();
    await this.#jobs?.close();
    await this.#folder.database.close();
    await this.#lock.release();
  }
}

interface OpeningParts {
  readonly settings: WorkerSettings;
  readonly hooks: WorkerHooks;
  readonly folder: WorkerFolder;
  readonly definitions: FolderCatalogue;
  readonly clock: ExchangeClock;
  readonly alarm: PartitionAlarm;
  readonly settlementSignal: AbortSignal;
}

const OPENERS: Readonly<Record<WorkerRole, (parts: OpeningParts) => Promise<OpenConsumer>>> = {
  settlement: async ({ settings, hooks, folder, definitions, settlementSignal }) => {
    const ledger = new SettlementLedger(folder, settings.redisUrl, {
      onTrouble: (trouble) => {
        if (trouble === null) hooks.logger.info('the ledger in Redis can be used');
        else hooks.logger.error(`settlement waits: ${trouble.message}`);
      },
      onWarning: (warning) => hooks.logger.warn(warning),
    });
    const consumer = new SettlementConsumer(ledger, definitions.catalogue, settlementSignal);
    return { consumer, close: () => ledger.close() };
  },

  history: async ({ hooks, folder, definitions }) => {
    const database = await HistoryDatabase.open(folder.dataFolder, folder.partitionCount, hooks.onFatal);
    return { consumer: await HistoryConsumer.open(database, definitions.catalogue), close: () => database.close() };
  },

  'audit-tap': async ({ hooks, folder, definitions, clock, alarm }) => {
    const tap = await TapDatabase.open(folder.dataFolder, folder.partitionCount, hooks.onFatal);
    const { catalogue } = definitions;
    const consumer = await AuditTap.open({
      tap,
      retiredSequence: retiredSequence(folder.dataFolder, LogKind.EVENTS),
      catalogue,
      clock,
      onFinding: (found) => alarm.found(found),
    });
    return { consumer, close: () => tap.close() };
  },

  klines: async ({ hooks, folder, definitions, clock }) => {
    const history = await HistoryDatabase.open(folder.dataFolder, folder.partitionCount, hooks.onFatal);
    await history.close(); // its trades are read below: it is made here if no process has come that far
    const stores = await openKlineStores(folder.dataFolder, folder.partitionCount, hooks.onFatal);
    const { consumer, jobs } = await ExchangeKlines.open(stores, definitions.complete(), clock, (progress) =>
      hooks.onProgress(`candles through event ${progress.eventSequence} of ${progress.ofEventSequence} …`),
    );
    return { consumer, close: () => closeKlineStores(stores), handlers: klineJobHandlers(jobs) };
  },
};
