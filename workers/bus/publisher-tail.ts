import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../../core/assert.ts';
import type { ConsumerProgress } from '../../core/ports/event-feed.ts';
import { WatermarkBeyondLogError } from './feed-errors.ts';
import { declarePartitionQueue, partitionQueue } from './feed-topology.ts';
import { FirstPublications } from './first-publications.ts';
import { LaneReader } from './lane-reader.ts';
import { PublisherLane } from './publisher-lane.ts';
import type { PublisherSession } from './publisher-session.ts';
import type { PublisherTimes } from './publisher-settings.ts';
import { unlessAborted } from './unless-aborted.ts';
import { WatermarkFollower } from './watermark-follower.ts';

export interface PublisherTailSettings {
  readonly namespace: string;
  readonly folder: string;
  readonly partitionCount: number;
  readonly endSequence: () => number;
  readonly batchEvents: number;
  readonly windowBatches: number;
  readonly times: PublisherTimes;
  /** Called when positions have changed. */
  readonly onProgress: () => void;
  /** Called once, when it can't go on. */
  readonly onFailure: (error: Error) => void;
  readonly onTrouble: (text: string) => void;
}

/**
 * What the publisher does for one consumer: reads its watermarks, goes on from there, keeps each partition a number of
 * batches ahead, and begins again at the watermarks with each session. Without a session it only looks how far the
 * consumer has come.
 */
export class PublisherTail {
  readonly #consumer: ConsumerProgress;
  readonly #settings: PublisherTailSettings;
  readonly #end = new AbortController();
  readonly #follower: WatermarkFollower;
  readonly #firstPublications: readonly FirstPublications[]; // by partition
  readonly #ended: Promise<unknown>;
  #session: PublisherSession | null = null;
  #lanes: readonly PublisherLane[] = []; // by partition, once the watermarks are known
  #reader: LaneReader | null = null;
  #mustBegin = true;
  #isAwake = false;
  #wakeSleeper: (() => void) | null = null;
  #consumedSequence = 0;

