import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StatusReport } from '../../main/status-report.ts';
import type { SmallDisk } from './small-disk.ts';

export const MAIN = fileURLToPath(new URL('../../main.ts', import.meta.url));
const READY_LINE = 'ringbook is ready';
const START_TIMEOUT_MS = 30_000;

export interface SandboxFile {
  readonly baseUrl: string;
  readonly adminUrl: string;
  readonly adminToken: string;
  readonly accounts: readonly { readonly name: string; readonly key: string; readonly secret: string }[];
}

/** A real exchange in a process of its own, on free ports, over a data folder that outlives it. */
export class ExchangeProcess {
  readonly #sandbox: SandboxFile | null; // production writes none
  readonly #child: ChildProcess;
  readonly #exited: Promise<number | null>;
  readonly #printed: () => string;

  private constructor(
    child: ChildProcess,
    exited: Promise<number | null>,
    sandbox: SandboxFile | null,
    printed: () => string,
  ) {
    this.#child = child;
    this.#exited = exited;
    this.#sandbox = sandbox;
    this.#printed = printed;
  }

  /**
   * @param disk the exchange runs where this disk is mounted
   * @throws Error with everything the process printed, when it ends or stays silent instead of becoming ready
   */
  static async start(
    dataFolder: string,
    environment: Record<string, string> = {},
    disk: SmallDisk | null = null,
  ): Promise<ExchangeProcess> {
    const [program = '', ...args] = [...(disk?.command ?? []), process.execPath, MAIN, 'start'];
    const child = spawn(program, args, {
      env: {
        PATH: process.env.PATH ?? '',
        RINGBOOK_DATA_DIR: dataFolder,
        RINGBOOK_PORT: '0',
        RINGBOOK_ADMIN_PORT: '0',
        RINGBOOK_JOURNAL_SEGMENT_MIB: '1',
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    let output = '';
    const ready = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`not ready in ${START_TIMEOUT_MS} ms:\n${output}`)),
        START_TIMEOUT_MS,
      );
      const read = (chunk: Buffer): void => {
        output += chunk.toString();
        if (output.includes(READY_LINE)) {
          clearTimeout(timer);
          resolve();
        }
      };
      child.stdout?.on('data', read);
      child.stderr?.on('data', read);
      child.once('exit', (code) => {
        clearTimeout(timer);
        reject(new Error(`the exchange ended with ${code} before it was ready:\n${output}`));
      });
    });
    try {
      await ready;
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
    const path = join(disk?.pathOf(dataFolder) ?? dataFolder, 'sandbox.json');
    const sandbox = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as SandboxFile) : null;
    return new ExchangeProcess(child, exited, sandbox, () => output);
  }

  get sandbox(): SandboxFile {
    if (this.#sandbox === null) throw new Error('this exchange has no sandbox.json: it runs in production mode');
    return this.#sandbox;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** What it has printed so far, errors included. */
  get output(): string {
    return this.#printed();
  }

  /** @returns the exit code once it ends, by itself or not; null after a kill */
  get ended(): Promise<number | null> {
    return this.#exited;
  }

  /** SIGSTOP: it stands still, as on a host that sleeps, until it is woken. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  /** SIGCONT. */
  wake(): void {
    this.#child.kill('SIGCONT');
  }

  /** Asks the admin port, as an operator's program would. @param input sent by POST; without it the call is a GET */
  async admin(path: string, input?: object): Promise<unknown> {
    const { adminUrl, adminToken } = this.sandbox;
    const response = await fetch(adminUrl + path, {
      method: input === undefined ? 'GET' : 'POST',
      headers: { Authorization: `Bearer ${adminToken}`, 'Content-Type': 'application/json' },
      ...(input === undefined ? {} : { body: JSON.stringify(input) }),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /** @returns what it is doing, as its admin port tells */
  async status(): Promise<StatusReport> {
    return (await this.admin('/status')) as StatusReport;
  }

  /** kill -9, and gone when this resolves. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  /** @returns the exit code of an orderly end */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    return this.#exited;
  }
}
