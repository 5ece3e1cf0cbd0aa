import type { EventConsumer } from '../../core/ports/event-feed.ts';
import { AmqpConnection } from '../../workers/bus/amqp-connection.ts';
import { EventPublisher } from '../../workers/bus/event-publisher.ts';
import { EventSubscriber } from '../../workers/bus/event-subscriber.ts';
import { partitionQueue } from '../../workers/bus/feed-topology.ts';
import type { BenchRabbitmq } from './bench-rabbitmq.ts';

export const PARTITIONS = 8;
const TURN_MS = 1;

/** Publisher and, where it is asked for, subscriber of a run; the end of the log is announced by whoever measures. */
export class BusFeed {
  readonly publisher: EventPublisher;
  readonly #rabbitmq: BenchRabbitmq;
  readonly #namespace: string;
  readonly #consumers: readonly EventConsumer[];
  readonly #connections: AmqpConnection[] = [];
  readonly #subscriber: EventSubscriber | null;
  #endSequence = 1; // the first event finds the queues declared; everything else is timed

  private constructor(
    rabbitmq: BenchRabbitmq,
    folder: string,
    consumers: readonly EventConsumer[],
    isSubscribed: boolean,
    windowBatches: number,
  ) {
    this.#rabbitmq = rabbitmq;
    this.#namespace = rabbitmq.freshName();
    this.#consumers = consumers;
    const onFailure = ({ error }: { error: Error }): void => console.error(error);
    const shared = { namespace: this.#namespace, partitionCount: PARTITIONS, onFailure };
    this.publisher = new EventPublisher({
      ...shared,
      connection: this.#connect('bench publisher'),
      folder,
      endSequence: () => this.#endSequence,
      consumers,
      windowBatches,
    });
    this.#subscriber = isSubscribed
      ? new EventSubscriber({ ...shared, connection: this.#connect('bench worker') })
      : null;
    for (const consumer of consumers) this.#subscriber?.subscribe(consumer);
  }

  /** @returns a feed that has published the log's first event; subscribed, it has been consumed as well */
  static async publishing(rabbitmq: BenchRabbitmq, folder: string, consumer: EventConsumer): Promise<BusFeed> {
    const feed = new BusFeed(rabbitmq, folder, [consumer], false, Infinity);
    await feed.confirmedThrough(1);
    return feed;
  }

  static async consuming(
    rabbitmq: BenchRabbitmq,
    folder: string,
    consumers: readonly EventConsumer[],
  ): Promise<BusFeed> {
    const feed = new BusFeed(rabbitmq, folder, consumers, true, 16);
    await feed.publisher.settledThrough(1);
    return feed;
  }

  get queues(): string[] {
    return this.#consumers.flatMap(({ name }) =>
      Array.from({ length: PARTITIONS }, (_, partition) => partitionQueue(this.#namespace, name, partition)),
    );
  }

  announce(endSequence: number): void {
    this.#endSequence = endSequence;
    this.publisher.wake();
  }

  /** @returns once the broker has confirmed everything up to that event */
  async confirmedThrough(eventSequence: number): Promise<void> {
    for (;;) {
      const { publishedSequence, unconfirmedBatches } = this.publisher.positions()[0]!;
      if (publishedSequence >= eventSequence && unconfirmedBatches === 0) return;
      await new Promise((resolve) => setTimeout(resolve, TURN_MS));
    }
  }

  async close(): Promise<void> {
    await this.publisher.stop();
    await this.#subscriber?.stop();
    for (const connection of this.#connections) await connection.close();
    for (const queue of this.queues) await this.#rabbitmq.delete(queue);
  }

  #connect(name: string): AmqpConnection {
    const connection = new AmqpConnection({ url: this.#rabbitmq.url, name });
    this.#connections.push(connection);
    return connection;
  }
}
