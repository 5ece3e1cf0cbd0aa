import { fail } from '../../../core/assert.ts';
import type { Clock } from '../../../core/ports/clock.ts';
import {
  type JobHandler,
  type NewJob,
  type ParkedJob,
  type ParkedJobs,
  type WorkQueue,
  WorkQueueUnavailableError,
} from '../../../core/ports/work-queue.ts';
import { AmqpConnection, type AmqpConnectionState } from '../../bus/amqp-connection.ts';
import type { WorkDatabase } from '../../storage/work-database.ts';
import type { JobRow } from '../embedded/job-rows.ts';
import type { HopCounter } from '../hop-counter.ts';
import { type FateRules, fateRules } from '../job-fate.ts';
import { checkedPayloadText } from '../job-text.ts';
import { MAX_PARKED, ParkedStore } from '../parked-store.ts';
import { QueueCounts } from '../queue-counts.ts';
import { RepeatedTroubles } from '../repeated-troubles.ts';
import { JobChannel } from './job-channel.ts';
import { jobMessage } from './job-message.ts';
import { JobPublisher } from './job-publisher.ts';
import { JobSettling, jobTarget } from './job-settling.ts';
import { LeftJobs } from './left-jobs.ts';
import { ParkedCollector } from './parked-collector.ts';
import { jobQueue, parkingExchange, type TopologySettings } from './queue-topology.ts';

export interface RabbitmqQueueSettings extends Partial<Omit<FateRules, 'types'>> {
  /** amqp://user:password@host:port/vhost */
  readonly url: string;
  /** Every type of job there is, the same in all processes of an exchange. */
  readonly types: readonly string[];
  readonly clock: Clock;
  readonly hopCounter: HopCounter; // closed with the queue
  /** Where this process keeps parked jobs, and jobs of an embedded queue may be. Left out where another process of the exchange does. */
  readonly work?: WorkDatabase;
  /** What its names at the broker begin with; `ringbook` unless set. */
  readonly prefix?: string;
  /** Jobs of each type that may wait, and parked ones; a million and a hundred thousand unless set. */
  readonly maxJobs?: number;
  readonly maxParked?: number;
  /** How often an idle consumer is subscribed anew; a minute unless set. */
  readonly renewMs?: number;
  /** Told of each job that this process has put among the parked. */
  readonly onParked?: (parked: ParkedJob) => void;
  /** Told of what went wrong and is done again. */
  readonly onTrouble?: (error: Error) => void;
}

const MAX_JOBS = 1_000_000;
const COLLECTED_AT_A_TIME = 32;
const RENEW_MS = 60_000;
const BROKER = 'RabbitMQ is away: jobs wait where they are, new ones are refused';

/**
 * The work queue on RabbitMQ, shared by the processes of an exchange. It connects by itself, for ever: while the broker is
 * away jobs are refused, and what is under way is done again when it is back.
 */
export class RabbitmqWorkQueue implements WorkQueue {
  readonly parked: ParkedJobs;
  readonly counts = new QueueCounts();
  readonly #settings: RabbitmqQueueSettings;
  readonly #topology: TopologySettings;
  readonly #rules: FateRules;
  readonly #publishing: AmqpConnection;
  readonly #consuming: AmqpConnection;
  readonly #publisher: JobPublisher;
  readonly #settling: JobSettling;
  readonly #troubles: RepeatedTroubles;
  readonly #left: LeftJobs | null; // of an embedded queue
  readonly #channels = new Map<string, JobChannel>(); // by type; the collector's under ''
  #isStopped = false;

