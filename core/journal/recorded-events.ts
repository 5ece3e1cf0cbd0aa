import { eventSlots } from '../protocol/event-record.ts';
import { type RecordWindow, SLOT_BYTES } from '../protocol/record-window.ts';
import { LogKind } from './frame.ts';
import { BehaviourChangedError } from './journal-errors.ts';
import { LogReader } from './log-reader.ts';
import type { Frame } from './segment-reader.ts';

/** The events that the log held at start, compared one by one with those that the replay gives again. */
export class RecordedEvents {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly #reader: LogReader;
  #frame: Frame | null = null;
  #offsetBytes = 0; // of the next record in the frame
  #sequence: number; // of that record

  /** @param firstSequence the first event to be compared */
  constructor(dataFolder: string, firstSequence: number, lastSequence: number) {
    this.firstSequence = firstSequence;
    this.lastSequence = lastSequence;
    this.#reader = new LogReader(dataFolder, LogKind.EVENTS);
    this.#reader.seek(firstSequence - 1);
    this.#sequence = firstSequence;
  }

  /**
   * Compares the next event, slots and all. Called for every event from firstSequence up to lastSequence, in order.
   * @throws BehaviourChangedError
   */
  compare(window: RecordWindow, offsetBytes: number, continuationOffsetBytes: number, slots: number): void {
    const frame = this.#frameOfNext();
    const at = this.#offsetBytes;
    const isSame =
      eventSlots(frame.window, at) === slots &&
      isSameSlot(frame.window, at, window, offsetBytes) &&
      (slots === 1 || isSameSlot(frame.window, at + SLOT_BYTES, window, continuationOffsetBytes));
    if (!isSame) throw new BehaviourChangedError(this.#sequence, 'the replay gives other bytes than the event log');
    this.#offsetBytes += slots * SLOT_BYTES;
    this.#sequence += 1;
  }

  close(): void {
    this.#reader.close();
  }

  #frameOfNext(): Frame {
    if (this.#frame !== null && this.#offsetBytes < this.#frame.byteLength) return this.#frame;
    const frame = this.#reader.nextFrame();
    if (frame === null) throw new BehaviourChangedError(this.#sequence, 'the event log ended before it was compared');
    this.#offsetBytes = 0;
    for (let sequence = frame.firstSequence; sequence < this.#sequence; sequence++)
      this.#offsetBytes += eventSlots(frame.window, this.#offsetBytes) * SLOT_BYTES;
    this.#frame = frame;
    return frame;
  }
}

function isSameSlot(left: RecordWindow, leftAt: number, right: RecordWindow, rightAt: number): boolean {
  const leftWords = left.i32;
  const rightWords = right.i32;
  for (let word = 0; word < SLOT_BYTES / 4; word++)
    if (leftWords[(leftAt >> 2) + word] !== rightWords[(rightAt >> 2) + word]) return false;
  return true;
}
