import type { ConsumeMessage } from 'amqplib';
import { describe, expect, test } from 'vitest';
import { partitionOf, partitionOfRecord } from '../../../core/ports/event-feed.ts';
import { decodeEvent } from '../../../core/protocol/event-decoder.ts';
import { EVENT, eventSlots } from '../../../core/protocol/event-record.ts';
import { RecordWindow, SLOT_BYTES } from '../../../core/protocol/record-window.ts';
import { PoisonMessageError } from '../../../workers/bus/envelope.ts';
import { batchOptions, decodeBatch, readBatchHeader } from '../../../workers/bus/event-batch-message.ts';
import { joinBatches } from '../../../workers/bus/joined-batch.ts';
import * as goldenRecords from '../../support/golden-event-records.ts';

const records = Object.entries(goldenRecords);

/** Records as an event log would number them, from 11 on, with gaps where other partitions' events are. */
function bodyOf(sequences: readonly number[]): Buffer {
  const parts = sequences.map((sequence, index) => {
    const bytes = Uint8Array.from(records[index % records.length]![1]);
    const window = new RecordWindow(bytes.buffer);
    window.f64[EVENT.EVENT_SEQUENCE >> 3] = sequence;
    return bytes;
  });
  return Buffer.concat([Buffer.alloc(3), ...parts]).subarray(3); // at an odd place, as a socket's buffers are
}

interface MessageChange {
  readonly headers?: Record<string, unknown>;
  readonly properties?: Record<string, unknown>;
  readonly content?: Buffer;
}

function messageOf(sequences: readonly number[], change: MessageChange = {}): ConsumeMessage {
  const [beforeSequence, lastSequence] = [10, 40];
  const eventCount = sequences.length;
  const header = { partition: 0, beforeSequence, lastSequence, eventCount, firstPublishedMs: 1_760_000_000_000 };
  const options = batchOptions('a message', header);
  const properties = { ...options, headers: { ...options.headers, ...change.headers }, ...change.properties };
  return { content: change.content ?? bodyOf(sequences), fields: {}, properties } as unknown as ConsumeMessage;
}

function decoded(message: ConsumeMessage) {
  return decodeBatch(message, readBatchHeader(message, 0), 1);
}

test.each(records)('the partition of a record is that of the event: %s', (_, bytes) => {
  const window = new RecordWindow(Uint8Array.from(bytes).buffer);
  const event = decodeEvent(window, 0, SLOT_BYTES);
  for (const partitionCount of [1, 7, 8, 64])
    expect(partitionOfRecord(window, 0, partitionCount)).toBe(partitionOf(event, partitionCount));
});

test('events of every kind, one of two slots among them, come back as they were', () => {
  const sequences = records.map((_, index) => 11 + index);
  expect(records.some(([, bytes]) => eventSlots(new RecordWindow(Uint8Array.from(bytes).buffer), 0) === 2)).toBe(true);
  const { events, ...rest } = decoded(messageOf(sequences));
  expect(rest).toEqual({ partition: 0, beforeSequence: 10, lastSequence: 40 });
  for (const [index, [, bytes]] of records.entries()) {
    const window = new RecordWindow(Uint8Array.from(bytes).buffer);
    expect(events[index]).toEqual({ ...decodeEvent(window, 0, SLOT_BYTES), eventSequence: sequences[index] });
  }
});

