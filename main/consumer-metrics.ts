import type { Counter, Gauge } from 'prom-client';
import type { SubscriberPosition, SubscriptionCounts } from '../workers/bus/subscriber-settings.ts';
import type { ProcessMetrics } from './process-metrics.ts';

type Figure = readonly [name: string, help: string, figure: (position: SubscriberPosition) => number];

const FIGURES: readonly Figure[] = [
  [
    'consumer_lag_seconds',
    'Since its publication: age of the oldest batch delivered and not durable; if none waits, what the newest one took',
    ({ lagMs }) => (lagMs ?? 0) / 1_000,
  ],
  [
    'consumer_durable_sequence',
    'The lowest watermark of its partitions, 0 before they were asked',
    ({ watermarks }) => Math.min(...watermarks.map((watermark) => watermark ?? 0)),
  ],
  [
    'consumer_newest_sequence',
    'The highest watermark of its partitions, 0 before they were asked',
    ({ watermarks }) => Math.max(...watermarks.map((watermark) => watermark ?? 0)),
  ],
  ['consumer_waiting_messages', 'Delivered by RabbitMQ and not consumed yet', ({ waitingMessages }) => waitingMessages],
  [
    'consumer_subscribed_partitions',
    'Partitions that RabbitMQ may deliver to this process',
    ({ subscribedPartitions }) => subscribedPartitions.length,
  ],
  [
    'consumer_stopped_partitions',
    'Partitions that can not be followed: status says why',
    ({ failedPartitions }) => failedPartitions.length,
  ],
];

const COUNTS: Readonly<Record<keyof SubscriptionCounts, readonly [name: string, help: string]>> = {
  batches: ['consumer_batches_total', 'Batches consumed'],
  events: ['consumer_events_total', 'Events in them'],
  retries: ['consumer_retries_total', 'Batches tried again after they had failed'],
  rewinds: ['consumer_rewinds_total', 'Asked the publisher to go back, since events were missing'],
  channels: ['consumer_channels_total', 'Channels opened: one a partition, and another for each that was lost'],
};

/** Of consumers that get their events from RabbitMQ, in whichever process they are: the same names, by consumer. */
export class ConsumerMetrics {
  readonly #gauges: readonly { readonly gauge: Gauge; readonly figure: Figure[2] }[];
  readonly #counters: readonly { readonly counter: Counter; readonly name: keyof SubscriptionCounts }[];

  constructor(metrics: ProcessMetrics) {
    this.#gauges = FIGURES.map(([name, help, figure]) => ({ gauge: metrics.gauge(name, help, ['consumer']), figure }));
    this.#counters = (Object.keys(COUNTS) as (keyof SubscriptionCounts)[]).map((name) => {
      const [metric, help] = COUNTS[name];
      return { counter: metrics.counter(metric, `Since this process began: ${help}`, ['consumer']), name };
    });
  }

  set(positions: readonly SubscriberPosition[]): void {
    for (const { gauge, figure } of this.#gauges)
      for (const position of positions) gauge.set({ consumer: position.consumer }, figure(position));
    for (const { counter, name } of this.#counters) {
      counter.reset();
      for (const { consumer, counts } of positions) counter.inc({ consumer }, counts[name]);
    }
  }
}
