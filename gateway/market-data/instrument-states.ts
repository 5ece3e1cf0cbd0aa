import type { SnapshotMarket } from '../../core/journal/snapshot-reader.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { EventKind, InstrumentState } from '../../core/protocol/kinds.ts';
import type { EventListener } from '../orders/event-reader.ts';

/** Prices beyond which nothing trades: so far to both sides of a reference price. */
export interface PriceBand {
  readonly priceBandPpm: number; // 0 for none
  readonly referencePriceTicks: number; // 0 for the last trade
}

const NO_BAND: PriceBand = { priceBandPpm: 0, referencePriceTicks: 0 };

/** What each instrument takes now, and within which prices, as the core has it. */
export class InstrumentStates implements EventListener {
  readonly #states = new Map<number, InstrumentState>(); // by instrument id; those never changed are not in it
  readonly #bands = new Map<number, PriceBand>(); // as above

  state(instrumentId: number): InstrumentState {
    return this.#states.get(instrumentId) ?? InstrumentState.TRADING;
  }

  band(instrumentId: number): PriceBand {
    return this.#bands.get(instrumentId) ?? NO_BAND;
  }

  /** @param markets as they stand in a snapshot, before the first event */
  prime(markets: readonly SnapshotMarket[]): void {
    for (const { instrumentId, state, priceBandPpm, referencePriceTicks } of markets) {
      this.#states.set(instrumentId, state);
      this.#bands.set(instrumentId, { priceBandPpm, referencePriceTicks });
    }
  }

  onEvent(event: ExchangeEvent): void {
    if (event.kind === EventKind.INSTRUMENT_STATE_CHANGED) this.#states.set(event.instrumentId, event.state);
    else if (event.kind === EventKind.INSTRUMENT_UPDATED) {
      const { priceBandPpm, referencePriceTicks } = event;
      this.#bands.set(event.instrumentId, { priceBandPpm, referencePriceTicks });
    }
  }
}
