import type { Counter, Gauge } from 'prom-client';
import type { AmqpConnection } from '../workers/bus/amqp-connection.ts';
import type { EventSubscriber } from '../workers/bus/event-subscriber.ts';
import { ConsumerMetrics } from './consumer-metrics.ts';
import { ProcessMetrics, setTotal } from './process-metrics.ts';

export interface WorkerMetricSources {
  readonly connection: Pick<AmqpConnection, 'state' | 'connectCount'>;
  readonly subscriber: Pick<EventSubscriber, 'positions'>;
}

/** The metrics of a process of consumers. Nothing is measured between two questions. */
export class WorkerMetrics {
  readonly #metrics = new ProcessMetrics();
  readonly #sources: WorkerMetricSources;
  readonly #uptime: Gauge;
  readonly #connected: Gauge;
  readonly #connects: Counter;
  readonly #consumers = new ConsumerMetrics(this.#metrics);

  constructor(sources: WorkerMetricSources) {
    this.#sources = sources;
    this.#uptime = this.#metrics.gauge('uptime_seconds', 'Since this process began');
    this.#connected = this.#metrics.gauge('bus_connected', '1 while RabbitMQ is there');
    this.#connects = this.#metrics.counter('bus_connects_total', 'Connections made: one, and another after each loss');
  }

  /** @returns everything as it stands now */
  text(): Promise<string> {
    const { connection, subscriber } = this.#sources;
    this.#uptime.set(process.uptime());
    this.#connected.set(connection.state.isConnected ? 1 : 0);
    setTotal(this.#connects, connection.connectCount);
    this.#consumers.set(subscriber.positions());
    return this.#metrics.text();
  }
}
