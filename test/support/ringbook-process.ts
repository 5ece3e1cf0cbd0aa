import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const MAIN = fileURLToPath(new URL('../../main.ts', import.meta.url));
const START_TIMEOUT_MS = 60_000; // on a loaded machine a broker takes half of it

export interface RingbookProcessSettings {
  /** Before the program, such as what enters a mount namespace. */
  readonly prefix?: readonly string[];
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** What it prints once it is ready. */
  readonly readyLine: string;
}

/** A command of ours that runs until it is told to end, in a process of its own. */
export class RingbookProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<number | null>;
  #output = '';
  #standardOutput = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#exited = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
    child.stdout?.on('data', (chunk: Buffer) => {
      this.#output += chunk.toString();
      this.#standardOutput += chunk.toString();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#output += chunk.toString();
    });
  }

  /**
   * @returns once it has printed its ready line
   * @throws Error with everything the process printed, when it ends or stays silent instead
   */
  static async start(settings: RingbookProcessSettings): Promise<RingbookProcess> {
    const started = RingbookProcess.spawn(settings);
    try {
      await started.#prints(settings.readyLine);
      return started;
    } catch (error) {
      started.#child.kill('SIGKILL');
      throw error;
    }
  }

  /** Starts it without waiting until it is ready. */
  static spawn({ prefix = [], args, environment }: Omit<RingbookProcessSettings, 'readyLine'>): RingbookProcess {
    const [program = '', ...all] = [...prefix, process.execPath, MAIN, ...args];
    const env = { PATH: process.env.PATH ?? '', ...environment };
    return new RingbookProcess(spawn(program, all, { env, stdio: ['ignore', 'pipe', 'pipe'] }));
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** What it has printed so far, errors included. */
  get output(): string {
    return this.#output;
  }

  /** What it has printed so far for programs to read. */
  get standardOutput(): string {
    return this.#standardOutput;
  }

  /** @returns the exit code once it ends, by itself or not; null after a kill */
  get ended(): Promise<number | null> {
    return this.#exited;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
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

  #prints(line: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const silent = (): void => reject(new Error(`not ready in ${START_TIMEOUT_MS} ms:\n${this.#output}`));
      const timer = setTimeout(silent, START_TIMEOUT_MS);
      const look = (): void => {
        if (!this.#output.includes(line)) return;
        clearTimeout(timer);
        resolve();
      };
      this.#child.stdout?.on('data', look);
      this.#child.stderr?.on('data', look);
      void this.#exited.then((code) => {
        clearTimeout(timer);
        reject(new Error(`it ended with ${code} before it was ready:\n${this.#output}`));
      });
    });
  }
}
