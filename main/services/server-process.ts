import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A server ended, or stayed silent, instead of becoming ready. The message holds the end of what it logged. */
export class ServerStartError extends Error {
  override readonly name = 'ServerStartError';
}

export interface ServerProcessSettings {
  readonly name: string; // for messages
  readonly program: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly folder: string; // where it runs
  readonly logPath: string; // what it prints
  /** Asked again and again until true. */
  readonly isReady: () => Promise<boolean>;
  readonly startTimeoutMs: number;
  /** After SIGTERM; then it is killed. */
  readonly stopTimeoutMs: number;
}

const READY_PAUSE_MS = 20;
const LOG_TAIL_CHARACTERS = 2_000;

/** Those that run. A process that ends without stopping them takes them along. */
const running = new Set<ServerProcess>();
process.on('exit', () => {
  for (const server of running) server.killNow();
});

/** A server that belongs to this process: a process group of its own, ended by its id and waited for. */
export class ServerProcess {
  readonly #settings: ServerProcessSettings;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #hasExited = false;

  private constructor(settings: ServerProcessSettings, child: ChildProcess) {
    this.#settings = settings;
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      const end = (): void => {
        this.#hasExited = true;
        running.delete(this);
        resolve();
      };
      child.once('exit', end);
      child.once('error', end);
    });
    running.add(this);
  }

  /**
   * @returns the server once it is ready
   * @throws ServerStartError
   */
  static async start(settings: ServerProcessSettings): Promise<ServerProcess> {
    const { name, program, args, environment, folder, logPath, startTimeoutMs } = settings;
    const log = openSync(logPath, 'a');
    const child = spawn(program, args, {
      cwd: folder,
      env: environment,
      stdio: ['ignore', log, log],
      detached: true, // a group of its own: Ctrl-C reaches us alone, and all of it can be ended at once
    });
    closeSync(log);
    const server = new ServerProcess(settings, child);
    const endMs = performance.now() + startTimeoutMs;
    while (!server.#hasExited && performance.now() < endMs) {
      if (await settings.isReady()) return server;
      await Promise.race([sleep(READY_PAUSE_MS), server.#exited]);
    }
    const ended = server.#hasExited ? 'ended' : `was not ready within ${startTimeoutMs} ms`;
    await server.kill();
    throw new ServerStartError(`${name} ${ended}; the end of ${logPath}:\n${tailOf(logPath)}`);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** @returns once it is gone, by itself or not */
  get exited(): Promise<void> {
    return this.#exited;
  }

  /** Ends it in an orderly way, or by force after the time that it has. Gone when this resolves. */
  async stop(): Promise<void> {
    if (!this.#hasExited) this.#child.kill('SIGTERM');
    await Promise.race([this.#exited, sleep(this.#settings.stopTimeoutMs, undefined, { ref: false })]);
    await this.kill();
  }

  /** kill -9 of everything that it started. Gone when this resolves. */
  async kill(): Promise<void> {
    this.killNow();
    await this.#exited;
  }

  /** Sends the signal only: all that can be done while this process ends. */
  killNow(): void {
    if (!this.#hasExited) this.signal('SIGKILL');
  }

  /** SIGSTOP and SIGCONT make a server that hangs, and one that comes back. */
  signal(signal: NodeJS.Signals): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

function tailOf(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8').slice(-LOG_TAIL_CHARACTERS) : '';
}

/** @returns the first bytes that a server of the loopback address answers with; null when there is no answer */
export function firstAnswer(port: number, request: string | Uint8Array): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const end = (answer: Buffer | null): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1_000, () => end(null));
    socket.once('connect', () => socket.write(request));
    socket.once('data', end);
    socket.once('error', () => end(null));
    socket.once('close', () => end(null));
  });
}