  private constructor(settings: RabbitmqQueueSettings, parked: ParkedStore | null, left: LeftJobs | null) {
    this.#settings = settings;
    this.#left = left;
    const { url, types, hopCounter, clock } = settings;
    const { prefix = 'ringbook', maxJobs = MAX_JOBS, maxParked = MAX_PARKED } = settings;
    this.#rules = fateRules(types, settings);
    this.#topology = { prefix, types, retryDelaysMs: this.#rules.retryDelaysMs, maxJobs, maxParked };
    this.#troubles = new RepeatedTroubles(settings.onTrouble ?? (() => {}));
    const onChange = ({ isConnected, reason }: AmqpConnectionState): void => {
      if (isConnected) this.#troubles.well(BROKER);
      else if (!this.#isStopped) this.#troubles.trouble(BROKER, reason ?? 'not connected');
    };
    this.#publishing = new AmqpConnection({ url, name: 'jobs out', onChange });
    this.#consuming = new AmqpConnection({ url, name: 'jobs in' });
    this.#publisher = new JobPublisher(this.#publishing, this.#topology, this.counts, this.#troubles);
    this.#settling = new JobSettling({
      prefix,
      rules: this.#rules,
      publisher: this.#publisher,
      hopCounter,
      counts: this.counts,
      nowMs: () => clock.nowMs(),
    });
    this.parked = parked ?? PARKED_ELSEWHERE;
  }

  /** Connects later, by itself. @throws DatabaseError */
  static async open(settings: RabbitmqQueueSettings): Promise<RabbitmqWorkQueue> {
    const { work, types, clock, hopCounter, maxParked = MAX_PARKED, onTrouble = () => {} } = settings;
    if (work === undefined) return new RabbitmqWorkQueue(settings, null, null);
    const store = await ParkedStore.open(work, {
      most: maxParked,
      onParked: settings.onParked,
      requeue: async ({ type, id, payloadText, enqueuedMs }) => {
        await hopCounter.forget(id);
        await queue.#send({ type, id, attempt: 1, hops: 0, enqueuedMs }, payloadText);
      },
    });
    const send = (job: JobRow): Promise<void> => queue.#send(job, job.payloadText);
    const left = await LeftJobs.open({ work, types, send, onTrouble });
    const queue = new RabbitmqWorkQueue(settings, store, left); // nothing is waited for from here on: jobs may come
    const collector = new ParkedCollector(work, store, () => clock.nowMs());
    queue.#consume('', parkingExchange(queue.#topology.prefix), COLLECTED_AT_A_TIME, (delivery) =>
      collector.collect(delivery),
    );
    queue.connected.then(() => left.begin());
    return queue;
  }

  /** @returns once jobs can be enqueued, for the first time */
  get connected(): Promise<void> {
    return this.#publisher.opened;
  }

  async enqueue(job: NewJob): Promise<void> {
    const payloadText = checkedPayloadText(job, this.#rules.types);
    const { type, id } = job;
    await this.#send({ type, id, attempt: 1, hops: 0, enqueuedMs: this.#settings.clock.nowMs() }, payloadText);
    this.counts.enqueued += 1;
  }

  consume(type: string, handler: JobHandler, { concurrency }: { readonly concurrency: number }): void {
    if (!this.#rules.types.has(type)) fail(`a consumer of unknown jobs ${type}`);
    if (!Number.isInteger(concurrency) || concurrency < 1) fail(`${concurrency} ${type} jobs at a time`);
    this.#consume(type, jobQueue(this.#topology.prefix, type), concurrency, (delivery) =>
      this.#settling.settle(type, handler, delivery),
    );
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#left?.stop();
    await Promise.all([...this.#channels.values()].map((channel) => channel.stop()));
    await this.#publisher.close();
    await Promise.all([this.#publishing.close(), this.#consuming.close()]);
    this.#settings.hopCounter.close();
  }

  #consume(key: string, queue: string, prefetch: number, onMessage: JobChannelMessage): void {
    if (this.#channels.has(key)) fail(`a second consumer of ${key} jobs`);
    const { renewMs = RENEW_MS, onTrouble = () => {} } = this.#settings;
    const place = { connection: this.#consuming, queue, prefetch, renewMs };
    const onNoQueue = (): void => this.#publisher.declareAnew();
    const parts = { ...place, onMessage, onNoQueue, onTrouble, troubles: this.#troubles };
    this.#channels.set(key, new JobChannel(parts));
  }

  async #send(job: Parameters<typeof jobMessage>[0], payloadText: string): Promise<void> {
    if (this.#isStopped) throw new WorkQueueUnavailableError('CLOSED', 'the exchange is stopping: no job was taken');
    await this.#publisher.publish(jobTarget(this.#topology.prefix, job.type), jobMessage(job, payloadText));
  }
}

type JobChannelMessage = ConstructorParameters<typeof JobChannel>[0]['onMessage'];

const elsewhere = (): Promise<never> =>
  Promise.reject(new WorkQueueUnavailableError('AWAY', 'parked jobs are kept by the exchange: ask its admin port'));

const PARKED_ELSEWHERE: ParkedJobs = {
  list: elsewhere,
  find: elsewhere,
  replay: elsewhere,
  drop: elsewhere,
  count: elsewhere,
};
