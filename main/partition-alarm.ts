import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { AUDIT_TAP, type TapFinding } from '../workers/audit-tap/audit-tap.ts';
import type { FeedFailure } from '../workers/bus/feed-settings.ts';
import { OwnReport } from './consumer-reports.ts';
import { MAX_REASON_CHARACTERS } from './partition-routes.ts';

export interface PartitionAlarmSettings {
  readonly dataFolder: string;
  readonly logger: Logger;
  readonly nowMs: () => number;
  /** Halts the instruments of a partition, for a reason. @returns their symbols */
  readonly halt: (partition: number, reason: string) => Promise<readonly string[]>;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

/**
 * What becomes of a partition that a consumer of this process can't go on with, or in which the audit tap finds what must
 * never be: it stands in the consumer's report, for `status`, and its instruments are halted, however long the exchange
 * that can do so is away. All others trade on.
 */
export class PartitionAlarm {
  readonly #settings: PartitionAlarmSettings;
  readonly #reports = new Map<string, OwnReport>();
  readonly #halting = new Map<number, Promise<boolean>>(); // by partition
  readonly #end = new AbortController();

  constructor(settings: PartitionAlarmSettings) {
    this.#settings = settings;
  }

  /** A consumer begins in this process: what an earlier one said of itself is over. */
  watch(consumer: string): void {
    const { dataFolder, nowMs } = this.#settings;
    this.#reports.set(consumer, new OwnReport(dataFolder, consumer, nowMs()));
  }

  /** It gets no more events of that partition. */
  stopped({ consumer, partition, error }: FeedFailure): void {
    void this.#raise(consumer, partition, `stopped: ${error.message}`, error);
  }

  /** It goes on, but the stream is not what it must be. @returns true once the partition is halted; false at the end */
  found({ partition, finding }: TapFinding): Promise<boolean> {
    return this.#raise(AUDIT_TAP, partition, finding);
  }

  /** Waits for no exchange any more: what is not halted yet is so by whoever finds the trouble, or reads of it, again. */
  close(): void {
    this.#end.abort();
  }

  #raise(consumer: string, partition: number | null, trouble: string, error?: Error): Promise<boolean> {
    const { logger, nowMs } = this.#settings;
    const where = partition === null ? 'as a whole' : `at partition ${partition}`;
    logger.error({ consumer, partition, err: error }, `${consumer} ${where}: ${trouble}`);
    this.#reports.get(consumer)?.add({ partition, trouble, foundMs: nowMs() });
    if (partition === null) return Promise.resolve(false);
    const halting =
      this.#halting.get(partition) ?? this.#halt(partition, `${consumer}: ${trouble}`.slice(0, MAX_REASON_CHARACTERS));
    this.#halting.set(partition, halting);
    return halting;
  }

  async #halt(partition: number, reason: string): Promise<boolean> {
    const { signal } = this.#end;
    for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        const symbols = await this.#settings.halt(partition, reason);
        this.#settings.logger.error({ partition, symbols }, 'the instruments of the partition are halted');
        this.#halting.delete(partition);
        return !signal.aborted; // too late for whoever is told: what keeps it is closed
      } catch (error) {
        this.#settings.logger.warn({ partition, err: error }, 'the partition is not halted yet; tried again');
        await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      }
    }
    return false;
  }
}
