import { type ChannelModel, type ConfirmChannel, type ConsumeMessage, connect } from 'amqplib';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { type RunningBroker, sharedRabbitmq } from '../../support/servers/test-servers.ts';
import { waitUntil } from '../../support/wait-until.ts';

/**
 * What the adapters rely on, each fact by itself, of the broker and the client library that are installed. The event feed
 * does not rely on what a queue still holds after a kill -9: it sends everything after the watermarks again.
 */

let rabbitmq: RunningBroker;
const connections: ChannelModel[] = [];
let queueNumber = 0;

beforeAll(async () => {
  rabbitmq = await sharedRabbitmq();
}, 200_000);

afterEach(async () => {
  for (const connection of connections.splice(0)) await connection.close().catch(() => {});
});

async function openChannel(): Promise<{ connection: ChannelModel; channel: ConfirmChannel }> {
  const connection = await connect(rabbitmq.url);
  connection.on('error', () => {});
  connections.push(connection);
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => {});
  return { connection, channel };
}

async function quorumQueue(channel: ConfirmChannel, queueArguments: Record<string, unknown> = {}): Promise<string> {
  queueNumber += 1;
  const name = `facts.${queueNumber}`;
  const all = { 'x-queue-type': 'quorum', ...queueArguments };
  await channel.assertQueue(name, { durable: true, arguments: all });
  return name;
}

function publish(channel: ConfirmChannel, queue: string, text: string, mandatory = false): Promise<'ACK' | 'NACK'> {
  return new Promise((resolve) => {
    const options = { persistent: true, mandatory, messageId: text };
    channel.publish('', queue, Buffer.from(text), options, (error) => resolve(error === null ? 'ACK' : 'NACK'));
  });
}

async function publishAll(channel: ConfirmChannel, queue: string, texts: readonly string[]): Promise<void> {
  await Promise.all(texts.map((text) => publish(channel, queue, text)));
}

interface Reading {
  readonly messages: ConsumeMessage[];
  readonly cancelled: () => boolean;
}

async function read(channel: ConfirmChannel, queue: string, prefetch: number): Promise<Reading> {
  const messages: ConsumeMessage[] = [];
  let isCancelled = false;
  await channel.prefetch(prefetch);
  await channel.consume(queue, (message) => {
    if (message === null) isCancelled = true;
    else messages.push(message);
  });
  return { messages, cancelled: () => isCancelled };
}

function textsOf(messages: readonly ConsumeMessage[]): string[] {
  return messages.map(({ content }) => content.toString());
}

test('a message that no queue takes is returned first and then confirmed', async () => {
  const { channel } = await openChannel();
  const story: string[] = [];
  channel.on('return', ({ properties }) => story.push(`returned ${properties.messageId}`));
  expect(await publish(channel, 'no such queue', 'lost', true)).toBe('ACK');
  story.push('confirmed');
  expect(story).toEqual(['returned lost', 'confirmed']);
});

test('of two consumers of one queue only the first gets messages, until it goes; then the other gets all it held', async () => {
  const [first, second] = [await openChannel(), await openChannel()];
  const queue = await quorumQueue(first.channel, { 'x-single-active-consumer': true });
  const active = await read(first.channel, queue, 10);
  const standby = await read(second.channel, queue, 10);
  const texts = ['1', '2', '3', '4', '5'];
  await publishAll(first.channel, queue, texts);
  await waitUntil(() => active.messages.length === 5, 'five messages at the active consumer');
  expect(standby.messages).toEqual([]);
  first.channel.ack(active.messages[1]!, true);
  await waitUntil(async () => (await second.channel.checkQueue(queue)).messageCount === 0, 'an empty queue');
  await first.connection.close();
  await waitUntil(() => standby.messages.length === 3, 'three messages at the other');
  expect(textsOf(standby.messages)).toEqual(['3', '4', '5']);
  expect(standby.messages.every(({ fields }) => fields.redelivered)).toBe(true);
});

test('prefetch bounds what is delivered; one acknowledgement of many makes room for as many', async () => {
  const { channel } = await openChannel();
  const queue = await quorumQueue(channel);
  const texts = Array.from({ length: 30 }, (_, index) => String(index));
  await publishAll(channel, queue, texts);
  const { messages } = await read(channel, queue, 8);
  await waitUntil(() => messages.length === 8, 'eight messages');
  await channel.checkQueue(queue); // anything that was on its way has come
  expect(messages).toHaveLength(8);
  channel.ack(messages[7]!, true);
  await waitUntil(() => messages.length === 16, 'eight more');
  await channel.checkQueue(queue);
  expect(textsOf(messages)).toEqual(texts.slice(0, 16));
});

test('a purge takes away what is ready and leaves what is delivered', async () => {
  const { channel } = await openChannel();
  const other = await openChannel();
  const queue = await quorumQueue(channel);
  await publishAll(channel, queue, ['1', '2', '3', '4']);
  const { messages } = await read(channel, queue, 2);
  await waitUntil(() => messages.length === 2, 'two messages');
  expect(await other.channel.purgeQueue(queue)).toEqual({ messageCount: 2 });
  await publish(other.channel, queue, '5');
  channel.ack(messages[1]!, true);
  await waitUntil(() => messages.length === 3, 'what was published after the purge');
  expect(textsOf(messages)).toEqual(['1', '2', '5']);
});

test('a consumer is told when its queue is deleted; its channel lives on, and the queue can be declared again', async () => {
  const { channel } = await openChannel();
  const other = await openChannel();
  const queue = await quorumQueue(channel);
  const { cancelled } = await read(channel, queue, 1);
  await other.channel.deleteQueue(queue);
  await waitUntil(cancelled, 'basic.cancel');
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  const again = await read(channel, queue, 1);
  await publish(other.channel, queue, 'after');
  await waitUntil(() => again.messages.length === 1, 'a message of the new queue');
});

test('a declaration that differs, and a queue that is not there, close the channel alone', async () => {
  const { connection, channel } = await openChannel();
  const queue = await quorumQueue(channel);
  const closed = new Promise((resolve) => channel.once('close', resolve));
  await expect(channel.assertQueue(queue, { durable: true })).rejects.toThrow('PRECONDITION_FAILED');
  await closed;
  const next = await connection.createConfirmChannel();
  next.on('error', () => {});
  await expect(next.checkQueue('no such queue')).rejects.toThrow('NOT_FOUND');
  expect(() => next.ack({ fields: { deliveryTag: 1 } } as ConsumeMessage)).toThrow('Channel closed'); // told at once
  await connection.createChannel();
});

test('whole numbers up to 2^53 - 1 in headers come back as they were', async () => {
  const { channel } = await openChannel();
  const queue = await quorumQueue(channel);
  const headers = { zero: 0, byte: 255, word: 2 ** 31, large: 2 ** 32 + 1, largest: Number.MAX_SAFE_INTEGER };
  channel.sendToQueue(queue, Buffer.alloc(0), { headers });
  await channel.waitForConfirms();
  const message = await channel.get(queue, { noAck: true });
  if (message === false) throw new Error('no message');
  expect(message.properties.headers).toMatchObject(headers);
});

test('what a queue has no room for is refused, not dropped', async () => {
  const { channel } = await openChannel();
  const queue = await quorumQueue(channel, { 'x-max-length': 1, 'x-overflow': 'reject-publish' });
  const answers: string[] = [];
  for (let number = 0; number < 20; number++) answers.push(await publish(channel, queue, String(number)));
  expect(answers[0]).toBe('ACK');
  expect(answers).toContain('NACK');
});
