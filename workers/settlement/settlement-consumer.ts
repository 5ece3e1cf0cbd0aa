import { setTimeout as sleep } from 'node:timers/promises';
import type { Catalogue } from '../../core/money/catalogue.ts';
import type { EventBatch, EventConsumer } from '../../core/ports/event-feed.ts';
import { type Ledger, LedgerUnavailableError } from '../../core/ports/ledger.ts';
import { effectsOf } from './legs.ts';

/** The ledger lacks events before this batch: nothing of it was applied. */
export class SettlementGapError extends Error {
  override readonly name = 'SettlementGapError';
  readonly code = 'SETTLEMENT_GAP';
  readonly partition: number;
  readonly beforeSequence: number;
  readonly watermark: number;

  constructor(partition: number, beforeSequence: number, watermark: number) {
    super(
      `settlement of partition ${partition}: a batch follows event ${beforeSequence}, but the ledger has settled only ` +
        `through event ${watermark}; nothing was applied. Deliver the events after ${watermark} first.`,
    );
    this.partition = partition;
    this.beforeSequence = beforeSequence;
    this.watermark = watermark;
  }
}

/** Its name as a consumer. */
export const SETTLEMENT = 'settlement';

/** Between two tries while the ledger can't be asked. */
const UNAVAILABLE_PAUSE_MS = 200;

/**
 * Moves balances as events say. Its watermarks live in the ledger, committed together with what they stand for. A ledger
 * that can't be asked is waited for, in place: nothing is passed over, and what may have been applied is brought again.
 */
export class SettlementConsumer implements EventConsumer {
  readonly name = SETTLEMENT;
  readonly #ledger: Pick<Ledger, 'settle' | 'watermarks'>;
  readonly #catalogue: Catalogue;
  readonly #signal: AbortSignal | null;

  /**
   * @param catalogue filled by the thread's reader of definitions before the events that need them are delivered
   * @param signal ends the waiting for a ledger that can't be asked: what waits is rejected with its trouble
   */
  constructor(ledger: Pick<Ledger, 'settle' | 'watermarks'>, catalogue: Catalogue, signal: AbortSignal | null = null) {
    this.#ledger = ledger;
    this.#catalogue = catalogue;
    this.#signal = signal;
  }

  watermarks(): Promise<readonly number[]> {
    return this.#patiently(() => this.#ledger.watermarks());
  }

  /** @throws SettlementGapError, LedgerInvariantError, InvariantError: nothing of the batch was applied */
  async consume(batch: EventBatch): Promise<void> {
    const { partition, beforeSequence, lastSequence, events } = batch;
    const timestampMs = events.at(-1)?.timestampMs ?? 0;
    const effects = effectsOf(events, this.#catalogue);
    const settlement = { partition, beforeSequence, lastSequence, timestampMs, ...effects };
    const answer = await this.#patiently(() => this.#ledger.settle(settlement));
    if (answer.outcome === 'GAP') throw new SettlementGapError(partition, beforeSequence, answer.watermark);
  }

  async #patiently<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof LedgerUnavailableError) || this.#signal?.aborted === true) throw error;
        await sleep(UNAVAILABLE_PAUSE_MS);
      }
    }
  }
}
