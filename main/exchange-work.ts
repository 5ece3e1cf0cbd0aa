import type { Logger } from 'pino';
import type { Clock } from '../core/ports/clock.ts';
import type { LedgerUnavailableError } from '../core/ports/ledger.ts';
import type { Notices } from '../core/ports/notices.ts';
import type { ParkedJob, WorkQueue } from '../core/ports/work-queue.ts';
import { NOTICE_JOB, NoticeBoard } from '../workers/notices/notice-board.ts';
import { NoticeStore } from '../workers/notices/notice-store.ts';
import { EmbeddedWorkQueue } from '../workers/queue/embedded/embedded-work-queue.ts';
import { WorkDatabase } from '../workers/storage/work-database.ts';
import { TRANSFER_JOB, TransferJobs } from '../workers/transfers/transfer-jobs.ts';

/** Every type of job of an exchange. */
export const JOB_TYPES = [TRANSFER_JOB, NOTICE_JOB] as const;

const TRANSFERS_AT_A_TIME = 16;
const NOTICES_AT_A_TIME = 64;
const LAST_WORDS_MS = 1_000;

export interface ExchangeWorkSettings {
  readonly dataFolder: string;
  readonly redisUrl?: string | undefined; // where hops are counted when the queue is on RabbitMQ
  readonly amqpUrl?: string | undefined; // undefined: the embedded queue
  readonly busNamespace: string | null; // of its queues; null without a broker
}

export interface ExchangeWorkParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onFatal: (error: Error) => void;
}

/** The work queue of an exchange and what is done with it: transfers that wait for the ledger, notices for operators. */
export class ExchangeWork {
  readonly queue: WorkQueue;
  readonly notices: Notices;
  readonly #board: NoticeBoard;
  readonly #work: WorkDatabase;
  readonly #logger: Logger;
  #transfers: TransferJobs | null = null;
  #isLedgerAway = false; // as was told

  private constructor(work: WorkDatabase, queue: WorkQueue, board: NoticeBoard, logger: Logger) {
    this.#work = work;
    this.queue = queue;
    this.#board = board;
    this.notices = board;
    this.#logger = logger;
  }

  /** @throws DatabaseError, SchemaTooNewError */
  static async open(
    settings: ExchangeWorkSettings,
    { clock, logger, onFatal }: ExchangeWorkParts,
  ): Promise<ExchangeWork> {
    const work = await WorkDatabase.open(settings.dataFolder, onFatal);
    const onParked = (parked: ParkedJob): void => raiseParked(board, parked);
    const queue = await openQueue(settings, work, { clock, logger, onParked });
    const board = new NoticeBoard(queue, new NoticeStore(work), clock, logger);
    return new ExchangeWork(work, queue, board, logger);
  }

  /** Begins to do jobs: once the ledger may be asked. */
  begin(finishTransfer: (transferId: number) => Promise<void>): void {
    this.#transfers = new TransferJobs({
      queue: this.queue,
      finish: finishTransfer,
      onLeft: (transferId, { message }) =>
        this.notices.raise({
          kind: 'transfer-stuck',
          text: `transfer ${transferId} waits for the ledger and is tried again by itself: ${message}`,
          facts: { transferId },
        }),
    });
    this.queue.consume(TRANSFER_JOB, this.#transfers.handler, { concurrency: TRANSFERS_AT_A_TIME });
    this.queue.consume(NOTICE_JOB, this.#board.handler, { concurrency: NOTICES_AT_A_TIME });
  }

  /** A transfer was kept waiting. Before `begin` the start itself sees to it. */
  wakeTransfer(transferId: number): void {
    this.#transfers?.wake(transferId);
  }

  tellLedgerTrouble(trouble: LedgerUnavailableError | null): void {
    const wasAway = this.#isLedgerAway;
    this.#isLedgerAway = trouble !== null;
    if (trouble === null) {
      if (wasAway) this.notices.raise({ kind: 'ledger-usable', text: 'the ledger can be used again', facts: {} });
    } else
      this.notices.raise({
        kind: 'ledger-unavailable',
        text: `no orders, settlement, deposits and withdrawals; cancels go on: ${trouble.message}`,
        facts: { code: trouble.code },
      });
  }

  tellDiskFull(isFull: boolean): void {
    const kind = isFull ? 'disk-full' : 'disk-has-room';
    const text = isFull ? 'the ledger waits for disk space: new orders get 503' : 'the ledger has disk space again';
    this.notices.raise({ kind, text, facts: {} });
  }

  /** @returns once that is known to outlive this process, or after a second: nothing may trade on for long */
  async tellConsumerStopped(consumer: string, { message }: Error): Promise<void> {
    const text = `${consumer} stopped altogether: ${message}`;
    this.notices.raise({ kind: 'partition-stopped', text, facts: { consumer, partition: null } });
    await this.#board.sent(LAST_WORDS_MS);
  }

  async close(): Promise<void> {
    await this.#board.stop();
    await this.queue.stop();
    await this.#work.close();
    const { done, parked } = this.queue.counts;
    this.#logger.info({ done, parked }, 'the work queue is closed');
  }
}

async function openQueue(
  { redisUrl, amqpUrl, busNamespace }: ExchangeWorkSettings,
  work: WorkDatabase,
  hooks: { readonly clock: Clock; readonly logger: Logger; readonly onParked: (parked: ParkedJob) => void },
): Promise<WorkQueue> {
  const { clock, logger, onParked } = hooks;
  const types = JOB_TYPES;
  const onTrouble = (error: Error): void => logger.warn({ err: error }, 'the work queue goes on after a fault');
  if (amqpUrl === undefined || busNamespace === null)
    return EmbeddedWorkQueue.open(work, { types, clock, onParked, onTrouble });
  const { LocalHopCounter, RedisHopCounter } = await import('../workers/queue/hop-counter.ts');
  const { RabbitmqWorkQueue } = await import('../workers/queue/rabbitmq/rabbitmq-work-queue.ts');
  const hopCounter = redisUrl === undefined ? new LocalHopCounter() : new RedisHopCounter(redisUrl, onTrouble);
  return RabbitmqWorkQueue.open({
    url: amqpUrl,
    prefix: busNamespace,
    types,
    clock,
    hopCounter,
    work,
    onParked,
    onTrouble,
  });
}

/** A notice that is parked raises none: there would be no end of them. */
function raiseParked(notices: Notices, { type, id, parkedId, cause, reason }: ParkedJob): void {
  if (type === NOTICE_JOB) return;
  const kind = cause === 'HOPS' || cause === 'LOOP' ? 'job-loop' : 'job-parked';
  const text = `${type} job ${id} was parked (${cause}): ${reason}. Look at it: ringbook parked show ${parkedId}`;
  notices.raise({ kind, text, facts: { type, jobId: id, parkedId, cause } });
}
