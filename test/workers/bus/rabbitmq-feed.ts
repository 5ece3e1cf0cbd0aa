import { randomUUID } from 'node:crypto';
import { AmqpConnection } from '../../../workers/bus/amqp-connection.ts';
import { EventPublisher } from '../../../workers/bus/event-publisher.ts';
import { EventSubscriber } from '../../../workers/bus/event-subscriber.ts';
import type { FeedFailure } from '../../../workers/bus/feed-settings.ts';
import type { EventPublisherSettings } from '../../../workers/bus/publisher-settings.ts';
import type { EventSubscriberSettings } from '../../../workers/bus/subscriber-settings.ts';
import { PARTITIONS } from './event-store.ts';
import type { FeedStart, RunningFeed } from './feed-under-test.ts';

/** @returns a name that no other test has */
export function freshNamespace(): string {
  return `ringbook-test-${randomUUID()}`;
}

export interface RabbitmqFeedStart extends FeedStart {
  readonly url: string;
  readonly namespace: string;
  readonly publisher?: Partial<EventPublisherSettings>;
  readonly subscriber?: Partial<EventSubscriberSettings>;
}

export interface RunningPublisher {
  readonly publisher: EventPublisher;
  readonly troubles: readonly string[];
  readonly failures: readonly FeedFailure[];
  stop(): Promise<void>;
}

export interface RunningSubscriber {
  readonly subscriber: EventSubscriber;
  readonly troubles: readonly string[];
  readonly failures: readonly FeedFailure[];
  stop(): Promise<void>;
}

export function startPublisher(start: RabbitmqFeedStart): RunningPublisher {
  const { url, publisher: more, subscriber: _, partitionCount = PARTITIONS, ...settings } = start;
  const connection = new AmqpConnection({ url, name: 'test publisher' });
  const troubles: string[] = [];
  const failures: FeedFailure[] = [];
  const publisher = new EventPublisher({
    ...settings,
    connection,
    partitionCount,
    onFailure: (failure) => failures.push(failure),
    onTrouble: (text) => troubles.push(text),
    ...more,
  });
  const stop = async (): Promise<void> => {
    await publisher.stop();
    await connection.close();
  };
  return { publisher, troubles, failures, stop };
}

export function startSubscriber(start: RabbitmqFeedStart): RunningSubscriber {
  const { url, namespace, consumers, partitionCount = PARTITIONS, subscriber: more } = start;
  const connection = new AmqpConnection({ url, name: 'test subscriber' });
  const troubles: string[] = [];
  const failures: FeedFailure[] = [];
  const subscriber = new EventSubscriber({
    connection,
    namespace,
    partitionCount,
    firstPauseMs: 5,
    onFailure: (failure) => failures.push(failure),
    onTrouble: (text) => troubles.push(text),
    ...more,
  });
  for (const consumer of consumers) subscriber.subscribe(consumer);
  const stop = async (): Promise<void> => {
    await subscriber.stop();
    await connection.close();
  };
  return { subscriber, troubles, failures, stop };
}

/** Both sides over RabbitMQ. */
export function startFeed(
  start: RabbitmqFeedStart,
): RunningFeed & { readonly published: RunningPublisher; readonly subscribed: RunningSubscriber } {
  const published = startPublisher(start);
  const subscribed = startSubscriber(start);
  return {
    published,
    subscribed,
    progress: published.publisher,
    get failures() {
      return [...published.failures, ...subscribed.failures];
    },
    stop: async () => {
      await published.stop();
      await subscribed.stop();
    },
  };
}
