import { fail } from '../assert.ts';
import type { EventLogWriter } from '../journal/event-log-writer.ts';
import type { WriteOutcome } from '../journal/file-operations.ts';
import type { FrameBuilder } from '../journal/frame.ts';
import type { RecordedEvents } from '../journal/recorded-events.ts';
import { EVENT, eventSlots } from '../protocol/event-record.ts';
import type { RingReader } from '../ring/ring.ts';
import { copySlots, releaseEvents } from './ring-readers.ts';

/** Slots looked at in one turn, so that commands never wait long behind a comparison. */
const MAX_TURN_SLOTS = 2_048;

/**
 * Takes events from their ring into the event log, a batch at a time. Those of a replay that the log has already are
 * compared with it instead, so that a program with other rules is noticed before anything is appended.
 */
export class EventIntake {
  readonly #ring: RingReader;
  readonly #control: Int32Array;
  readonly #log: EventLogWriter;
  readonly #recorded: RecordedEvents;
  readonly #batch: FrameBuilder;
  #nextSequence: number;
  #takenSlots = 0; // of the ring, kept until what is in them is compared and in the log

  /**
   * @param recorded what the log held at start; this intake closes it when all of it is compared
   * @param firstSequence of the replay; events before the first recorded one are in retired segments, and dropped
   */
  constructor(
    ring: RingReader,
    control: Int32Array,
    log: EventLogWriter,
    recorded: RecordedEvents,
    firstSequence: number,
  ) {
    this.#ring = ring;
    this.#control = control;
    this.#log = log;
    this.#recorded = recorded;
    this.#batch = log.newBatch();
    this.#nextSequence = firstSequence;
  }

  /** Whether all that the log held at start was compared. */
  get hasCompared(): boolean {
    return this.#nextSequence > this.#recorded.lastSequence;
  }

  get isDrained(): boolean {
    return this.#ring.available() === 0;
  }

  /**
   * @param durableCommandSequence events of later commands stay in the ring
   * @returns DONE when events were taken and their slots are free; IDLE when there are none; DISK_FULL when a batch waits
   *   for space: the next call tries it again
   * @throws BehaviourChangedError, StorageError
   */
  turn(durableCommandSequence: number): WriteOutcome | 'IDLE' {
    if (this.#takenSlots === 0) this.#take(durableCommandSequence);
    if (this.#takenSlots === 0) return 'IDLE';
    if (this.#batch.recordCount > 0 && this.#log.append(this.#batch) === 'DISK_FULL') return 'DISK_FULL';
    this.#batch.clear();
    releaseEvents(this.#ring, this.#takenSlots, this.#control);
    this.#takenSlots = 0;
    return 'DONE';
  }

  #take(durableCommandSequence: number): void {
    const ring = this.#ring;
    const { window } = ring;
    const available = ring.available();
    let index = 0;
    let batchFrom = 0; // what stands before it in the ring is in the log already
    while (index < available && index < MAX_TURN_SLOTS) {
      const offsetBytes = ring.offsetAt(index);
      if (window.f64[(offsetBytes + EVENT.COMMAND_SEQUENCE) >> 3]! > durableCommandSequence) break;
      const sequence = window.f64[(offsetBytes + EVENT.EVENT_SEQUENCE) >> 3]!;
      if (sequence !== this.#nextSequence) fail(`event ${sequence} in the ring where ${this.#nextSequence} must be`);
      const slots = eventSlots(window, offsetBytes);
      if (index + slots > available) fail(`half of event ${sequence} was published`);
      if (sequence > this.#recorded.lastSequence) {
        if (!this.#batch.tryCount(window, offsetBytes, slots)) break;
      } else {
        // Before the first recorded one: retired from the log. Its consumers are past it, and what follows is compared.
        if (sequence >= this.#recorded.firstSequence) {
          this.#recorded.compare(window, offsetBytes, ring.offsetAt(index + 1), slots);
          if (sequence === this.#recorded.lastSequence) this.#recorded.close();
        }
        batchFrom = index + slots;
      }
      this.#nextSequence += 1;
      index += slots;
    }
    copySlots(ring, batchFrom, index, this.#batch);
    this.#takenSlots = index;
  }
}
