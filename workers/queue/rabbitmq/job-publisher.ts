import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfirmChannel } from 'amqplib';
import { WorkQueueUnavailableError } from '../../../core/ports/work-queue.ts';
import type { AmqpConnection } from '../../bus/amqp-connection.ts';
import { ConfirmedPublish, type PublishTarget, UnroutableMessageError } from '../../bus/confirmed-publish.ts';
import type { KeptChannel } from '../../bus/kept-channel.ts';
import type { QueueCounts } from '../queue-counts.ts';
import type { RepeatedTroubles } from '../repeated-troubles.ts';
import type { JobMessage } from './job-message.ts';
import { declareTopology, SILENT_QUEUE, type TopologySettings } from './queue-topology.ts';

/** Messages that wait for their confirm: enough to keep a broker busy, few enough to be bounded. */
const MAX_UNCONFIRMED = 4_096;
const CONFIRM_TIMEOUT_MS = 10_000;
/**
 * Before a queue that somebody has removed is declared anew. At once, RabbitMQ tells its consumers nothing: it takes them
 * over to the new queue, whose first messages it withholds until they are renewed. (3.10: within 50 ms most times on a
 * loaded machine.)
 */
const REMOVED_PAUSE_MS = 1_000;
/**
 * RabbitMQ saves the name of a new quorum queue up to a second after it has confirmed its declaration, and even messages in
 * it: killed before that it comes back with a queue that answers nobody, and what was confirmed is lost. (3.10: killed 0.8 s
 * after the confirms it had lost them, after 1 s it had them.) So the first jobs wait.
 */
const NAMES_SAVED_MS = 2_000;
const PUBLISHING = 'publishing jobs';

interface OpenChannel {
  readonly channel: ConfirmChannel;
  readonly publish: ConfirmedPublish;
}

/** Sends messages, each confirmed or refused with what is known of it. */
export class JobPublisher {
  readonly #topology: TopologySettings;
  readonly #connection: AmqpConnection;
  readonly #kept: KeptChannel;
  readonly #counts: QueueCounts;
  readonly #onSilence: (queue: string) => void;
  #channel: ConfirmChannel | null = null; // from when it is opened until it is lost
  #open: OpenChannel | null = null; // once everything is declared
  #declaredMs = Number.NEGATIVE_INFINITY; // performance.now() of the last time
  #waitingCount = 0; // for the names to be saved
  #declaringOn: ConfirmChannel | null = null; // anew, or about to
  #isClosed = false;
  #opened = Promise.withResolvers<void>();

  constructor(connection: AmqpConnection, topology: TopologySettings, counts: QueueCounts, troubles: RepeatedTroubles) {
    this.#connection = connection;
    this.#topology = topology;
    this.#counts = counts;
    this.#onSilence = (queue) => troubles.trouble(queue, SILENT_QUEUE);
    this.#kept = connection.keepChannel({
      name: 'jobs',
      onOpen: async (channel) => {
        this.#channel = channel;
        await this.#declare(channel);
        if (channel !== this.#channel) return; // lost right behind the broker's last answer
        const publish = new ConfirmedPublish(channel, {
          timeoutMs: CONFIRM_TIMEOUT_MS,
          isBlocked: () => false, // whoever waits is told, and may try again
          onTimeout: () => this.#kept.reopen(`no confirm in ${CONFIRM_TIMEOUT_MS} ms`),
        });
        this.#open = { channel, publish };
        this.#opened.resolve();
        troubles.well(PUBLISHING);
      },
      onClose: (reason) => {
        this.#channel = null;
        this.#open = null;
        if (!this.#isClosed) troubles.trouble(PUBLISHING, reason);
      },
    });
  }

  /** @returns once it can publish, for the first time */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /**
   * @returns once the message is safe in a queue
   * @throws WorkQueueUnavailableError
   */
  async publish(target: PublishTarget, { content, options }: JobMessage): Promise<void> {
    this.#requireRoom();
    await this.#namesSaved();
    const { channel, publish } = this.#requireRoom();
    try {
      await publish.send(target, content, options).confirmed;
    } catch (error) {
      throw this.#refusal(error as Error, channel);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#kept.close();
  }

  /** @returns what to publish on */
  #requireRoom(): OpenChannel {
    if (this.#open === null)
      throw new WorkQueueUnavailableError(
        'AWAY',
        `there is no RabbitMQ, nothing was sent (${this.#connection.state.reason ?? 'not connected yet'}): enqueue it again later`,
      );
    if (this.#open.publish.unconfirmedCount + this.#waitingCount >= MAX_UNCONFIRMED)
      throw new WorkQueueUnavailableError(
        'FULL',
        `${MAX_UNCONFIRMED} jobs wait for RabbitMQ already: enqueue it again later`,
      );
    return this.#open;
  }

  async #namesSaved(): Promise<void> {
    this.#waitingCount += 1;
    try {
      for (let leftMs = this.#leftMs; leftMs > 0; leftMs = this.#leftMs) await sleep(leftMs);
    } finally {
      this.#waitingCount -= 1;
    }
  }

  get #leftMs(): number {
    return Math.ceil(this.#declaredMs + NAMES_SAVED_MS - performance.now());
  }

  #refusal(error: Error, channel: ConfirmChannel): WorkQueueUnavailableError {
    if (error instanceof UnroutableMessageError) {
      this.#counts.returned += 1;
      this.declareAnew();
      return new WorkQueueUnavailableError('UNROUTABLE', `${error.message}; it is declared anew, try again`);
    }
    const again = 'enqueue it again under its id';
    const wasRefused = this.#open?.channel === channel; // else the channel was lost under it
    if (wasRefused)
      return new WorkQueueUnavailableError('FULL', `RabbitMQ takes no more, ${again}: ${error.message}`, false);
    return new WorkQueueUnavailableError(
      'AWAY',
      `RabbitMQ was lost before it answered, ${again}: ${error.message}`,
      false,
    );
  }

  /** Somebody has removed a queue or a binding of ours. While there is no channel nothing is done: the next one declares. */
  declareAnew(): void {
    const channel = this.#open?.channel;
    if (channel === undefined || this.#declaringOn === channel) return;
    this.#declaringOn = channel;
    void this.#declareLater(channel);
  }

  async #declareLater(channel: ConfirmChannel): Promise<void> {
    await sleep(REMOVED_PAUSE_MS, undefined, { ref: false });
    try {
      if (this.#open?.channel === channel) await this.#declare(channel);
    } catch (error) {
      if (this.#open?.channel === channel) this.#kept.reopen(`it can't be declared anew: ${(error as Error).message}`);
    } finally {
      if (this.#declaringOn === channel) this.#declaringOn = null;
    }
  }

  async #declare(channel: ConfirmChannel): Promise<void> {
    this.#declaredMs = performance.now();
    await declareTopology(channel, this.#topology, this.#onSilence);
    this.#declaredMs = performance.now();
  }
}
