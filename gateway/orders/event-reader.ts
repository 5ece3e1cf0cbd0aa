import { fail } from '../../core/assert.ts';
import { decodeEvent, type ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { EVENT, eventSlots } from '../../core/protocol/event-record.ts';
import { type RingBuffers, RingReader } from '../../core/ring/ring.ts';
import { EVENT_READER, releaseEvents } from '../../core/threads/ring-readers.ts';
import { CONTROL, isReached } from '../../core/threads/shared-control.ts';

/** Takes every event once, in order. Must not throw but for a broken fact. */
export interface EventListener {
  onEvent(event: ExchangeEvent): void;
  /** Called after the events of one turn, before anything else can look at what they changed. */
  onTurnEnd?(): void;
}

/** Events handled in one turn of the event loop, so that requests never wait long behind a sweep. */
const MAX_EVENTS_PER_POLL = 2_000;
/** Slots are given back at least this often, so that an engine that waits for room goes on. */
const MAX_EVENTS_PER_RELEASE = 128;

/**
 * The gateway's end of the event ring. Stops at the first event whose command is not durable: nothing that a crash
 * could undo is ever told to anyone.
 */
export class EventReader {
  readonly #ring: RingReader;
  readonly #control: Int32Array;
  readonly #listeners: readonly EventListener[];
  #lastSequence = 0;

  /** @param listeners each gets an event before the next one does, in this order */
  constructor(ring: RingBuffers, control: Int32Array, listeners: readonly EventListener[]) {
    this.#ring = new RingReader(ring, EVENT_READER.GATEWAY);
    this.#control = control;
    this.#listeners = listeners;
  }

  /** Sequence of the newest event that the listeners have. */
  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** Begins after an event instead of with the first: the listeners were brought there. Before the first poll. */
  beginAfter(eventSequence: number): void {
    if (this.#lastSequence !== 0) fail(`events have been read through ${this.#lastSequence} already`);
    this.#lastSequence = eventSequence;
  }

  /** @returns true when durable events are left for the next turn */
  poll(): boolean {
    const ring = this.#ring;
    let events = 0;
    let index = 0;
    let eventsHeld = 0;
    let available = ring.available();
    while (index < available && events < MAX_EVENTS_PER_POLL && this.#isDurable(ring.offsetAt(index))) {
      const at = ring.offsetAt(index);
      const slots = eventSlots(ring.window, at);
      if (index + slots > available) fail(`half of event ${this.#lastSequence + 1} was published`);
      this.#take(decodeEvent(ring.window, at, ring.offsetAt(index + 1)));
      index += slots;
      events += 1;
      eventsHeld += 1;
      if (eventsHeld < MAX_EVENTS_PER_RELEASE) continue;
      releaseEvents(ring, index, this.#control);
      index = 0;
      eventsHeld = 0;
      available = ring.available();
    }
    if (index > 0) releaseEvents(ring, index, this.#control);
    if (events > 0) for (const listener of this.#listeners) listener.onTurnEnd?.();
    return events === MAX_EVENTS_PER_POLL;
  }

  #isDurable(at: number): boolean {
    const commandSequence = this.#ring.window.f64[(at + EVENT.COMMAND_SEQUENCE) >> 3]!;
    return isReached(this.#control, CONTROL.DURABLE_COMMAND, commandSequence);
  }

  #take(event: ExchangeEvent): void {
    if (event.eventSequence !== this.#lastSequence + 1)
      fail(`event ${event.eventSequence} in the ring where ${this.#lastSequence + 1} must be`);
    this.#lastSequence = event.eventSequence;
    for (const listener of this.#listeners) listener.onEvent(event);
  }
}
