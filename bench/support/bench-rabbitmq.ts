import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChannelModel, type ConfirmChannel, type ConsumeMessage, connect } from 'amqplib';
import { PrivateRabbitmq } from '../../main/services/private-rabbitmq.ts';
import { declarePartitionQueue } from '../../workers/bus/feed-topology.ts';

/** A message as it was sent, without its queue. */
export interface RecordedMessage {
  readonly content: Buffer;
  readonly messageId: string;
  readonly type: string;
  readonly headers: Record<string, unknown>;
}

/** A broker of the benchmark's own, and what is done with it beside any feed. */
export class BenchRabbitmq {
  readonly #rabbitmq: PrivateRabbitmq;
  readonly #connection: ChannelModel;
  readonly #channel: ConfirmChannel;
  #queueNumber = 0;

  private constructor(rabbitmq: PrivateRabbitmq, connection: ChannelModel, channel: ConfirmChannel) {
    this.#rabbitmq = rabbitmq;
    this.#connection = connection;
    this.#channel = channel;
  }

  static async start(): Promise<BenchRabbitmq> {
    const rabbitmq = await PrivateRabbitmq.start({ folder: mkdtempSync(join(tmpdir(), 'ringbook-bench-')) });
    const connection = await connect(rabbitmq.url, { noDelay: true });
    return new BenchRabbitmq(rabbitmq, connection, await connection.createConfirmChannel());
  }

  get url(): string {
    return this.#rabbitmq.url;
  }

  /** @returns a name that no other run has */
  freshName(): string {
    this.#queueNumber += 1;
    return `bench-${this.#queueNumber}`;
  }

  async declare(queue: string): Promise<void> {
    await declarePartitionQueue(this.#channel, queue);
  }

  async delete(queue: string): Promise<void> {
    await this.#channel.deleteQueue(queue);
  }

  /** Takes everything out of a queue. @returns it in order */
  async drain(queue: string): Promise<RecordedMessage[]> {
    const { messageCount } = await this.#channel.checkQueue(queue);
    const taken: RecordedMessage[] = [];
    if (messageCount === 0) return taken;
    const isEmpty = Promise.withResolvers<void>();
    const onMessage = (message: ConsumeMessage | null): void => {
      if (message === null) {
        isEmpty.reject(new Error(`queue ${queue} was deleted`));
        return;
      }
      const { messageId, type, headers } = message.properties;
      taken.push({ content: message.content, messageId, type, headers: headers ?? {} });
      if (taken.length === messageCount) isEmpty.resolve();
    };
    const { consumerTag } = await this.#channel.consume(queue, onMessage, { noAck: true });
    await isEmpty.promise;
    await this.#channel.cancel(consumerTag);
    return taken;
  }

  /** Sends messages as plainly as the broker takes them, `window` of them unconfirmed. @returns once all are confirmed */
  sendBare(queue: string, messages: readonly RecordedMessage[], window: number): Promise<void> {
    const all = Promise.withResolvers<void>();
    let sent = 0;
    let confirmed = 0;
    const onConfirm = (error: Error | null): void => {
      if (error !== null) all.reject(error);
      confirmed += 1;
      if (confirmed === messages.length) all.resolve();
      else sendMore();
    };
    const sendMore = (): void => {
      for (; sent < messages.length && sent - confirmed < window; sent++) {
        const { content, ...options } = messages[sent]!;
        this.#channel.publish('', queue, content, { ...options, persistent: true, mandatory: true }, onConfirm);
      }
    };
    if (messages.length === 0) all.resolve();
    sendMore();
    return all.promise;
  }

  async close(): Promise<void> {
    await this.#connection.close();
    await this.#rabbitmq.kill();
    rmSync(this.#rabbitmq.folder, { recursive: true, force: true });
  }
}
