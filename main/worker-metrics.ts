import type { Counter, Gauge } from 'prom-client';
import type { AmqpConnection } from '../workers/bus/amqp-connection.ts';
import type { EventSubscriber } from '../workers/bus/event-subscriber.ts';
import type { SubscriberPosition, SubscriptionCounts } from '../workers/bus/subscriber-settings.ts';
import { ProcessMetrics, setTotal } from './process-metrics.ts';

export interface WorkerMetricSources {
  readonly connection: Pick<AmqpConnection, 'state' | 'connectCount'>;
  readonly subscriber: Pick<EventSubscriber, 'positions'>;
}

type Figure = readonly [name: string, help: string, figure: (position: SubscriberPosition) => number];

const FIGURES: readonly Figure[] = [
  [
    'consumer_lag_seconds',
    'Of the newest batch with events: from its oldest event until it was durable; 0 before the first',
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

/** The metrics of a process of consumers. Nothing is measured between two questions. */
export class WorkerMetrics {
  readonly #metrics = new ProcessMetrics();
  readonly #sources: WorkerMetricSources;
  readonly #uptime: Gauge;
  readonly #connected: Gauge;
  readonly #connects: Counter;
  readonly #gauges: readonly { readonly gauge: Gauge; readonly figure: Figure[2] }[];
  readonly #counters: readonly { readonly counter: Counter; readonly name: keyof SubscriptionCounts }[];

  constructor(sources: WorkerMetricSources) {
    this.#sources = sources;
    this.#uptime = this.#metrics.gauge('uptime_seconds', 'Since this process began');
    this.#connected = this.#metrics.gauge('bus_connected', '1 while RabbitMQ is there');
    this.#connects = this.#metrics.counter('bus_connects_total', 'Connections made: one, and another after each loss');
    this.#gauges = FIGURES.map(([name, help, figure]) => ({
      gauge: this.#metrics.gauge(name, help, ['consumer']),
      figure,
    }));
    this.#counters = (Object.keys(COUNTS) as (keyof SubscriptionCounts)[]).map((name) => {
      const [metric, help] = COUNTS[name];
      return { counter: this.#metrics.counter(metric, `Since this process began: ${help}`, ['consumer']), name };
    });
  }

  /** @returns everything as it stands now */
  text(): Promise<string> {
    const { connection, subscriber } = this.#sources;
    const positions = subscriber.positions();
    this.#uptime.set(process.uptime());
    this.#connected.set(connection.state.isConnected ? 1 : 0);
    setTotal(this.#connects, connection.connectCount);
    for (const { gauge, figure } of this.#gauges)
      for (const position of positions) gauge.set({ consumer: position.consumer }, figure(position));
    for (const { counter, name } of this.#counters) {
      counter.reset();
      for (const { consumer, counts } of positions) counter.inc({ consumer }, counts[name]);
    }
    return this.#metrics.text();
  }
}
