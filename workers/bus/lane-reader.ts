import { EventRecordCursor } from '../../core/journal/event-record-cursor.ts';
import { partitionOfRecord } from '../../core/ports/event-feed.ts';
import type { PublisherLane } from './publisher-lane.ts';

/** Records looked at before the event loop has its turn. */
const STEP_RECORDS = 4_096;

/**
 * Brings the event log's records to the lanes of one consumer. One cursor reads for all of them, each record once. A lane
 * that has no room for its record leaves it behind, and goes on with a cursor of its own, from there, when it has room
 * again, until it has caught up: a partition that is slow, or stands still, holds up no other.
 */
export class LaneReader {
  readonly #folder: string;
  readonly #lanes: readonly PublisherLane[]; // by partition
  readonly #flush: (lane: PublisherLane) => void;
  readonly #common: EventRecordCursor;

  /** @param flush sends the lane's batch if it is due and can be sent */
  constructor(folder: string, lanes: readonly PublisherLane[], flush: (lane: PublisherLane) => void) {
    this.#folder = folder;
    this.#lanes = lanes;
    this.#flush = flush;
    this.#common = new EventRecordCursor(folder, Math.min(...lanes.map(({ watermark }) => watermark)));
  }

  /**
   * Reads on for a while.
   * @param endSequence the announced end of the log
   * @returns whether there is more to read at once
   */
  step(endSequence: number): boolean {
    const hasMore = this.#readForAll(endSequence);
    let lagsBehind = false;
    for (const lane of this.#lanes) {
      if (lane.cursor !== null && lane.isHalfOpen && !lane.isPaused)
        lagsBehind = this.#catchUp(lane, endSequence) || lagsBehind;
      this.#flush(lane);
    }
    return hasMore || lagsBehind;
  }

  /** Has the lane begin again after that event. */
  rewind(lane: PublisherLane, afterSequence: number): void {
    lane.rewind(afterSequence, new EventRecordCursor(this.#folder, afterSequence));
  }

  close(): void {
    this.#common.close();
    for (const lane of this.#lanes) lane.follow(null);
  }

  #readForAll(endSequence: number): boolean {
    const common = this.#common;
    let records = 0;
    while (records < STEP_RECORDS && common.advance(endSequence)) {
      records += 1;
      const { window, offsetBytes, slots, sequence } = common;
      const lane = this.#lanes[partitionOfRecord(window, offsetBytes, this.#lanes.length)]!;
      if (lane.cursor !== null || sequence <= lane.scannedSequence) continue;
      if (lane.tryTake(window, offsetBytes, slots, sequence)) continue;
      this.#flush(lane);
      if (!lane.tryTake(window, offsetBytes, slots, sequence)) lane.follow(common.forkBefore());
    }
    for (const lane of this.#lanes)
      if (lane.cursor === null && lane.scannedSequence < common.sequence) lane.scannedSequence = common.sequence;
    return records === STEP_RECORDS;
  }

  /** @returns whether it has stopped with room and records left */
  #catchUp(lane: PublisherLane, endSequence: number): boolean {
    const cursor = lane.cursor!;
    for (let records = 0; records < STEP_RECORDS; records++) {
      if (!lane.hasRecord && !cursor.advance(endSequence)) {
        lane.scannedSequence = Math.max(lane.scannedSequence, endSequence);
        lane.follow(null); // the common cursor has not read further
        return false;
      }
      lane.hasRecord = false;
      const { window, offsetBytes, slots, sequence } = cursor;
      if (partitionOfRecord(window, offsetBytes, this.#lanes.length) !== lane.partition) continue;
      if (lane.tryTake(window, offsetBytes, slots, sequence)) continue;
      this.#flush(lane);
      if (lane.tryTake(window, offsetBytes, slots, sequence)) continue;
      lane.hasRecord = true;
      return false;
    }
    return true;
  }
}
