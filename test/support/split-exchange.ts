import { expect } from 'vitest';
import type { PrivateRedis } from '../../main/services/private-redis.ts';
import type { WorkerRole } from '../../main/worker-roles.ts';
import { ExchangeProcess } from './exchange-process.ts';
import { type CommandResult, LedgerCommands } from './redis-exchange.ts';
import { RingbookProcess } from './ringbook-process.ts';
import type { RunningBroker } from './servers/test-servers.ts';
import { waitUntil } from './wait-until.ts';

const WORKERS_READY = 'ringbook workers are ready';

/** The servers of a split exchange; a test that restarts one puts the new one here. */
export interface SplitServers<Broker extends RunningBroker> {
  redis: PrivateRedis;
  rabbitmq: Broker;
}

/** An exchange and its workers, each a real process, over one data folder, one Redis and one RabbitMQ. */
export class SplitExchange<Broker extends RunningBroker = RunningBroker> {
  readonly folder: string;
  readonly servers: SplitServers<Broker>;
  readonly #workers = new Map<string, RingbookProcess>(); // by their roles, with commas between them
  #exchange: ExchangeProcess | null = null;

  constructor(folder: string, servers: SplitServers<Broker>) {
    this.folder = folder;
    this.servers = servers;
  }

  get exchange(): ExchangeProcess {
    if (this.#exchange === null) throw new Error('the exchange does not run');
    return this.#exchange;
  }

  /** @param roles of one process, with commas between them */
  worker(roles: string): RingbookProcess {
    const worker = this.#workers.get(roles);
    if (worker === undefined) throw new Error(`no worker runs ${roles}`);
    return worker;
  }

  async startExchange(environment: Record<string, string> = {}): Promise<ExchangeProcess> {
    const all = { ...this.#environment, ...environment };
    this.#exchange = await ExchangeProcess.start(this.folder, all, null, 'exchange');
    return this.#exchange;
  }

  async startWorker(roles: WorkerRole | string, environment: Record<string, string> = {}): Promise<RingbookProcess> {
    const worker = await RingbookProcess.start({
      args: ['workers', '--only', roles],
      environment: { ...this.#environment, RINGBOOK_DATA_DIR: this.folder, ...environment },
      readyLine: WORKERS_READY,
    });
    this.#workers.set(roles, worker);
    return worker;
  }

  /** With the candles. */
  async startScheduler(): Promise<RingbookProcess> {
    const scheduler = await RingbookProcess.start({
      args: ['scheduler'],
      environment: { ...this.#environment, RINGBOOK_DATA_DIR: this.folder },
      readyLine: 'ringbook scheduler is ready',
    });
    this.#workers.set('scheduler', scheduler);
    return scheduler;
  }

  /** kill -9 of the exchange, then it is started again. */
  async restartExchange(): Promise<ExchangeProcess> {
    await this.exchange.kill();
    return this.startExchange();
  }

  async restartWorker(roles: string): Promise<RingbookProcess> {
    await this.worker(roles).kill();
    return this.startWorker(roles);
  }

  /** @returns once every consumer is through everything that is logged by now */
  async settled(): Promise<void> {
    await waitUntil(async () => {
      const { events, consumers } = await this.exchange.status();
      return consumers.every(({ consumedSequence }) => consumedSequence >= events.loggedSequence);
    }, 'every consumer is through');
  }

  /** SIGTERM: the exchange, then its workers. @returns their exit codes */
  async stop(): Promise<(number | null)[]> {
    const codes = [await this.exchange.stop()];
    this.#exchange = null;
    for (const [roles, worker] of this.#workers) {
      codes.push(await worker.stop());
      this.#workers.delete(roles);
    }
    return codes;
  }

  /** Whatever still runs: for the end of a test. */
  async kill(): Promise<void> {
    await this.#exchange?.kill();
    for (const worker of this.#workers.values()) await worker.kill();
  }

  /** Runs a command of ours to its end. */
  run(args: readonly string[]): Promise<CommandResult> {
    return this.#commands().run(args);
  }

  /** Everything that always holds, holds. @param when for a failure's message */
  expectAudited(when: string): Promise<void> {
    return this.#commands().expectAudited(when);
  }

  /** Nothing ended by itself. */
  async expectAllAlive(): Promise<void> {
    for (const [roles, worker] of this.#workers) {
      const ended = await Promise.race([worker.ended, Promise.resolve('alive')]);
      expect([roles, ended, worker.output.slice(-2_000)]).toEqual([roles, 'alive', expect.any(String)]);
    }
  }

  #commands(): LedgerCommands {
    return new LedgerCommands(this.folder, () => this.servers.redis.url);
  }

  get #environment(): Record<string, string> {
    const { redis, rabbitmq } = this.servers;
    return { RINGBOOK_REDIS_URL: redis.url, RINGBOOK_AMQP_URL: rabbitmq.url };
  }
}
