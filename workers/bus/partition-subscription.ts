import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfirmChannel, ConsumeMessage } from 'amqplib';
import { fail, InvariantError } from '../../core/assert.ts';
import type { EventBatch, EventConsumer } from '../../core/ports/event-feed.ts';
import { PoisonMessageError } from './envelope.ts';
import { readBatchHeader } from './event-batch-message.ts';
import { DEFAULT_BATCH_EVENTS } from './feed-settings.ts';
import { declareControl, partitionQueue, requestRewind } from './feed-topology.ts';
import { type Delivery, joinBatches } from './joined-batch.ts';
import { type KeptChannel, NO_QUEUE } from './kept-channel.ts';
import { type EventSubscriberSettings, SUBSCRIBER_DEFAULTS, type SubscriptionCounts } from './subscriber-settings.ts';
import { unlessAborted } from './unless-aborted.ts';

/**
 * One partition of one consumer. Messages are taken in order, joined to larger batches where there is a backlog, consumed
 * one batch at a time whatever becomes of the channel meanwhile, and then acknowledged.
 * - What lies at or below the watermark is acknowledged, and trimmed off a batch that begins there.
 * - What lies behind a gap is acknowledged too, and the publisher asked, once a gap, to go back.
 * - A batch that fails is tried again in place. One that goes on failing, or is no batch of ours, stops the partition: its
 *   message goes back to the queue, and nothing behind it is taken.
 */
export class PartitionSubscription {
  readonly partition: number;
  readonly #counts: SubscriptionCounts = { batches: 0, events: 0, retries: 0, rewinds: 0, channels: 0 };
  readonly #consumer: EventConsumer;
  readonly #settings: Required<Pick<EventSubscriberSettings, 'prefetch' | 'attempts' | 'firstPauseMs' | 'checkMs'>> &
    EventSubscriberSettings;
  readonly #queue: string;
  readonly #kept: KeptChannel;
  readonly #end = new AbortController();
  readonly #ended: Promise<void>;
  #channel: ConfirmChannel | null = null; // from when it is opened until it is lost
  #isSubscribed = false;
  #watch: NodeJS.Timeout | null = null; // looks after an idle subscription
  #deliveries: Delivery[] = [];
  #poison: PoisonMessageError | null = null; // comes after what was delivered before it
  #wakeSleeper: (() => void) | null = null;
  #watermark: number | null = null;
  #rewoundTo: number | null = null; // the watermark that the publisher was asked to go back to
  #closeReason: string | null = null; // why it is not subscribed
  #stoppedSinceMs: number | null = null; // when what it has stopped at was first published
  #lagMs: number | null = null;
  #consumedAtMs = 0;