describe('what is no batch of ours is poison:', () => {
  const unknownKind = bodyOf([11]);
  unknownKind[EVENT.KIND] = 99;
  const cases: [string, ConsumeMessage, RegExp][] = [
    ['no message id', messageOf([11], { properties: { messageId: undefined } }), /message id/],
    ['no type', messageOf([11], { properties: { type: undefined } }), /no type/],
    ['another type', messageOf([11], { properties: { type: 'notice' } }), /of type notice/],
    ['a version to come', messageOf([11], { headers: { version: 3 } }), /same release everywhere/],
    ['no headers', messageOf([11], { properties: { headers: undefined } }), /header version is undefined/],
    ['text for a number', messageOf([11], { headers: { firstPublishedMs: '0' } }), /firstPublishedMs/],
    [
      'a table for a number',
      messageOf([11], { headers: { partition: { toString: 'x' } } }),
      /partition is \{ toString/,
    ],
    ['a negative sequence', messageOf([11], { headers: { beforeSequence: -1 } }), /beforeSequence is -1/],
    ['a fraction', messageOf([11], { headers: { lastSequence: 11.5 } }), /lastSequence is 11.5/],
    ['a number above 2^53', messageOf([11], { headers: { lastSequence: 2 ** 53 } }), /lastSequence/],
    ['another partition', messageOf([11], { headers: { partition: 3 } }), /partition 3/],
    ['an end before its begin', messageOf([11], { headers: { lastSequence: 10 } }), /10 is not after 10/],
    ['half a slot', messageOf([11], { content: bodyOf([11]).subarray(0, 100) }), /no whole slots/],
    ['half a record', messageOf([11], { content: bodyOf([11]).subarray(0, SLOT_BYTES) }), /cut off/],
    ['an unknown kind', messageOf([11], { content: unknownKind }), /99/],
    ['an event before it', messageOf([10]), /event 10 after 10/],
    ['an event behind it', messageOf([41]), /event 41/],
    ['events out of order', messageOf([12, 11]), /event 11 after 12/],
    ['an event twice', messageOf([11, 11]), /event 11 after 11/],
    ['fewer events than it says', messageOf([11, 12], { headers: { eventCount: 3 } }), /2 events, not 3/],
  ];
  test.each(cases)('%s', (_, message, reason) => {
    expect(() => decoded(message)).toThrow(PoisonMessageError);
    expect(() => decoded(message)).toThrow(reason);
  });
});

test('a message of the release before, with headers that are gone, is read', () => {
  const sequences = [11, 12];
  const earlier = messageOf(sequences, { headers: { version: 1, hopCount: 0 } });
  expect(decoded(earlier)).toEqual(decoded(messageOf(sequences)));
});

test('what is said of a poison header is short, however long that is', () => {
  const message = messageOf([11], { headers: { partition: 'x'.repeat(3_000) } });
  expect(() => decoded(message)).toThrow(/^.{30,300}$/);
});

test('an event of another partition than its message is poison', () => {
  const message = messageOf([11], { headers: { partition: 1 } }); // instrument 0x0203
  expect(() => decodeBatch(message, readBatchHeader(message, 1), 8)).toThrow(/another partition/);
});

describe('deliveries are joined', () => {
  const channel = {} as never;
  const delivery = (beforeSequence: number, lastSequence: number, sequences: readonly number[]) => {
    const message = messageOf(sequences, { headers: { beforeSequence, lastSequence } });
    return { channel, message, header: readBatchHeader(message, 0) };
  };
  const first = delivery(10, 12, [11, 12]);
  const second = delivery(12, 20, [15]);
  const join = (deliveries: Parameters<typeof joinBatches>[0], watermark: number, limit: number) => {
    const { batch, messages } = joinBatches(deliveries, watermark, limit, 1);
    const sequences = batch?.events.map(({ eventSequence }) => eventSequence);
    return { from: batch?.beforeSequence, to: batch?.lastSequence, sequences, messageCount: messages.length };
  };

  test('up to the size asked for; the first whatever its size', () => {
    expect(join([first, second], 10, 3)).toEqual({ from: 10, to: 20, sequences: [11, 12, 15], messageCount: 2 });
    expect(join([first, second], 10, 2)).toEqual({ from: 10, to: 12, sequences: [11, 12], messageCount: 1 });
    expect(join([first, second], 10, 0)).toEqual({ from: 10, to: 12, sequences: [11, 12], messageCount: 1 });
  });

  test('without what is at or below the watermark', () => {
    expect(join([first, second], 11, 9)).toEqual({ from: 11, to: 20, sequences: [12, 15], messageCount: 2 });
    expect(join([first, second], 13, 9)).toEqual({ from: 13, to: 20, sequences: [15], messageCount: 2 });
    expect(join([first, second], 15, 9)).toEqual({ from: 15, to: 20, sequences: [], messageCount: 2 });
    expect(join([first, second], 20, 9)).toMatchObject({ messageCount: 2, sequences: undefined });
  });

  test('not over a gap, and not with one that is poison', () => {
    const behindGap = delivery(21, 30, [25]);
    expect(join([first, second, behindGap], 10, 9)).toMatchObject({ to: 20, messageCount: 2 });
    const poison = { ...second, message: messageOf([99]) };
    expect(join([first, poison], 10, 9)).toMatchObject({ to: 12, messageCount: 1 });
    expect(() => joinBatches([poison], 12, 9, 1)).toThrow(PoisonMessageError);
  });

  test('cut differently, again and again, they give each event once', () => {
    const overlapping = [delivery(10, 12, [11, 12]), delivery(10, 15, [11, 12, 15]), delivery(12, 20, [15])];
    expect(join(overlapping, 10, 99)).toEqual({ from: 10, to: 20, sequences: [11, 12, 15], messageCount: 3 });
  });
});
