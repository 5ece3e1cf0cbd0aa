import type { Counter, Gauge } from 'prom-client';
import type { WorkQueue, WorkQueueCounts } from '../core/ports/work-queue.ts';
import { type RingBuffers, ringFill } from '../core/ring/ring.ts';
import type { SubscriberPosition } from '../workers/bus/subscriber-settings.ts';
import { ConsumerMetrics } from './consumer-metrics.ts';
import { ProcessMetrics, setTotal } from './process-metrics.ts';
import type { StatusReport } from './status-report.ts';

export interface MetricSources {
  readonly status: () => Promise<StatusReport>;
  readonly queue: WorkQueue;
  /** Of consumers in this process that get their events from RabbitMQ; null when there never are any. */
  readonly subscriptions: (() => readonly SubscriberPosition[]) | null;
  readonly rings: Readonly<Record<string, RingBuffers>>; // by name
}

type StatusFigure = readonly [name: string, help: string, figure: (status: StatusReport) => number];

const STATUS_FIGURES: readonly StatusFigure[] = [
  ['uptime_seconds', 'Since this process began to recover', ({ uptimeMs }) => uptimeMs / 1_000],
  ['command_published_sequence', 'Last command in the command ring', ({ commands }) => commands.publishedSequence],
  ['command_applied_sequence', 'Last command that the engine has applied', ({ commands }) => commands.appliedSequence],
  ['command_durable_sequence', 'Last command that is synced to disk', ({ commands }) => commands.durableSequence],
  ['event_answered_sequence', 'Last event that the gateway has seen', ({ events }) => events.answeredSequence],
  ['event_logged_sequence', 'Last event in the event log', ({ events }) => events.loggedSequence],
  ['event_settled_sequence', 'Last event that settlement has consumed', ({ events }) => events.settledSequence],
  ['event_history_sequence', 'Last event that the history has consumed', ({ events }) => events.historySequence],
  [
    'event_published_sequence',
    'Last event that RabbitMQ has had; 0 without it',
    ({ bus }) => bus?.publishedSequence ?? 0,
  ],
  ['bus_connected', '1 while RabbitMQ takes events', ({ bus }) => (bus?.isConnected === true ? 1 : 0)],
  [
    'consumer_troubles',
    'What consumers can not go on with, or must not be trusted with: status says why',
    ({ consumers }) => consumers.reduce((sum, { troubles }) => sum + troubles.length, 0),
  ],
  [
    'settlement_lag_events',
    'Events in the log that settlement has not consumed',
    ({ events }) => Math.max(0, events.loggedSequence - events.settledSequence),
  ],
  [
    'history_lag_events',
    'Events in the log that the history has not consumed',
    ({ events }) => Math.max(0, events.loggedSequence - events.historySequence),
  ],
  ['ledger_sequence', 'Changes of the ledger so far', ({ ledger }) => ledger.ledgerSequence],
  ['ledger_archived_sequence', 'Changes whose entries are archived', ({ ledger }) => ledger.archivedSequence],
  ['ledger_paused', '1 while the ledger can not be used', ({ ledger }) => (ledger.trouble === null ? 0 : 1)],
  ['orders_in_flight', 'Orders between their request and their answer', ({ ordersInFlight }) => ordersInFlight],
  ['resting_orders', 'Orders in the books and waiting stops', ({ restingOrders }) => restingOrders],
  ['open_sockets', 'WebSockets of clients', ({ openSockets }) => openSockets],
  ['disk_full', '1 while new orders are refused for want of disk space', ({ isDiskFull }) => (isDiskFull ? 1 : 0)],
  ['journal_torn_frames', 'Torn journal frames dropped at this start', ({ start }) => start.tornJournalFrames],
];

const JOB_COUNTS: Readonly<Record<keyof WorkQueueCounts, string>> = {
  enqueued: 'jobs_enqueued_total',
  done: 'jobs_done_total',
  retried: 'jobs_retried_total',
  forwarded: 'jobs_forwarded_total',
  parked: 'jobs_parked_total',
  hopAlarms: 'job_hop_alarms_total',
  returned: 'job_messages_returned_total',
};

/** The metrics of one process in the format of Prometheus. Nothing is measured between two questions. */
export class ExchangeMetrics {
  readonly #metrics = new ProcessMetrics();
  readonly #sources: MetricSources;
  readonly #statusGauges: readonly { readonly gauge: Gauge; readonly figure: StatusFigure[2] }[];
  readonly #ringUsed: Gauge;
  readonly #ringSlots: Gauge;
  readonly #parkedJobs: Gauge;
  readonly #jobCounters: readonly { readonly counter: Counter; readonly name: keyof WorkQueueCounts }[];
  readonly #consumers: ConsumerMetrics | null;

  constructor(sources: MetricSources) {
    this.#sources = sources;
    this.#consumers = sources.subscriptions === null ? null : new ConsumerMetrics(this.#metrics);
    this.#statusGauges = STATUS_FIGURES.map(([name, help, figure]) => ({
      gauge: this.#metrics.gauge(name, help),
      figure,
    }));
    this.#ringUsed = this.#metrics.gauge('ring_used_slots', 'Slots that the slowest reader has not released', ['ring']);
    this.#ringSlots = this.#metrics.gauge('ring_slots', 'Slots of the ring', ['ring']);
    this.#parkedJobs = this.#metrics.gauge('parked_jobs', 'Jobs that wait for an operator');
    this.#jobCounters = Object.entries(JOB_COUNTS).map(([name, metric]) => ({
      name: name as keyof WorkQueueCounts,
      counter: this.#metrics.counter(metric, `Since this process began: ${name} of the work queue`),
    }));
  }

  /** @returns everything as it stands now */
  async text(): Promise<string> {
    const { status, queue, rings, subscriptions } = this.#sources;
    const [report, parkedJobs] = await Promise.all([status(), queue.parked.count()]);
    for (const { gauge, figure } of this.#statusGauges) gauge.set(figure(report));
    for (const [ring, buffers] of Object.entries(rings)) {
      const { usedSlots, slotCount } = ringFill(buffers);
      this.#ringUsed.set({ ring }, usedSlots);
      this.#ringSlots.set({ ring }, slotCount);
    }
    this.#parkedJobs.set(parkedJobs);
    this.#consumers?.set(subscriptions?.() ?? []);
    for (const { counter, name } of this.#jobCounters) setTotal(counter, queue.counts[name]);
    return this.#metrics.text();
  }
}
