import { fail } from '../assert.ts';
import { decodeEvent, type ExchangeEvent } from '../protocol/event-decoder.ts';
import { EVENT, eventSlots } from '../protocol/event-record.ts';
import { SLOT_BYTES } from '../protocol/record-window.ts';
import { LogKind } from './frame.ts';
import { LogReader } from './log-reader.ts';
import type { Frame } from './segment-reader.ts';

/** Reads decoded events from the event log, from a watermark up to an end that the journal thread announced. */
export class EventLogCursor {
  readonly #reader: LogReader;
  #lastSequence: number; // of the last event returned, or the watermark it began from
  #frame: Frame | null = null;
  #offsetBytes = 0; // of the next record in the frame

  /**
   * @param folder the data folder
   * @param afterSequence the first event returned is the one after it
   */
  constructor(folder: string, afterSequence: number) {
    this.#reader = new LogReader(folder, LogKind.EVENTS);
    this.#reader.seek(afterSequence);
    this.#lastSequence = afterSequence;
  }

  /**
   * @param throughSequence at or before the announced end of the log
   * @param limit events at most, ≥ 1
   * @returns the next events in order, none after `throughSequence`; [] when all up to it were returned
   * @throws InvariantError when the log does not hold what was announced; LogRangeError, JournalDamagedError,
   *   UnknownVersionError, StorageError
   */
  next(throughSequence: number, limit: number): ExchangeEvent[] {
    const events: ExchangeEvent[] = [];
    while (this.#lastSequence < throughSequence && events.length < limit) {
      const frame = this.#frameWithMore(throughSequence);
      const at = this.#offsetBytes;
      this.#offsetBytes += eventSlots(frame.window, at) * SLOT_BYTES;
      const sequence = frame.window.f64[(at + EVENT.EVENT_SEQUENCE) >> 3]!;
      if (sequence <= this.#lastSequence) continue; // earlier records of the first frame
      if (sequence !== this.#lastSequence + 1) fail(`event log: event ${sequence} after ${this.#lastSequence}`);
      events.push(decodeEvent(frame.window, at, at + SLOT_BYTES));
      this.#lastSequence = sequence;
    }
    return events;
  }

  close(): void {
    this.#reader.close();
    this.#frame = null;
  }

  #frameWithMore(throughSequence: number): Frame {
    if (this.#frame !== null && this.#offsetBytes < this.#frame.byteLength) return this.#frame;
    const frame = this.#reader.nextFrame();
    if (frame === null) fail(`event log: ends at ${this.#lastSequence}, ${throughSequence} was announced`);
    this.#frame = frame;
    this.#offsetBytes = 0;
    return frame;
  }
}
