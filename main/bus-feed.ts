import { AmqpConnection, type AmqpConnectionState } from '../workers/bus/amqp-connection.ts';
import { EventPublisher } from '../workers/bus/event-publisher.ts';
import { EventSubscriber } from '../workers/bus/event-subscriber.ts';
import type { FeedFailure } from '../workers/bus/feed-settings.ts';
import type { SubscriberPosition } from '../workers/bus/subscriber-settings.ts';
import type { ExchangeFeed, ExchangeFeedSettings, FeedConsumers, FeedPosition } from './exchange-feed.ts';

export interface BusSettings extends ExchangeFeedSettings {
  readonly url: string;
  readonly namespace: string;
  /** Events can't be read from the log any more, or it lacks what was consumed. */
  readonly onLogFailure: (failure: FeedFailure) => void;
}

/** Through RabbitMQ: published from the event log, and brought from there to consumers of this process, if it has some. */
export class BusFeed implements ExchangeFeed {
  readonly #settings: BusSettings;
  readonly #publishing: AmqpConnection;
  #consuming: AmqpConnection | null = null;
  #publisher: EventPublisher | null = null;
  #subscriber: EventSubscriber | null = null;

  /** Begins to connect. */
  constructor(settings: BusSettings) {
    this.#settings = settings;
    this.#publishing = new AmqpConnection({ url: settings.url, name: 'publisher' });
  }

  get bus(): AmqpConnectionState {
    return this.#publishing.state;
  }

  begin({ here, elsewhere }: FeedConsumers): void {
    const { url, namespace, dataFolder, partitionCount, endSequence, onAdvance } = this.#settings;
    const { onFailure, onLogFailure, onTrouble } = this.#settings;
    this.#publisher = new EventPublisher({
      connection: this.#publishing,
      namespace,
      folder: dataFolder,
      partitionCount,
      endSequence,
      consumers: [...here, ...elsewhere],
      onAdvance,
      onFailure: onLogFailure,
      onTrouble,
    });
    if (here.length === 0) return;
    this.#consuming = new AmqpConnection({ url, name: 'consumers' });
    this.#subscriber = new EventSubscriber({
      connection: this.#consuming,
      namespace,
      partitionCount,
      onFailure,
      onTrouble,
    });
    for (const consumer of here) this.#subscriber.subscribe(consumer);
  }

  wake(): void {
    this.#publisher?.wake();
  }

  get durableSequence(): number {
    return this.#publisher?.durableSequence ?? 0;
  }

  advanceWatermarks(): void {
    this.#publisher?.advanceWatermarks();
  }

  settledThrough(eventSequence: number, consumer?: string): Promise<void> {
    return this.#publisher!.settledThrough(eventSequence, consumer);
  }

  positions(): FeedPosition[] {
    return this.#publisher?.positions() ?? [];
  }

  subscriptions(): SubscriberPosition[] {
    return this.#subscriber?.positions() ?? [];
  }

  async stop(): Promise<void> {
    await this.#publisher?.stop();
    await this.#subscriber?.stop();
    await Promise.all([this.#publishing.close(), this.#consuming?.close()]);
  }
}
