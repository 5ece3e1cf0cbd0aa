import type { EventConsumer, EventSubscriptions } from '../../core/ports/event-feed.ts';
import { PartitionSubscription } from './partition-subscription.ts';
import type { EventSubscriberSettings, SubscriberPosition, SubscriptionCounts } from './subscriber-settings.ts';

/**
 * Brings consumers their events from RabbitMQ: each partition by a channel of its own, in order, side by side with the
 * others, acknowledged when its effect is durable. A second process that subscribes the same consumer gets nothing until
 * the first is gone.
 */
export class EventSubscriber implements EventSubscriptions {
  readonly #settings: EventSubscriberSettings;
  readonly #consumers = new Map<string, readonly PartitionSubscription[]>();

  constructor(settings: EventSubscriberSettings) {
    this.#settings = settings;
  }

  /** Begins at once, or when the broker is there. */
  subscribe(consumer: EventConsumer): void {
    const partitions = Array.from(
      { length: this.#settings.partitionCount },
      (_, partition) => new PartitionSubscription(consumer, partition, this.#settings),
    );
    this.#consumers.set(consumer.name, partitions);
  }

  positions(): SubscriberPosition[] {
    return [...this.#consumers].map(([consumer, partitions]) => ({
      consumer,
      watermarks: partitions.map(({ watermark }) => watermark),
      failedPartitions: partitions.filter(({ hasFailed }) => hasFailed).map(({ partition }) => partition),
      subscribedPartitions: partitions.filter(({ isSubscribed }) => isSubscribed).map(({ partition }) => partition),
      lagMs: lagMsOf(partitions),
      waitingMessages: partitions.reduce((sum, { waitingMessages }) => sum + waitingMessages, 0),
      counts: sumOf(partitions.map(({ counts }) => counts)),
    }));
  }

  /** Finishes and acknowledges the batches under way. The rest stays with the broker. */
  async stop(): Promise<void> {
    await Promise.all([...this.#consumers.values()].flat().map((partition) => partition.stop()));
  }
}

function lagMsOf(partitions: readonly PartitionSubscription[]): number | null {
  const waiting = partitions.map(({ waitingSinceMs }) => waitingSinceMs).filter((sinceMs) => sinceMs !== null);
  if (waiting.length > 0) return Math.max(0, Date.now() - Math.min(...waiting));
  let newest: PartitionSubscription | null = null;
  for (const partition of partitions) if (partition.consumedAtMs > (newest?.consumedAtMs ?? 0)) newest = partition;
  return newest === null ? null : newest.lagMs;
}

function sumOf(all: readonly Readonly<SubscriptionCounts>[]): SubscriptionCounts {
  const sum: SubscriptionCounts = { batches: 0, events: 0, retries: 0, rewinds: 0, channels: 0 };
  for (const counts of all) for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += counts[name];
  return sum;
}
