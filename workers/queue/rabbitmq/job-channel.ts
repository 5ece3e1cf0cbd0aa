import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfirmChannel, ConsumeMessage } from 'amqplib';
import type { AmqpConnection } from '../../bus/amqp-connection.ts';
import { type KeptChannel, NO_QUEUE, RENEWED } from '../../bus/kept-channel.ts';
import type { RepeatedTroubles } from '../repeated-troubles.ts';

/** A broker that does not answer is not waited for: it gives back what is not acknowledged. */
const CANCEL_TIMEOUT_MS = 2_000;

export interface JobChannelParts {
  readonly connection: AmqpConnection;
  readonly queue: string;
  readonly prefetch: number;
  /**
   * How often it is subscribed anew when nothing is under way: a broker may keep a consumer and give it nothing, with nobody
   * told. (RabbitMQ 3.10 withholds the first jobs of a queue that was removed and declared anew at once, as many as the old
   * one had delivered: unacknowledged, so that nothing shows them.)
   */
  readonly renewMs: number;
  /** Whatever it rejects with is told to onTrouble; the message then comes again with the next channel. */
  readonly onMessage: (delivery: Delivery) => Promise<void>;
  /** The queue is not there: it was not declared yet, or somebody has removed it. */
  readonly onNoQueue: () => void;
  readonly onTrouble: (error: Error) => void;
  readonly troubles: RepeatedTroubles; // of the channel itself
}

/** A message together with the one channel that it may be acknowledged on. */
export interface Delivery {
  readonly message: ConsumeMessage;
  /** False once its channel is lost: the broker delivers it again, whatever becomes of it here. */
  readonly isOurs: () => boolean;
  /** Harmless when it comes too late. */
  readonly acknowledge: () => void;
  /** Aborted when the consumer is stopped. */
  readonly stopping: AbortSignal;
}

/** Consumes one queue, on a channel of its own that is opened anew when it is lost or the broker cancels the consumer. */
export class JobChannel {
  readonly #parts: JobChannelParts;
  readonly #kept: KeptChannel;
  readonly #stopping = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  #channel: ConfirmChannel | null = null;
  #consumerTag: string | null = null;
  #renewal: NodeJS.Timeout | null = null;

  constructor(parts: JobChannelParts) {
    this.#parts = parts;
    this.#kept = parts.connection.keepChannel({
      name: parts.queue,
      onOpen: (channel) => this.#consume(channel),
      onClose: (reason) => {
        clearInterval(this.#renewal ?? undefined);
        this.#channel = null;
        this.#consumerTag = null;
        if (reason === RENEWED) return;
        if (reason.includes(NO_QUEUE)) parts.onNoQueue();
        else if (!this.#stopping.signal.aborted) parts.troubles.trouble(parts.queue, reason);
      },
    });
  }

  /** Takes nothing more. @returns when what was under way has ended; what was not begun goes back to its queue */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const cancelled = this.#consumerTag === null ? undefined : this.#channel?.cancel(this.#consumerTag);
    await Promise.race([cancelled?.catch(() => undefined), sleep(CANCEL_TIMEOUT_MS, undefined, { ref: false })]);
    await Promise.all(this.#underWay);
    await this.#kept.close();
  }

  async #consume(channel: ConfirmChannel): Promise<void> {
    const { queue, prefetch, renewMs } = this.#parts;
    this.#channel = channel; // it may be lost between an answer and whoever awaits it
    await channel.checkQueue(queue); // the publisher declares it
    if (channel !== this.#channel) return;
    await channel.prefetch(prefetch);
    if (channel !== this.#channel) return;
    const { consumerTag } = await channel.consume(queue, (message) => {
      if (channel !== this.#channel) return; // it is delivered again
      if (message === null) this.#kept.reopen('the broker has cancelled the consumer');
      else this.#receive(channel, message);
    });
    if (channel !== this.#channel) return;
    this.#consumerTag = consumerTag;
    this.#renewal = setInterval(() => {
      if (this.#underWay.size === 0 && !this.#stopping.signal.aborted) this.#kept.renew();
    }, renewMs).unref();
    this.#parts.troubles.well(queue);
  }

  #receive(channel: ConfirmChannel, message: ConsumeMessage): void {
    if (this.#stopping.signal.aborted) return;
    const isOurs = (): boolean => this.#channel === channel;
    const acknowledge = (): void => {
      if (isOurs()) channel.ack(message);
    };
    const done = this.#parts
      .onMessage({ message, isOurs, acknowledge, stopping: this.#stopping.signal })
      .catch((error: Error) => this.#parts.onTrouble(error))
      .finally(() => this.#underWay.delete(done));
    this.#underWay.add(done);
  }
}
