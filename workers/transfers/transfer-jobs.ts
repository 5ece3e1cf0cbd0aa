import { randomUUID } from 'node:crypto';
import { DONE, type JobHandler, MAX_ATTEMPTS, PoisonJobError, type WorkQueue } from '../../core/ports/work-queue.ts';
import { TransferDeskClosedError } from './sqlite-transfer-desk.ts';

export const TRANSFER_JOB = 'transfer';

export interface TransferJobsParts {
  readonly queue: WorkQueue;
  /** Takes a transfer as far as it can be taken without the operator. */
  readonly finish: (transferId: number) => Promise<void>;
  /** Told of a transfer that the ledger has kept waiting through every try: the rounds over all of them go on. */
  readonly onLeft: (transferId: number, reason: Error) => void;
}

/**
 * Wake-ups for transfers that the ledger has kept waiting, as jobs of the work queue. The transfer's row remains the
 * truth: a job that is lost costs time, since the next round finds the row, and one that comes twice changes nothing.
 */
export class TransferJobs {
  readonly #parts: TransferJobsParts;
  readonly #awaited = new Set<number>(); // transfers that a job of this process is under way for

  constructor(parts: TransferJobsParts) {
    this.#parts = parts;
  }

  /** Tries that transfer again, soon and a few times. */
  wake(transferId: number): void {
    if (this.#awaited.has(transferId)) return;
    this.#awaited.add(transferId);
    const job = { type: TRANSFER_JOB, id: `transfer-${transferId}-${randomUUID()}`, payload: { transferId } };
    this.#parts.queue.enqueue(job).catch(() => this.#awaited.delete(transferId)); // the next round comes by itself
  }

  /** Does `transfer` jobs. */
  readonly handler: JobHandler = async ({ payload, attempt }) => {
    const transferId = (payload as { readonly transferId?: unknown } | null)?.transferId;
    if (!Number.isSafeInteger(transferId)) throw new PoisonJobError('its payload names no transfer');
    try {
      await this.#parts.finish(transferId as number);
    } catch (error) {
      if (error instanceof TransferDeskClosedError) return DONE; // the next start finds the row
      const isOpen = error instanceof Error && 'code' in error && error.code === 'TRANSFER_OPEN';
      if (attempt < MAX_ATTEMPTS) throw error;
      this.#awaited.delete(transferId as number); // this job is over
      if (!isOpen) throw error;
      // Nothing is wrong with it: a ledger that is away parks nobody's work.
      this.#parts.onLeft(transferId as number, error);
    }
    this.#awaited.delete(transferId as number);
    return DONE;
  };
}
