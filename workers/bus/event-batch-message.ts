import type { Message, Options } from 'amqplib';
import { type EventBatch, partitionOf } from '../../core/ports/event-feed.ts';
import { decodeEvent, type ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { eventSlots } from '../../core/protocol/event-record.ts';
import { RecordWindow, SLOT_BYTES } from '../../core/protocol/record-window.ts';
import { envelopeOptions, PoisonMessageError, readEnvelope, readField } from './envelope.ts';

/**
 * A batch of events as a message: headers `partition`, `beforeSequence`, `lastSequence`, `eventCount` and
 * `firstPublishedMs` beside the envelope's; the body is the events' records as the event log has them, slot by slot.
 */
const TYPE = 'events';
const VERSION = 2;
/** The first one had a header more, a hop count that was always 0. */
const KNOWN_VERSIONS: readonly number[] = [1, VERSION];

export interface BatchHeader {
  readonly partition: number;
  readonly beforeSequence: number;
  readonly lastSequence: number;
  readonly eventCount: number;
  /** When the oldest of its events was first sent, by the publisher's wall clock. */
  readonly firstPublishedMs: number;
}

/** @param messageId names the copy: no other one on its way has it */
export function batchOptions(
  messageId: string,
  { partition, beforeSequence, lastSequence, eventCount, firstPublishedMs }: BatchHeader,
): Options.Publish & { readonly messageId: string } {
  const envelope = { messageId, type: TYPE, version: VERSION };
  return envelopeOptions(envelope, { partition, beforeSequence, lastSequence, eventCount, firstPublishedMs });
}

/**
 * @param partition that the message's queue is for
 * @throws PoisonMessageError
 */
export function readBatchHeader(message: Message, partition: number): BatchHeader {
  const { messageId, type, version } = readEnvelope(message);
  if (type !== TYPE) throw new PoisonMessageError(`message ${messageId} is of type ${type}, not ${TYPE}`);
  if (!KNOWN_VERSIONS.includes(version))
    throw new PoisonMessageError(
      `message ${messageId} has version ${version}, and this program knows ${VERSION}: run the same release everywhere`,
    );
  const header = {
    partition: readField(message, 'partition'),
    beforeSequence: readField(message, 'beforeSequence'),
    lastSequence: readField(message, 'lastSequence'),
    eventCount: readField(message, 'eventCount'),
    firstPublishedMs: readField(message, 'firstPublishedMs'),
  };
  if (header.partition !== partition)
    throw new PoisonMessageError(`message ${messageId} is for partition ${header.partition}, not ${partition}`);
  if (header.lastSequence <= header.beforeSequence)
    throw new PoisonMessageError(`message ${messageId}: ${header.lastSequence} is not after ${header.beforeSequence}`);
  return header;
}

/**
 * @param partitionCount of the feed
 * @returns the batch with all its events
 * @throws PoisonMessageError
 */
export function decodeBatch(message: Message, header: BatchHeader, partitionCount: number): EventBatch {
  const { partition, beforeSequence, lastSequence, eventCount } = header;
  const refuse = (problem: string): never => {
    throw new PoisonMessageError(`message ${String(message.properties.messageId)}: ${problem}`);
  };
  const byteLength = message.content.byteLength;
  if (byteLength % SLOT_BYTES !== 0) refuse(`${byteLength} bytes are no whole slots`);
  const window = new RecordWindow(Uint8Array.from(message.content).buffer); // the library's own lies anywhere
  const events: ExchangeEvent[] = [];
  let previous = beforeSequence;
  for (let at = 0; at < byteLength; ) {
    const slots = eventSlots(window, at);
    if (at + slots * SLOT_BYTES > byteLength) refuse('its last record is cut off');
    const event = decodeOrRefuse(window, at, refuse);
    const { eventSequence } = event;
    if (!Number.isSafeInteger(eventSequence) || eventSequence <= previous || eventSequence > lastSequence)
      refuse(`event ${eventSequence} after ${previous} in a batch through ${lastSequence}`);
    if (partitionOf(event, partitionCount) !== partition) refuse(`event ${eventSequence} is of another partition`);
    events.push(event);
    previous = eventSequence;
    at += slots * SLOT_BYTES;
  }
  if (events.length !== eventCount) refuse(`${events.length} events, not ${eventCount}`);
  return { partition, beforeSequence, lastSequence, events };
}

function decodeOrRefuse(window: RecordWindow, at: number, refuse: (problem: string) => never): ExchangeEvent {
  try {
    return decodeEvent(window, at, at + SLOT_BYTES);
  } catch (error) {
    return refuse((error as Error).message);
  }
}
