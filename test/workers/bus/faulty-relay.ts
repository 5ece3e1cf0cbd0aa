import { type ChannelModel, type ConfirmChannel, type ConsumeMessage, connect } from 'amqplib';
import { declareControl, declarePartitionQueue, partitionQueue } from '../../../workers/bus/feed-topology.ts';
import { PARTITIONS } from './event-store.ts';

/** What becomes of a message: copies to be sent at once, and whether one is kept back until the next has been sent. */
export interface Fate {
  readonly copies: number;
  readonly isHeldBack?: boolean;
}

/** Stands between publisher and subscribers, each with its namespace, and loses, doubles and shuffles what it passes on. */
export class FaultyRelay {
  readonly #connection: ChannelModel;
  passedCount = 0;

  private constructor(connection: ChannelModel) {
    this.#connection = connection;
  }

  /** To be started before the publisher: the queues of both sides must not be declared by two at once. */
  static async start(
    url: string,
    [from, to]: readonly [string, string],
    consumer: string,
    fateOf: (message: ConsumeMessage) => Fate,
  ): Promise<FaultyRelay> {
    const connection = await connect(url);
    connection.on('error', () => {});
    const channel = await connection.createConfirmChannel();
    const relay = new FaultyRelay(connection);
    await declareControl(channel, from);
    await declareControl(channel, to);
    await channel.bindExchange(`${from}.events.control`, `${to}.events.control`, '');
    await channel.prefetch(1); // the publisher's window is filled behind it
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const [source, target] = [partitionQueue(from, consumer, partition), partitionQueue(to, consumer, partition)];
      await declarePartitionQueue(channel, source);
      await declarePartitionQueue(channel, target);
      await relay.#pass(channel, source, target, fateOf);
    }
    return relay;
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async #pass(
    channel: ConfirmChannel,
    source: string,
    target: string,
    fateOf: (message: ConsumeMessage) => Fate,
  ): Promise<void> {
    let heldBack: ConsumeMessage | null = null;
    const send = ({ content, properties }: ConsumeMessage): void => {
      const { messageId, type, headers } = properties;
      channel.sendToQueue(target, content, { messageId, type, headers, persistent: true });
    };
    await channel.consume(source, (message) => {
      if (message === null) return;
      this.passedCount += 1;
      const { copies, isHeldBack } = fateOf(message);
      for (let copy = 0; copy < copies; copy++) send(message);
      if (heldBack !== null) send(heldBack);
      heldBack = isHeldBack === true ? message : null;
      channel.ack(message);
    });
  }
}
