import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StatusReport } from '../../main/status-report.ts';
import { MAIN, RingbookProcess } from './ringbook-process.ts';
import type { SmallDisk } from './small-disk.ts';

export { MAIN };

const READY_LINE = 'ringbook is ready';

export interface SandboxFile {
  readonly baseUrl: string;
  readonly adminUrl: string;
  readonly adminToken: string;
  readonly accounts: readonly { readonly name: string; readonly key: string; readonly secret: string }[];
}

/** A real exchange in a process of its own, on free ports, over a data folder that outlives it. */
export class ExchangeProcess {
  readonly #sandbox: SandboxFile | null; // production writes none
  readonly #process: RingbookProcess;

  private constructor(process: RingbookProcess, sandbox: SandboxFile | null) {
    this.#process = process;
    this.#sandbox = sandbox;
  }

  /**
   * @param disk the exchange runs where this disk is mounted
   * @param command start, or exchange for one whose consumers have processes of their own
   * @throws Error with everything the process printed, when it ends or stays silent instead of becoming ready
   */
  static async start(
    dataFolder: string,
    environment: Record<string, string> = {},
    disk: SmallDisk | null = null,
    command: 'start' | 'exchange' = 'start',
  ): Promise<ExchangeProcess> {
    const started = await RingbookProcess.start({
      prefix: disk?.command ?? [],
      args: [command],
      environment: {
        RINGBOOK_DATA_DIR: dataFolder,
        RINGBOOK_PORT: '0',
        RINGBOOK_ADMIN_PORT: '0',
        RINGBOOK_JOURNAL_SEGMENT_MIB: '1',
        ...environment,
      },
      readyLine: READY_LINE,
    });
    const path = join(disk?.pathOf(dataFolder) ?? dataFolder, 'sandbox.json');
    const sandbox = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as SandboxFile) : null;
    return new ExchangeProcess(started, sandbox);
  }

  get sandbox(): SandboxFile {
    if (this.#sandbox === null) throw new Error('this exchange has no sandbox.json: it runs in production mode');
    return this.#sandbox;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** What it has printed so far, errors included. */
  get output(): string {
    return this.#process.output;
  }

  /** @returns the exit code once it ends, by itself or not; null after a kill */
  get ended(): Promise<number | null> {
    return this.#process.ended;
  }

  /** SIGSTOP: it stands still, as on a host that sleeps, until it is woken. */
  freeze(): void {
    this.#process.signal('SIGSTOP');
  }

  /** SIGCONT. */
  wake(): void {
    this.#process.signal('SIGCONT');
  }

  /** Asks the admin port, as an operator's program would. @param input sent by POST; without it the call is a GET */
  async admin(path: string, input?: object): Promise<unknown> {
    const { adminUrl, adminToken } = this.sandbox;
    const response = await fetch(adminUrl + path, {
      method: input === undefined ? 'GET' : 'POST',
      // A connection kept for later may be closed by the server just as a busy test uses it again.
      headers: { Authorization: `Bearer ${adminToken}`, 'Content-Type': 'application/json', Connection: 'close' },
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
  kill(): Promise<void> {
    return this.#process.kill();
  }

  /** @returns the exit code of an orderly end */
  stop(): Promise<number | null> {
    return this.#process.stop();
  }
}
