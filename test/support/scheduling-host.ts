import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StoredJobDesk } from '../../scheduler/stored-job-desk.ts';
import { SqliteJobStore } from '../../workers/storage/sqlite-job-store.ts';
import type { SchedulingOrders, WrittenLine } from './scheduling-process.ts';
import { waitUntil } from './wait-until.ts';

const PROGRAM = fileURLToPath(new URL('./scheduling-process.ts', import.meta.url));
const LEASE_MS = 2_000;

/** A folder with jobs, and real schedulers over it that are started, killed, frozen and woken. */
export class SchedulingHost {
  readonly folder: string;
  readonly store: SqliteJobStore;
  readonly desk: StoredJobDesk;
  readonly #linesPath: string;
  readonly #processes = new Set<SchedulingProcess>();

  private constructor(folder: string, store: SqliteJobStore) {
    this.folder = folder;
    this.store = store;
    this.desk = new StoredJobDesk({ store, wallMs: () => Date.now() });
    this.#linesPath = join(folder, 'lines');
  }

  static async open(): Promise<SchedulingHost> {
    const folder = mkdtempSync(join(tmpdir(), 'ringbook-scheduling-'));
    return new SchedulingHost(folder, await SqliteJobStore.open(folder));
  }

  async start(environment: Record<string, string> = {}): Promise<SchedulingProcess> {
    const started = new SchedulingProcess(
      { folder: this.folder, linesPath: this.#linesPath, leaseMs: LEASE_MS },
      environment,
    );
    this.#processes.add(started);
    await waitUntil(() => started.output.includes('scheduling') || started.isOver, 'a scheduler starts');
    return started;
  }

  /** What runs have written so far, in the order in which they did. */
  lines(): WrittenLine[] {
    if (!existsSync(this.#linesPath)) return [];
    const text = readFileSync(this.#linesPath, 'utf8');
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }

  async close(): Promise<void> {
    for (const one of this.#processes) await one.kill();
    await this.store.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export class SchedulingProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<number | null>;
  output = '';
  isOver = false;

  constructor(orders: SchedulingOrders, environment: Record<string, string>) {
    this.#child = spawn(process.execPath, [PROGRAM, JSON.stringify(orders)], {
      env: { PATH: process.env.PATH ?? '', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const read = (chunk: Buffer): void => {
      this.output += chunk.toString();
    };
    this.#child.stdout?.on('data', read);
    this.#child.stderr?.on('data', read);
    this.#exited = new Promise((resolve) =>
      this.#child.once('exit', (code) => {
        this.isOver = true;
        resolve(code);
      }),
    );
  }

  get pid(): number {
    return this.#child.pid!;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  wake(): void {
    this.#child.kill('SIGCONT');
  }

  /** @returns the exit code of an orderly end */
  stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    return this.#exited;
  }
}
