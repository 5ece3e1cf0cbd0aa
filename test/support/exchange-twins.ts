import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { EventKind } from '../../core/protocol/kinds.ts';
import { EngineHarness, type HarnessOptions, TEST_LIMITS } from './engine-harness.ts';
import type { ExchangeCommand } from './exchange-command.ts';
import { ReferenceExchange, UNKNOWN_STATE_HASH } from './reference-book.ts';
import type { Place } from './reference-events.ts';

/** The engine and the slow reference side by side: both get every command, and must answer the same events. */
export class ExchangeTwins {
  readonly harness: EngineHarness;
  readonly reference: ReferenceExchange;

  constructor(options: HarnessOptions = {}) {
    this.harness = new EngineHarness(options);
    this.reference = new ReferenceExchange(options.limits ?? TEST_LIMITS);
  }

  /**
   * @param context named when they differ: where to find the command again
   * @returns the engine's events
   */
  apply(command: ExchangeCommand, context = ''): ExchangeEvent[] {
    const events = this.harness.apply(command);
    const expected = this.reference.apply(command, placesOf(events));
    const comparable = events.map(withoutStateHash);
    if (!isDeepStrictEqual(comparable, expected)) expect(comparable, context).toEqual(expected);
    return events;
  }

  /** That the engine's own facts hold, and that as many orders rest in both. */
  verify(): void {
    this.harness.engine.verifyInvariants();
    expect(this.harness.engine.restingOrders).toBe(this.reference.restingOrders);
  }
}

function placesOf(events: readonly ExchangeEvent[]): Place[] {
  return events
    .filter((event) => event.kind === EventKind.BOOKED || event.kind === EventKind.STOP_PLACED)
    .map(({ slot, generation }) => ({ slot, generation }));
}

/** The reference has no state hash: hashes are compared between engines, bytes of checkpoints included. */
function withoutStateHash(event: ExchangeEvent): ExchangeEvent {
  return event.kind === EventKind.CHECKPOINTED ? { ...event, stateHash: UNKNOWN_STATE_HASH } : event;
}
