import { fail } from '../../core/assert.ts';
import type { EventConsumer, EventFeed } from '../../core/ports/event-feed.ts';
import { ConsumerRun } from './consumer-run.ts';
import {
  ATTEMPTS,
  type ConsumerPosition,
  type ConsumerRunSettings,
  DEFAULT_BATCH_EVENTS,
  type EmbeddedFeedSettings,
} from './feed-settings.ts';

/**
 * The event feed of a single process: reads the event log, one cursor for each consumer. It reads when it is woken and
 * rests otherwise: no polling, and no timers but between the tries of a batch that fails.
 */
export class EmbeddedFeed implements EventFeed {
  readonly #settings: Omit<ConsumerRunSettings, 'batchEvents'>;
  readonly #batchEvents: number | undefined;
  readonly #runs: ConsumerRun[] = [];

  constructor(settings: EmbeddedFeedSettings) {
    const { onAdvance = () => {}, onTrouble = () => {} } = settings;
    this.#settings = { ...ATTEMPTS, ...settings, onTrouble, onAdvance: () => onAdvance(this.durableSequence) };
    this.#batchEvents = settings.batchEvents;
  }

  /**
   * Call it once the replay at start is done: the log then holds every event that the journal yields, and the thread's
   * catalogue knows every instrument that they name.
   */
  subscribe(consumer: EventConsumer): void {
    const batchEvents = this.#batchEvents ?? consumer.batchEvents ?? DEFAULT_BATCH_EVENTS;
    this.#runs.push(new ConsumerRun(consumer, { ...this.#settings, batchEvents }));
  }

  /** To be called whenever the end of the event log has moved. Cheap when there is nothing to do. */
  wake(): void {
    for (const run of this.#runs) run.wake();
  }

  /** The lowest watermark of all consumers, 0 before any has subscribed. */
  get durableSequence(): number {
    return this.#runs.length === 0 ? 0 : Math.min(...this.#runs.map((run) => run.position().durableSequence));
  }

  /** Has consumers move the watermarks of partitions without events up to what they have read, soon. */
  advanceWatermarks(): void {
    for (const run of this.#runs) run.advanceWatermarks();
  }

  async settledThrough(eventSequence: number, consumer?: string): Promise<void> {
    const runs = this.#runs.filter((run) => consumer === undefined || run.consumer === consumer);
    // Else it would answer at once, and whoever releases orphans would take holds that settlement has not met.
    if (runs.length === 0) fail(`settledThrough(${eventSequence}) before ${consumer ?? 'any consumer'} has subscribed`);
    await Promise.all(runs.map((run) => run.consumedThrough(eventSequence)));
  }

  positions(): ConsumerPosition[] {
    return this.#runs.map((run) => run.position());
  }

  /** Finishes the batches under way, then ends. Whoever waits in settledThrough is rejected. */
  async stop(): Promise<void> {
    await Promise.all(this.#runs.map((run) => run.stop()));
  }
}
