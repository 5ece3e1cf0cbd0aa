import type { ConfirmChannel, ConsumeMessage } from 'amqplib';
import type { EventBatch } from '../../core/ports/event-feed.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { PoisonMessageError } from './envelope.ts';
import { type BatchHeader, decodeBatch } from './event-batch-message.ts';

export interface Delivery {
  readonly channel: ConfirmChannel; // it can be acknowledged on no other
  readonly message: ConsumeMessage;
  readonly header: BatchHeader;
}

/**
 * Joins deliveries of one partition from the first on, as long as each follows without a gap, and trims what is at or
 * below the watermark.
 * @param deliveries at least one, the first not behind a gap
 * @param limitEvents the first message is taken however large it is
 * @returns the batch, null when there is nothing new in it, and the deliveries that are done with it
 * @throws PoisonMessageError of the first one: a later one ends the batch before it
 */
export function joinBatches(
  deliveries: readonly Delivery[],
  watermark: number,
  limitEvents: number,
  partitionCount: number,
): { readonly batch: EventBatch | null; readonly messages: readonly Delivery[] } {
  const events: ExchangeEvent[] = [];
  const messages: Delivery[] = [];
  let lastSequence = watermark;
  for (const delivery of deliveries) {
    const { header, message } = delivery;
    if (header.beforeSequence > lastSequence) break;
    if (messages.length > 0 && events.length + header.eventCount > limitEvents) break;
    if (header.lastSequence > lastSequence) {
      const batch = decodeUnlessLater(message, header, partitionCount, messages.length > 0);
      if (batch === null) break;
      for (const event of batch.events) if (event.eventSequence > lastSequence) events.push(event);
      lastSequence = header.lastSequence;
    }
    messages.push(delivery);
  }
  const { partition } = deliveries[0]!.header;
  const batch = lastSequence === watermark ? null : { partition, beforeSequence: watermark, lastSequence, events };
  return { batch, messages };
}

function decodeUnlessLater(
  message: ConsumeMessage,
  header: BatchHeader,
  partitionCount: number,
  isLater: boolean,
): EventBatch | null {
  try {
    return decodeBatch(message, header, partitionCount);
  } catch (error) {
    if (isLater && error instanceof PoisonMessageError) return null;
    throw error;
  }
}
