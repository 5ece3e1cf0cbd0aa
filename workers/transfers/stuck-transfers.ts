import { MAX_TRANSFER_ROWS, type TransferDesk } from '../../core/ports/transfers.ts';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

export interface StuckTransfersParts {
  readonly desk: Pick<TransferDesk, 'list'> & {
    finish(transferId: number): Promise<void>;
    onStuck: (transferId: number) => void;
  };
  /** Told of each transfer that was kept waiting, for whoever can do it sooner than the next round. */
  readonly onStuck?: (transferId: number) => void;
  /** Before the first round after a transfer was kept waiting; later ones pause longer. A second unless set. */
  readonly firstPauseMs?: number;
  /** Told of each round that finished something or could not. */
  readonly onRound: (round: StuckRound) => void;
}

export interface StuckRound {
  readonly finished: number;
  /** Transfers that the ledger still keeps waiting, with the last reason. */
  readonly left: number;
  readonly reason: Error | null;
}

/**
 * Finishes transfers that a crash or a ledger that was away left half-way: at the start, and from then on only while
 * there is one. Without any it does nothing, not even look.
 */
export class StuckTransfers {
  readonly #parts: StuckTransfersParts;
  #timer: NodeJS.Timeout | null = null;
  readonly #firstPauseMs: number;
  #pauseMs: number;
  #round: Promise<StuckRound> | null = null;
  #isStopped = false;

  constructor(parts: StuckTransfersParts) {
    this.#parts = parts;
    this.#firstPauseMs = parts.firstPauseMs ?? FIRST_PAUSE_MS;
    this.#pauseMs = this.#firstPauseMs;
    parts.desk.onStuck = (transferId) => {
      this.#arm();
      parts.onStuck?.(transferId);
    };
  }

  /** One round over all that is stuck now; the next one comes by itself when something is left. */
  finishAll(): Promise<StuckRound> {
    this.#round ??= this.#run().finally(() => {
      this.#round = null;
    });
    return this.#round;
  }

  /** @returns when the round under way, if any, has ended; none follows */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#round?.catch(() => undefined);
  }

  async #run(): Promise<StuckRound> {
    const { desk, onRound } = this.#parts;
    const stuck = await desk.list({ isStuck: true, limit: MAX_TRANSFER_ROWS });
    let finished = 0;
    let reason: Error | null = null;
    for (const { transferId } of [...stuck].reverse()) {
      if (this.#isStopped) break;
      try {
        await desk.finish(transferId);
        finished += 1;
      } catch (error) {
        reason = error as Error;
      }
    }
    const round = { finished, left: stuck.length - finished, reason };
    if (stuck.length > 0) onRound(round);
    // A full page may have more behind it.
    if (round.left > 0 || stuck.length === MAX_TRANSFER_ROWS) this.#arm();
    else this.#pauseMs = this.#firstPauseMs;
    return round;
  }

  #arm(): void {
    if (this.#timer !== null || this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.finishAll().catch(() => this.#arm()); // the database is closing, or has told of its end itself
    }, this.#pauseMs).unref();
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }
}
