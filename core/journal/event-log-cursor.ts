import { decodeEvent, type ExchangeEvent } from '../protocol/event-decoder.ts';
import { SLOT_BYTES } from '../protocol/record-window.ts';
import { EventRecordCursor } from './event-record-cursor.ts';

/** Reads decoded events from the event log, from a watermark up to an end that the journal thread announced. */
export class EventLogCursor {
  readonly #records: EventRecordCursor;

  /**
   * @param folder the data folder
   * @param afterSequence the first event returned is the one after it
   */
  constructor(folder: string, afterSequence: number) {
    this.#records = new EventRecordCursor(folder, afterSequence);
  }

  /**
   * @param throughSequence at or before the announced end of the log
   * @param limit events at most, ≥ 1
   * @returns the next events in order, none after `throughSequence`; [] when all up to it were returned
   * @throws as EventRecordCursor.advance
   */
  next(throughSequence: number, limit: number): ExchangeEvent[] {
    const records = this.#records;
    const events: ExchangeEvent[] = [];
    while (events.length < limit && records.advance(throughSequence))
      events.push(decodeEvent(records.window, records.offsetBytes, records.offsetBytes + SLOT_BYTES));
    return events;
  }

  close(): void {
    this.#records.close();
  }
}
