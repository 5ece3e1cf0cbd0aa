import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Clock } from '../../core/ports/clock.ts';
import type { NewNotice, Notice, Notices } from '../../core/ports/notices.ts';
import { DONE, InvalidJobError, type JobHandler, PoisonJobError, type WorkQueue } from '../../core/ports/work-queue.ts';
import type { NoticeStore } from './notice-store.ts';

export const NOTICE_JOB = 'notice';

const MAX_TEXT_CHARACTERS = 1_000;
/** Notices that wait for a queue that is away; of more than these the log alone tells. */
const MAX_WAITING = 1_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/** Raises notices as jobs of the work queue, and keeps those that come out of it. */
export class NoticeBoard implements Notices {
  readonly #queue: WorkQueue;
  readonly #store: NoticeStore;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #waiting: Notice[] = [];
  readonly #stopping = new AbortController();
  #sender: Promise<void> | null = null;

  constructor(queue: WorkQueue, store: NoticeStore, clock: Clock, logger: Logger) {
    this.#queue = queue;
    this.#store = store;
    this.#clock = clock;
    this.#logger = logger;
  }

  raise({ kind, text, facts }: NewNotice): void {
    const short = text.slice(0, MAX_TEXT_CHARACTERS);
    this.#logger.warn({ kind, ...facts }, short);
    if (this.#waiting.length >= MAX_WAITING || this.#stopping.signal.aborted) return;
    this.#waiting.push({ noticeId: randomUUID(), kind, text: short, facts, raisedMs: this.#clock.nowMs() });
    this.#sender ??= this.#send();
  }

  list(query: Parameters<Notices['list']>[0]): Promise<readonly Notice[]> {
    return this.#store.list(query);
  }

  /** Does `notice` jobs. */
  readonly handler: JobHandler = async ({ payload }) => {
    if (!isNotice(payload)) throw new PoisonJobError('its payload is no notice');
    await this.#store.keep(payload);
    return DONE;
  };

  /** @returns once everything raised so far is in the queue, or after that time */
  async sent(timeoutMs: number): Promise<void> {
    await Promise.race([this.#sender, sleep(timeoutMs, undefined, { ref: false })]);
  }

  /** Sends no more than what can be sent now. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#sender;
  }

  async #send(): Promise<void> {
    for (let pauseMs = FIRST_PAUSE_MS; this.#waiting.length > 0; ) {
      const notice = this.#waiting[0]!;
      try {
        await this.#queue.enqueue({ type: NOTICE_JOB, id: `notice-${notice.noticeId}`, payload: notice });
        this.#waiting.shift();
        pauseMs = FIRST_PAUSE_MS;
      } catch (error) {
        // What no queue takes is in the log at least.
        if (error instanceof InvalidJobError || this.#stopping.signal.aborted) this.#waiting.shift();
        else await sleep(pauseMs, undefined, { signal: this.#stopping.signal, ref: false }).catch(() => undefined);
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      }
    }
    this.#sender = null;
  }
}

function isNotice(payload: unknown): payload is Notice {
  if (typeof payload !== 'object' || payload === null) return false;
  const { noticeId, kind, text, facts, raisedMs } = payload as Record<string, unknown>;
  const areTexts = [noticeId, kind, text].every((value) => typeof value === 'string' && value !== '');
  return areTexts && typeof facts === 'object' && facts !== null && Number.isSafeInteger(raisedMs);
}
