import type { SnapshotMarket } from '../../core/journal/snapshot-reader.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { EventKind, InstrumentState } from '../../core/protocol/kinds.ts';
import type { EventListener } from '../orders/event-reader.ts';

/** What each instrument takes now, as the core has it. */
export class InstrumentStates implements EventListener {
  readonly #states = new Map<number, InstrumentState>(); // by instrument id; those never changed are not in it

  state(instrumentId: number): InstrumentState {
    return this.#states.get(instrumentId) ?? InstrumentState.TRADING;
  }

  /** @param markets as they stand in a snapshot, before the first event */
  prime(markets: readonly SnapshotMarket[]): void {
    for (const { instrumentId, state } of markets) this.#states.set(instrumentId, state);
  }

  onEvent(event: ExchangeEvent): void {
    if (event.kind === EventKind.INSTRUMENT_STATE_CHANGED) this.#states.set(event.instrumentId, event.state);
  }
}