  constructor(consumer: ConsumerProgress, settings: PublisherTailSettings) {
    this.#consumer = consumer;
    this.#settings = settings;
    const { signal } = this.#end;
    this.#firstPublications = Array.from({ length: settings.partitionCount }, () => new FirstPublications());
    this.#follower = new WatermarkFollower(consumer, {
      times: settings.times,
      signal,
      lanes: () => this.#lanes,
      session: () => this.#session,
      onMoved: () => {
        this.#tellProgress();
        this.wake();
      },
      onLost: (lane) => {
        settings.onTrouble(`what was sent to ${lane.queue} after event ${lane.watermark} is gone; sent again`);
        this.#reader!.rewind(lane, lane.watermark);
        this.wake();
      },
    });
    this.#ended = Promise.all([this.#run(), this.#follower.run()]);
  }

  get consumer(): string {
    return this.#consumer.name;
  }

  get consumedSequence(): number {
    return this.#consumedSequence;
  }

  /** The lowest watermark, 0 before they are known. */
  get durableSequence(): number {
    return this.#lanes.length === 0 ? 0 : Math.min(...this.#lanes.map(({ watermark }) => watermark));
  }

  get publishedSequence(): number {
    return this.#lanes.length === 0 ? 0 : Math.min(...this.#lanes.map((lane) => lane.publishedSequence));
  }

  get unconfirmedBatches(): number {
    return this.#lanes.reduce((count, lane) => count + lane.unconfirmedBatches, 0);
  }

  /** Begins at the watermarks, on a channel whose queues are declared and empty. */
  attach(session: PublisherSession): void {
    this.#session = session;
    this.#mustBegin = true;
    this.wake();
  }

  detach(): void {
    this.#session = null;
  }

  wake(): void {
    this.#isAwake = true;
    this.#wakeSleeper?.();
  }

  advanceWatermarks(): void {
    for (const lane of this.#lanes) lane.mustAdvance = true;
    this.wake();
  }

  /** The consumer lacks what comes after that event. */
  rewind(partition: number, afterSequence: number): void {
    const lane = this.#lanes[partition];
    if (lane === undefined || afterSequence >= lane.sentSequence) return; // nothing after it was sent
    this.#reader!.rewind(lane, afterSequence);
    this.wake();
  }

  async stop(): Promise<void> {
    this.#end.abort();
    this.wake();
    await this.#ended;
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    try {
      while (!signal.aborted) {
        this.#isAwake = false;
        if (this.#mustBegin) {
          this.#mustBegin = false;
          const watermarks = await this.#watermarksPatiently();
          if (watermarks !== null && !this.#mustBegin) this.#beginAt(watermarks);
          continue;
        }
        const hasMore = this.#reader!.step(this.#settings.endSequence());
        this.#tellProgress();
        if (hasMore)
          await nextTurn(); // the event loop has other work than a long backlog
        else await this.#sleepUnlessAwake();
      }
    } catch (error) {
      this.#end.abort();
      this.#settings.onFailure(error as Error);
    } finally {
      this.#reader?.close();
    }
  }

  #beginAt(watermarks: readonly number[]): void {
    const { namespace, folder, partitionCount, endSequence, batchEvents, windowBatches } = this.#settings;
    const { name } = this.#consumer;
    if (watermarks.length !== partitionCount)
      fail(`consumer ${name}: ${watermarks.length} watermarks for ${partitionCount} partitions`);
    const [highest, end] = [Math.max(...watermarks), endSequence()];
    if (highest > end) throw new WatermarkBeyondLogError(name, highest, end);
    this.#reader?.close();
    this.#lanes = watermarks.map((watermark, partition) => {
      const queue = partitionQueue(namespace, name, partition);
      const firstPublications = this.#firstPublications[partition]!;
      return new PublisherLane({ partition, queue, watermark, batchEvents, windowBatches, firstPublications });
    });
    this.#reader = new LaneReader(folder, this.#lanes, (lane) => this.#flush(lane));
  }

  #flush(lane: PublisherLane): void {
    const session = this.#session;
    while (session?.hasRoom === true && lane.isDue) {
      lane.unconfirmedBatches += 1;
      session.send(lane).then(
        () => {
          lane.unconfirmedBatches -= 1;
          this.wake();
        },
        (error: Error) => {
          lane.unconfirmedBatches -= 1;
          if (session === this.#session && !lane.isPaused) void this.#mend(lane, session, error);
        },
      );
      this.#follower.wake();
    }
  }

  /** A batch came to nothing: the partition begins again at its watermark, its queue declared anew. */
  async #mend(lane: PublisherLane, session: PublisherSession, error: Error): Promise<void> {
    lane.isPaused = true;
    this.#settings.onTrouble(`${error.message}; sent again after a pause`);
    await this.#pause(this.#settings.times.mendPauseMs);
    if (session !== this.#session || !this.#lanes.includes(lane)) return;
    try {
      await declarePartitionQueue(session.channel, lane.queue);
    } catch {
      return; // the channel is closed: the next session begins anew
    }
    if (!this.#lanes.includes(lane)) return;
    this.#reader!.rewind(lane, lane.watermark);
    lane.isPaused = false;
    this.wake();
  }

  /** @returns null when it was stopped, or has to begin again, before they could be read */
  async #watermarksPatiently(): Promise<readonly number[] | null> {
    while (!this.#end.signal.aborted && !this.#mustBegin) {
      try {
        return await unlessAborted(this.#consumer.watermarks(), this.#end.signal);
      } catch (error) {
        this.#settings.onTrouble(`the watermarks of ${this.#consumer.name} can't be read: ${(error as Error).message}`);
        await this.#pause(this.#settings.times.mendPauseMs);
      }
    }
    return null;
  }

  #tellProgress(): void {
    this.#consumedSequence = Math.min(...this.#lanes.map((lane) => lane.consumedSequence));
    this.#settings.onProgress();
  }

  async #sleepUnlessAwake(): Promise<void> {
    if (this.#isAwake || this.#end.signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#wakeSleeper = resolve;
    });
    this.#wakeSleeper = null;
  }

  async #pause(pauseMs: number): Promise<void> {
    await sleep(pauseMs, undefined, { signal: this.#end.signal }).catch(() => {}); // stopped
  }
}
