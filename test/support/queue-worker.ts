import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { QueueWorkerOrders } from './queue-worker-orders.ts';

const PROGRAM = fileURLToPath(new URL('./queue-worker-process.ts', import.meta.url));

/** A real worker process with a work queue (queue-worker-process.ts), which a test ends as it pleases. */
export class QueueWorker {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #answers = new Map<string, (text: string) => void>(); // by command

  private constructor(child: ChildProcess, onLine: (words: readonly string[]) => void) {
    this.#child = child;
    this.#exited = new Promise((resolve) => child.once('exit', () => resolve()));
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const [word = '', ...rest] = line.split(' ');
      this.#answers.get(word)?.(rest.join(' '));
      onLine([word, ...rest]);
    });
  }

  /**
   * @param onLine told of each line that it prints, as its words, from the first one on
   * @returns the worker once it consumes
   */
  static async start(
    orders: QueueWorkerOrders,
    onLine: (words: readonly string[]) => void = () => {},
  ): Promise<QueueWorker> {
    const child = spawn(process.execPath, [PROGRAM, JSON.stringify(orders)], { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin?.on('error', () => {}); // killed while it is told something
    const worker = new QueueWorker(child, onLine);
    await worker.#answer('ready');
    return worker;
  }

  send(command: string): void {
    this.#child.stdin?.write(`${command}\n`);
  }

  /** @returns what it answers to a command of one word */
  ask(command: string): Promise<string> {
    const answer = this.#answer(command);
    this.send(command);
    return answer;
  }

  /** kill -9, and gone when this resolves. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  async #answer(command: string): Promise<string> {
    const answer = new Promise<string>((resolve) => this.#answers.set(command, resolve));
    const ended = this.#exited.then(() => {
      throw new Error(`the worker ended before it answered ${command}`);
    });
    return Promise.race([answer, ended]);
  }
}
