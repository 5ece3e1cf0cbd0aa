import type { Catalogue } from '../../core/money/catalogue.ts';
import type { EventBatch, EventConsumer, Ledger } from '../../core/ports.ts';
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

/** Moves balances as events say. Its watermarks live in the ledger, committed together with what they stand for. */
export class SettlementConsumer implements EventConsumer {
  readonly name = 'settlement';
  readonly #ledger: Ledger;
  readonly #catalogue: Catalogue;

  /** @param catalogue filled by the thread's reader of definitions before the events that need them are delivered */
  constructor(ledger: Ledger, catalogue: Catalogue) {
    this.#ledger = ledger;
    this.#catalogue = catalogue;
  }

  watermarks(): Promise<readonly number[]> {
    return this.#ledger.watermarks();
  }

  /** @throws SettlementGapError, LedgerInvariantError, InvariantError: nothing of the batch was applied */
  async consume(batch: EventBatch): Promise<void> {
    const { partition, beforeSequence, lastSequence, events } = batch;
    const timestampMs = events.at(-1)?.timestampMs ?? 0;
    const effects = effectsOf(events, this.#catalogue);
    const answer = await this.#ledger.settle({ partition, beforeSequence, lastSequence, timestampMs, ...effects });
    if (answer.outcome === 'GAP') throw new SettlementGapError(partition, beforeSequence, answer.watermark);
  }
}
