import type { EventBatch, EventConsumer } from '../../core/ports/event-feed.ts';
import { EventKind } from '../../core/protocol/kinds.ts';
import { EventGapError } from '../storage/view-database.ts';
import type { KlineWriter } from './kline-writer.ts';
import { MinuteParts } from './minute-parts.ts';

/**
 * Sums trades into candles of all sizes and the market info. A batch's effect, its watermark with it, is one transaction:
 * a repeat of events that are in it already changes nothing.
 */
export class KlinesConsumer implements EventConsumer {
  readonly name = 'klines';
  /** A batch writes each open candle once, however many trades it has: large batches write little. */
  readonly batchEvents = 4_096;
  readonly #writer: KlineWriter;

  constructor(writer: KlineWriter) {
    this.#writer = writer;
  }

  async watermarks(): Promise<readonly number[]> {
    return [...this.#writer.watermarks];
  }

  /** @throws EventGapError, InvariantError, with nothing stored; DatabaseError, which is fatal (GroupCommit) */
  consume({ partition, beforeSequence, lastSequence, events }: EventBatch): Promise<void> {
    const writer = this.#writer;
    return writer.inTurn(partition, async () => {
      const watermark = writer.watermarks[partition]!;
      if (beforeSequence > watermark) throw new EventGapError(this.name, partition, beforeSequence, watermark);
      if (lastSequence <= watermark) return;
      const parts = new MinuteParts((instrumentId) => writer.quoteUnitsPerTickLot(instrumentId));
      for (const event of events)
        if (event.kind === EventKind.FILLED && event.eventSequence > watermark) parts.add(event);
      await writer.add(partition, lastSequence, parts.finish());
    });
  }
}
