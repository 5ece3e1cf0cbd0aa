import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, startOnFreePorts } from './free-ports.ts';
import { firstAnswer, ServerProcess } from './server-process.ts';
import { redisServerProgram } from './server-programs.ts';

export interface PrivateRedisSettings {
  /** Its own: what it persists and logs. */
  readonly folder: string;
  /** Any free one when left out. */
  readonly port?: number;
  /** Directives of redis.conf that replace ours. */
  readonly directives?: Readonly<Record<string, string>>;
}

/** Every write is synced before it is answered; no snapshots beside the append-only file. */
const DIRECTIVES = { appendonly: 'yes', appendfsync: 'always', save: '', 'maxmemory-policy': 'noeviction' };
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;

/** A redis-server of this process on the loopback address. A later start over the same folder has the same data. */
export class PrivateRedis {
  readonly folder: string;
  readonly port: number;
  readonly #server: ServerProcess;

  private constructor(folder: string, port: number, server: ServerProcess) {
    this.folder = folder;
    this.port = port;
    this.#server = server;
  }

  /** @throws ServerMissingError, ServerStartError */
  static async start(settings: PrivateRedisSettings): Promise<PrivateRedis> {
    const { folder, directives = {} } = settings;
    mkdirSync(folder, { recursive: true });
    const startOn = async (port: number): Promise<PrivateRedis> =>
      new PrivateRedis(folder, port, await startServer(folder, port, { ...DIRECTIVES, ...directives }));
    return settings.port === undefined
      ? startOnFreePorts(async () => startOn(await freePort()))
      : startOn(settings.port);
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#server.pid;
  }

  /** @returns once it is gone, by itself or not */
  get exited(): Promise<void> {
    return this.#server.exited;
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  kill(): Promise<void> {
    return this.#server.kill();
  }

  signal(signal: NodeJS.Signals): void {
    this.#server.signal(signal);
  }
}

function startServer(folder: string, port: number, directives: Record<string, string>): Promise<ServerProcess> {
  const all = { port: String(port), bind: '127.0.0.1', dir: folder, daemonize: 'no', ...directives };
  return ServerProcess.start({
    name: 'redis-server',
    program: redisServerProgram(),
    args: Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]),
    environment: { PATH: process.env.PATH ?? '', LC_ALL: 'C' },
    folder,
    logPath: join(folder, 'redis.log'),
    isReady: async () => (await firstAnswer(port, 'PING\r\n'))?.toString().startsWith('+PONG') === true,
    startTimeoutMs: START_TIMEOUT_MS,
    stopTimeoutMs: STOP_TIMEOUT_MS,
  });
}
