import { fail } from '../assert.ts';
import { EVENT, eventSlots } from '../protocol/event-record.ts';
import { type RecordWindow, SLOT_BYTES } from '../protocol/record-window.ts';
import { LogKind } from './frame.ts';
import { LogReader } from './log-reader.ts';
import type { Frame } from './segment-reader.ts';

/** Goes through the event log record by record, from a watermark up to an end that the journal thread announced. */
export class EventRecordCursor {
  readonly #folder: string;
  readonly #reader: LogReader;
  #frame: Frame | null = null;
  #nextOffsetBytes = 0; // of the next record in the frame
  /** Of the present record, or the watermark it began from. */
  sequence: number;
  /** Where the present record begins in the window; its slots lie one behind the other. */
  offsetBytes = 0;
  /** Of the present record. */
  slots = 0;

  /**
   * @param folder the data folder
   * @param afterSequence the first event is the one after it
   * @param reader at the frame that holds it; left out it is looked for, through all of its segment
   */
  constructor(folder: string, afterSequence: number, reader?: LogReader) {
    this.#folder = folder;
    this.#reader = reader ?? new LogReader(folder, LogKind.EVENTS);
    if (reader === undefined) this.#reader.seek(afterSequence);
    this.sequence = afterSequence;
  }

  /** Over the present record's frame, until the next call of `advance`. */
  get window(): RecordWindow {
    return this.#frame!.window;
  }

  /**
   * Moves to the next event.
   * @param throughSequence at or before the announced end of the log
   * @returns false, with nothing changed, when the next event lies behind it
   * @throws InvariantError when the log does not hold what was announced; LogRangeError, JournalDamagedError,
   *   UnknownVersionError, StorageError
   */
  advance(throughSequence: number): boolean {
    if (this.sequence >= throughSequence) return false;
    for (;;) {
      const { window } = this.#frameWithMore(throughSequence);
      const at = this.#nextOffsetBytes;
      const slots = eventSlots(window, at);
      this.#nextOffsetBytes = at + slots * SLOT_BYTES;
      const sequence = window.f64[(at + EVENT.EVENT_SEQUENCE) >> 3]!;
      if (sequence <= this.sequence) continue; // earlier records of the first frame
      if (sequence !== this.sequence + 1) fail(`event log: event ${sequence} after ${this.sequence}`);
      this.sequence = sequence;
      this.offsetBytes = at;
      this.slots = slots;
      return true;
    }
  }

  /** @returns a cursor of its own that moves to the present event next, after the first `advance` of this one */
  forkBefore(): EventRecordCursor {
    return new EventRecordCursor(this.#folder, this.sequence - 1, this.#reader.fork(this.#frame!));
  }

  close(): void {
    this.#reader.close();
    this.#frame = null;
  }

  #frameWithMore(throughSequence: number): Frame {
    if (this.#frame !== null && this.#nextOffsetBytes < this.#frame.byteLength) return this.#frame;
    const frame = this.#reader.nextFrame();
    if (frame === null) fail(`event log: ends at ${this.sequence}, ${throughSequence} was announced`);
    this.#frame = frame;
    this.#nextOffsetBytes = 0;
    return frame;
  }
}
