import type { MessagePort, Worker } from 'node:worker_threads';
import { startStrippedWorker } from './stripped-worker.ts';
import type { EngineThreadMessage, JournalThreadMessage, ThreadFailed, ThreadStopped } from './thread-messages.ts';

/** A thread of the exchange died. The process must end with this reason; recovery at the next start proves the rest. */
export class ThreadFailure extends Error {
  override readonly name = 'ThreadFailure';
  readonly thread: string;
  readonly code: string; // of the error that ended it, as in ThreadFailed; 'ENDED' when it gave no reason

  constructor(thread: string, code: string, reason: string, cause?: unknown) {
    super(`${thread} thread: ${reason}`, { cause });
    this.thread = thread;
    this.code = code;
  }
}

/** Messages of a thread but for its last one, which is how it ended. */
export type ReportOf<Message> = Exclude<Message, ThreadStopped | ThreadFailed>;

export interface ThreadLife {
  readonly name: string;
  /** How the thread ended: in order, or because terminate was called. Rejects with ThreadFailure when it died. */
  readonly ended: Promise<'STOPPED' | 'TERMINATED'>;
}

/** One worker thread, what it reports and how it ends. */
export class ManagedThread<Message extends EngineThreadMessage | JournalThreadMessage> implements ThreadLife {
  readonly name: string;
  readonly ended: Promise<'STOPPED' | 'TERMINATED'>;
  readonly #worker: Worker;
  #isTerminated = false;

  /** @param ports in workerData that become the thread's own */
  constructor(
    name: string,
    entry: URL,
    workerData: unknown,
    onReport: (report: ReportOf<Message>) => void,
    ports: MessagePort[] = [],
  ) {
    this.name = name;
    this.#worker = startStrippedWorker(entry, { workerData, name, transferList: ports });
    let hasStopped = false;
    let failure: ThreadFailure | null = null;
    this.#worker.on('message', (message: Message) => {
      if (message.type === 'stopped') hasStopped = true;
      else if (message.type === 'failed')
        failure = new ThreadFailure(name, message.code, message.message, message.stack);
      else onReport(message as ReportOf<Message>);
    });
    this.#worker.on('error', (error: Error) => {
      failure ??= new ThreadFailure(name, 'INTERNAL', error.message, error);
    });
    this.ended = new Promise((resolve, reject) => {
      this.#worker.on('exit', (exitCode) => {
        if (hasStopped) resolve('STOPPED');
        else if (this.#isTerminated) resolve('TERMINATED');
        else reject(failure ?? new ThreadFailure(name, 'ENDED', `it ended by itself with exit code ${exitCode}`));
      });
    });
    this.ended.catch(() => {}); // whoever awaits it still sees it; a death before that must not end the process untold
  }

  /** Ends the thread at once, as a crash would. */
  async terminate(): Promise<void> {
    this.#isTerminated = true;
    await this.#worker.terminate();
  }
}
