import type { EventRecordCursor } from '../../core/journal/event-record-cursor.ts';
import { type RecordWindow, SLOT_BYTES } from '../../core/protocol/record-window.ts';
import type { BatchHeader } from './event-batch-message.ts';
import { QUIET_EVENTS } from './feed-settings.ts';
import { FirstPublications } from './first-publications.ts';

export interface LaneSettings {
  readonly partition: number;
  readonly queue: string;
  readonly watermark: number;
  readonly batchEvents: number;
  /** Batches that may be sent and not yet below the watermark. */
  readonly windowBatches: number;
  /** The partition's, which outlives its lanes; the lane's own unless given. */
  readonly firstPublications?: FirstPublications;
}

/** One partition of one consumer, as far as the publisher has brought it since it last began at a watermark. */
export class PublisherLane {
  readonly partition: number;
  readonly queue: string;
  watermark: number;
  /** Every event up to here was looked at: it was sent, is pending, or belongs to another partition. */
  scannedSequence: number;
  /** Batches sent that the broker has not confirmed. */
  unconfirmedBatches = 0;
  /** The next batch must not wait for events. */
  mustAdvance = false;
  /** Nothing is sent until its trouble is over. */
  isPaused = false;
  /** Of a lane that lags behind the common cursor: its own, on a record that may not be taken yet. */
  cursor: EventRecordCursor | null = null;
  hasRecord = false; // whether the cursor's present record is still to be taken
  /** When it was last seen to move, by performance.now(). */
  movedAtMs = performance.now();
  readonly #batchEvents: number;
  readonly #windowBatches: number;
  readonly #firstPublications: FirstPublications;
  readonly #bytes: Uint8Array; // of the pending events' records
  #sentSequence: number; // through which batches were sent: the next one follows it
  #sentBatches: number[] = []; // last sequences of those above the watermark
  #pendingBytes = 0;
  #pendingEvents = 0;

  constructor({ partition, queue, watermark, batchEvents, windowBatches, ...more }: LaneSettings) {
    this.partition = partition;
    this.queue = queue;
    this.watermark = watermark;
    this.scannedSequence = watermark;
    this.#sentSequence = watermark;
    this.#batchEvents = batchEvents;
    this.#windowBatches = windowBatches;
    this.#firstPublications = more.firstPublications ?? new FirstPublications();
    this.#firstPublications.advance(watermark);
    this.#bytes = new Uint8Array((batchEvents + 1) * SLOT_BYTES); // an event may take two slots
  }

  get sentSequence(): number {
    return this.#sentSequence;
  }

  /** Through which the broker has been given everything. */
  get publishedSequence(): number {
    return this.#pendingEvents === 0 ? this.scannedSequence : this.#sentSequence;
  }

  /** Through which all events of the partition are durable with the consumer. */
  get consumedSequence(): number {
    return this.#pendingEvents === 0 && this.#sentBatches.length === 0 ? this.scannedSequence : this.watermark;
  }

  get hasSent(): boolean {
    return this.#sentBatches.length > 0;
  }

  /** Worth reading on for: else it is left alone until more of its window is free. */
  get isHalfOpen(): boolean {
    return this.#sentBatches.length <= this.#windowBatches / 2;
  }

  /** @returns false, with nothing taken, when there is no room */
  tryTake(window: RecordWindow, offsetBytes: number, slots: number, sequence: number): boolean {
    const bytes = slots * SLOT_BYTES;
    if (!this.#hasRoomFor(bytes)) return false;
    this.#bytes.set(window.u8.subarray(offsetBytes, offsetBytes + bytes), this.#pendingBytes);
    this.#pendingBytes += bytes;
    this.#pendingEvents += 1;
    this.scannedSequence = sequence;
    return true;
  }

  /**
   * Whether a batch should go now: a full one whenever the window allows, a smaller one when nothing is on its way to
   * the broker. So single events go at once, and the busier it is the larger batches get.
   */
  get isDue(): boolean {
    if (this.isPaused || this.#sentBatches.length >= this.#windowBatches) return false;
    if (!this.#hasRoomFor(SLOT_BYTES)) return true;
    if (this.unconfirmedBatches > 0) return false;
    if (this.#pendingEvents > 0) return true;
    const behindEvents = this.scannedSequence - this.#sentSequence;
    return behindEvents > (this.mustAdvance ? 0 : QUIET_EVENTS);
  }

  /** Takes the pending events as a batch that is being sent. */
  takeBatch(): { readonly header: BatchHeader; readonly body: Buffer } {
    const header = {
      partition: this.partition,
      beforeSequence: this.#sentSequence,
      lastSequence: this.scannedSequence,
      eventCount: this.#pendingEvents,
      firstPublishedMs: this.#firstPublications.send(this.#sentSequence, this.scannedSequence),
    };
    const body = Buffer.from(this.#bytes.subarray(0, this.#pendingBytes)); // a copy: the socket sends it later
    if (this.#sentBatches.length === 0) this.movedAtMs = performance.now();
    this.#sentSequence = this.scannedSequence;
    this.#sentBatches.push(this.#sentSequence);
    this.#clearPending();
    this.mustAdvance = false;
    return { header, body };
  }

  /** @returns whether the watermark has moved */
  advance(watermark: number): boolean {
    if (watermark <= this.watermark) return false;
    this.watermark = watermark;
    this.movedAtMs = performance.now();
    this.#sentBatches = this.#sentBatches.filter((lastSequence) => lastSequence > watermark);
    this.#firstPublications.advance(watermark);
    return true;
  }

  /** Forgets what was sent or is pending after that event. @param cursor that moves to the event after it next */
  rewind(afterSequence: number, cursor: EventRecordCursor): void {
    this.watermark = afterSequence;
    this.movedAtMs = performance.now();
    this.#sentSequence = afterSequence;
    this.scannedSequence = afterSequence;
    this.#sentBatches = [];
    this.#clearPending();
    this.follow(cursor);
  }

  /** @param cursor of its own from now on; null: the common one again */
  follow(cursor: EventRecordCursor | null): void {
    this.cursor?.close();
    this.cursor = cursor;
    this.hasRecord = false;
  }

  #hasRoomFor(bytes: number): boolean {
    return this.#pendingEvents < this.#batchEvents && this.#pendingBytes + bytes <= this.#bytes.byteLength;
  }

  #clearPending(): void {
    this.#pendingBytes = 0;
    this.#pendingEvents = 0;
  }
}
