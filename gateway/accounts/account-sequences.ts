import { partitionOf } from '../../core/ports/event-feed.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { EventKind } from '../../core/protocol/kinds.ts';
import type { EventListener } from '../orders/event-reader.ts';

/** The newest event of each account in each partition: what settlement must have done before its balances are current. */
export class AccountSequences implements EventListener {
  readonly partitionCount: number;
  readonly #newest = new Map<number, Float64Array>(); // by account id
  #unseenSequence = 0; // of the events up to this one none was seen, and settlement may not have passed them

  constructor(partitionCount: number) {
    this.partitionCount = partitionCount;
  }

  /** @returns by partition, 0 where the account has no event; a copy */
  newest(accountId: number): Float64Array {
    const newest = this.#newest.get(accountId)?.slice() ?? new Float64Array(this.partitionCount);
    return this.#unseenSequence === 0 ? newest : newest.map((sequence) => Math.max(sequence, this.#unseenSequence));
  }

  /** It begins behind this event: whose events came before is unknown, so every account may have had some. */
  beginAfter(eventSequence: number): void {
    this.#unseenSequence = eventSequence;
  }

  /** Settlement has passed the event that it began behind: those from before it are in every balance. */
  settledBegin(): void {
    this.#unseenSequence = 0;
  }

  onEvent(event: ExchangeEvent): void {
    if (event.kind === EventKind.FILLED) {
      this.#note(event.makerAccountId, event);
      this.#note(event.takerAccountId, event);
    } else if ('accountId' in event) {
      this.#note(event.accountId, event);
    }
  }

  #note(accountId: number, event: ExchangeEvent): void {
    let newest = this.#newest.get(accountId);
    if (newest === undefined) {
      newest = new Float64Array(this.partitionCount);
      this.#newest.set(accountId, newest);
    }
    newest[partitionOf(event, this.partitionCount)] = event.eventSequence;
  }
}