  constructor(consumer: EventConsumer, partition: number, settings: EventSubscriberSettings) {
    this.#consumer = consumer;
    this.partition = partition;
    this.#settings = { ...SUBSCRIBER_DEFAULTS, ...settings };
    this.#queue = partitionQueue(settings.namespace, consumer.name, partition);
    this.#kept = settings.connection.keepChannel({
      name: this.#queue,
      ...(settings.openTimeoutMs === undefined ? {} : { openTimeoutMs: settings.openTimeoutMs }),
      onOpen: (channel) => this.#open(channel),
      onClose: (reason) => this.#onClose(reason),
    });
    this.#ended = this.#run();
  }

  get watermark(): number | null {
    return this.#watermark;
  }

  get hasFailed(): boolean {
    return this.#stoppedSinceMs !== null;
  }

  get isSubscribed(): boolean {
    return this.#isSubscribed;
  }

  get waitingMessages(): number {
    return this.#deliveries.length;
  }

  get counts(): Readonly<SubscriptionCounts> {
    return this.#counts;
  }

  /** When the oldest batch that is delivered and not durable was first published, by the wall clock; null: none waits. */
  get waitingSinceMs(): number | null {
    return this.#stoppedSinceMs ?? this.#deliveries[0]?.header.firstPublishedMs ?? null;
  }

  /** Of the newest batch: from its first publication until its effect was durable. */
  get lagMs(): number | null {
    return this.#lagMs;
  }

  /** Wall time of that; 0 before the first. */
  get consumedAtMs(): number {
    return this.#consumedAtMs;
  }

  async stop(): Promise<void> {
    this.#end.abort();
    this.#wakeSleeper?.();
    await this.#ended;
    await this.#kept.close();
  }

  /** After each answer it looks whether the channel was lost right behind it: onClose has been called then. */
  async #open(channel: ConfirmChannel): Promise<void> {
    const { namespace, prefetch, checkMs } = this.#settings;
    this.#channel = channel;
    this.#counts.channels += 1;
    this.#rewoundTo = null; // what was asked on an earlier channel may be lost
    await declareControl(channel, namespace);
    if (channel !== this.#channel) return;
    const { messageCount } = await channel.checkQueue(this.#queue); // until the publisher has declared it there is none
    if (channel !== this.#channel) return;
    await channel.prefetch(prefetch);
    if (channel !== this.#channel) return;
    await channel.consume(this.#queue, (message) => this.#onMessage(channel, message));
    if (channel !== this.#channel) return;
    this.#isSubscribed = true;
    this.#closeReason = null;
    clearInterval(this.#watch ?? undefined);
    this.#watch = setInterval(() => void this.#check(channel), checkMs).unref();
    if (messageCount === 0) this.#askForMissing(channel).catch((error: Error) => this.#stopAt(error)); // may take long
  }

  /** A broker that has lost its queue may have forgotten who subscribed it, with nobody told. */
  async #check(channel: ConfirmChannel): Promise<void> {
    if (this.#deliveries.length > 0) return;
    try {
      const { consumerCount } = await channel.checkQueue(this.#queue);
      if (consumerCount === 0 && channel === this.#channel) this.#kept.reopen('the broker has forgotten it');
    } catch {
      // the queue is gone, which closes the channel
    }
  }

  /** An empty queue may have lost what the publisher has sent: it was deleted, or came back with an empty disk. */
  async #askForMissing(channel: ConfirmChannel): Promise<void> {
    const watermark = await this.#readWatermark();
    if (this.#channel === channel && watermark !== null) this.#rewind(channel, watermark);
  }

  #onMessage(channel: ConfirmChannel, message: ConsumeMessage | null): void {
    if (channel !== this.#channel) return; // a delivery from before the channel was given up
    if (message === null) {
      this.#kept.reopen(`the broker has cancelled the subscription of ${this.#queue}`);
      return;
    }
    if (this.#poison !== null) return;
    try {
      this.#deliveries.push({ channel, message, header: readBatchHeader(message, this.partition) });
    } catch (error) {
      if (!(error instanceof PoisonMessageError)) throw error;
      this.#poison = error;
    }
    this.#wakeSleeper?.();
  }

  #onClose(reason: string): void {
    clearInterval(this.#watch ?? undefined);
    this.#channel = null;
    this.#isSubscribed = false;
    this.#deliveries = []; // they are delivered again
    this.#poison = null;
    if (this.#end.signal.aborted || reason === this.#closeReason || reason.includes(NO_QUEUE)) return; // it is yet to be declared
    this.#closeReason = reason; // told once, however often it is tried
    this.#settings.onTrouble?.(`${this.#queue} is not subscribed: ${reason}`);
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      if (this.#deliveries.length === 0 && this.#poison === null) {
        await this.#sleep();
        continue;
      }
      try {
        await this.#consumeNext();
      } catch (error) {
        if (!signal.aborted) this.#stopAt(error as Error);
        return;
      }
    }
  }

  /** Consumes what was delivered first, and what follows it without a gap, up to the size that the consumer asks for. */
  async #consumeNext(): Promise<void> {
    const { attempts, firstPauseMs } = this.#settings;
    for (let attempt = 1; ; attempt++) {
      const watermark = this.#watermark ?? (await this.#readWatermark());
      if (watermark === null) return this.#pause(firstPauseMs);
      const first = this.#deliveries[0];
      if (first === undefined) return this.#throwPoison(); // or it was lost with its channel
      if (first.header.beforeSequence > watermark) return this.#meetGap(first, watermark);
      try {
        // After a failure one message at a time, so that what is good before the bad one is done.
        const limit = attempt === 1 ? (this.#consumer.batchEvents ?? DEFAULT_BATCH_EVENTS) : 0;
        const { batch, messages } = joinBatches(this.#deliveries, watermark, limit, this.#settings.partitionCount);
        if (batch !== null) await this.#consume(batch, first.header.firstPublishedMs);
        this.#finish(messages);
        return;
      } catch (error) {
        const isFinal = error instanceof PoisonMessageError || attempt >= attempts || this.#end.signal.aborted;
        if (isFinal) throw error;
        this.#settings.onTrouble?.(`${this.#queue}: attempt ${attempt} failed: ${(error as Error).message}`);
        this.#counts.retries += 1;
        await this.#pause(firstPauseMs * 2 ** (attempt - 1));
        this.#watermark = null; // asked anew: it may have been applied all the same, or be further back
      }
    }
  }

  async #consume(batch: EventBatch, firstPublishedMs: number): Promise<void> {
    await this.#consumer.consume(batch);
    this.#watermark = batch.lastSequence;
    this.#counts.batches += 1;
    this.#counts.events += batch.events.length;
    this.#consumedAtMs = Date.now();
    this.#lagMs = Math.max(0, this.#consumedAtMs - firstPublishedMs);
  }

  /**
   * What lies between is missing, unless another process has consumed it: that is looked at for every message, since a
   * worker that stood by while another one worked knows an old watermark, which it may have asked for already.
   */
  async #meetGap(delivery: Delivery, watermark: number): Promise<void> {
    const durable = await this.#readWatermark();
    if (durable === null) return this.#pause(this.#settings.firstPauseMs);
    if (durable !== watermark) return; // looked at again
    if (this.#rewoundTo !== watermark) this.#rewind(delivery.channel, watermark);
    this.#finish([delivery]);
  }

  #rewind(channel: ConfirmChannel, watermark: number): void {
    const { namespace } = this.#settings;
    this.#rewoundTo = watermark;
    this.#counts.rewinds += 1;
    const request = { consumer: this.#consumer.name, partition: this.partition, afterSequence: watermark };
    try {
      requestRewind(channel, namespace, request);
    } catch {
      // closed: with the next channel it is asked again
    }
  }

  /** Acknowledges what is done. On a channel that is gone it is late and does nothing: it comes again and is trimmed. */
  #finish(messages: readonly Delivery[]): void {
    const { channel, message } = messages.at(-1)!;
    if (channel !== this.#channel) return;
    this.#deliveries.splice(0, messages.length);
    try {
      channel.ack(message, true);
    } catch {
      // closed just now
    }
  }

  #stopAt(error: Error): void {
    if (this.hasFailed) return;
    this.#stoppedSinceMs = this.waitingSinceMs ?? Date.now();
    void this.#kept.close();
    this.#settings.onFailure({ consumer: this.#consumer.name, partition: this.partition, error });
  }

  #throwPoison(): void {
    if (this.#poison !== null) throw this.#poison;
  }

  /** @returns what is durable; null when it can't be asked, or when it is time to end */
  async #readWatermark(): Promise<number | null> {
    const { name } = this.#consumer;
    try {
      const watermarks = await unlessAborted(this.#consumer.watermarks(), this.#end.signal);
      if (watermarks === null) return null;
      if (watermarks.length !== this.#settings.partitionCount)
        fail(`consumer ${name}: ${watermarks.length} watermarks for ${this.#settings.partitionCount} partitions`);
      this.#watermark = watermarks[this.partition]!;
      return this.#watermark;
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      this.#settings.onTrouble?.(`the watermarks of ${name} can't be read: ${(error as Error).message}`);
      return null;
    }
  }

  async #sleep(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wakeSleeper = resolve;
    });
    this.#wakeSleeper = null;
  }

  async #pause(pauseMs: number): Promise<void> {
    await sleep(pauseMs, undefined, { signal: this.#end.signal }).catch(() => {}); // stopped
  }
}
