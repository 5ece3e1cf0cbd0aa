import { setTimeout as sleep } from 'node:timers/promises';
import type { ConsumerProgress } from '../../core/ports/event-feed.ts';
import type { PublisherLane } from './publisher-lane.ts';
import type { PublisherSession } from './publisher-session.ts';
import type { PublisherTimes } from './publisher-settings.ts';
import { unlessAborted } from './unless-aborted.ts';

export interface WatermarkFollowerSettings {
  readonly times: PublisherTimes;
  readonly signal: AbortSignal;
  /** By partition; others after the publisher has begun again. */
  readonly lanes: () => readonly PublisherLane[];
  readonly session: () => PublisherSession | null;
  readonly onMoved: () => void;
  /** What the lane has sent is neither in its queue nor below the watermark. */
  readonly onLost: (lane: PublisherLane) => void;
}

/** Looks how far a consumer has come while something sent is not consumed. At rest it waits, without a timer. */
export class WatermarkFollower {
  readonly #consumer: ConsumerProgress;
  readonly #settings: WatermarkFollowerSettings;
  #wakeSleeper: (() => void) | null = null;

  constructor(consumer: ConsumerProgress, settings: WatermarkFollowerSettings) {
    this.#consumer = consumer;
    this.#settings = settings;
    settings.signal.addEventListener('abort', () => this.wake(), { once: true });
  }

  /** To be called when something was sent. */
  wake(): void {
    this.#wakeSleeper?.();
  }

  async run(): Promise<void> {
    const { signal, lanes, onMoved } = this.#settings;
    const { watermarkPauseMs, longestWatermarkPauseMs } = this.#settings.times;
    let pauseMs = watermarkPauseMs;
    while (!signal.aborted) {
      const looked = lanes();
      if (!looked.some(({ hasSent }) => hasSent)) {
        await this.#untilWoken();
        pauseMs = watermarkPauseMs;
        continue;
      }
      await sleep(pauseMs, undefined, { signal }).catch(() => {}); // stopped
      // Who can't be asked is asked again: it makes no progress either.
      const watermarks = await unlessAborted(
        this.#consumer.watermarks().catch(() => []),
        signal,
      );
      if (watermarks === null || looked !== lanes()) continue;
      const hasMoved = looked.filter((lane) => lane.advance(watermarks[lane.partition] ?? 0)).length > 0;
      pauseMs = hasMoved ? watermarkPauseMs : Math.min(pauseMs * 2, longestWatermarkPauseMs);
      if (hasMoved) onMoved();
      await this.#findLost(looked);
    }
  }

  /**
   * Messages may vanish with nobody told: an operator has purged a queue, or deleted it while the market is quiet. What
   * was sent long ago, and is not in its queue, is lost, or with a consumer that takes its time: sent again it does no
   * harm, and what is sent again is in the queue, so that it is not sent a third time.
   */
  async #findLost(looked: readonly PublisherLane[]): Promise<void> {
    const { session: present, lanes, times, onLost } = this.#settings;
    const session = present();
    if (session === null) return;
    for (const lane of looked) {
      const isStalled = performance.now() - lane.movedAtMs > times.stallMs;
      if (!isStalled || !lane.hasSent || lane.unconfirmedBatches > 0 || lane.isPaused) continue;
      try {
        const { messageCount } = await session.channel.checkQueue(lane.queue);
        if (session !== present() || looked !== lanes()) return;
        lane.movedAtMs = performance.now();
        if (messageCount === 0) onLost(lane);
      } catch {
        return; // there is no such queue, which closes the channel: the next session declares it
      }
    }
  }

  async #untilWoken(): Promise<void> {
    if (this.#settings.signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#wakeSleeper = resolve;
    });
    this.#wakeSleeper = null;
  }
}
