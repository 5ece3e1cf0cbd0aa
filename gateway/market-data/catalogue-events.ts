import { fail } from '../../core/assert.ts';
import type { SnapshotDefinition, SnapshotMarket } from '../../core/journal/snapshot-reader.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import { defineInstrument } from '../../core/money/instrument.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { EventKind } from '../../core/protocol/kinds.ts';
import type { EventListener } from '../orders/event-reader.ts';

/** Fills the catalogue with what the journal defined and updated. What is checked there is checked again on the way in. */
export class CatalogueEvents implements EventListener {
  readonly #catalogue: Catalogue;

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue;
  }

  onEvent(event: ExchangeEvent): void {
    if (event.kind === EventKind.ASSET_DEFINED) {
      this.#catalogue.putAsset(event.asset);
    } else if (event.kind === EventKind.INSTRUMENT_DEFINED) {
      const base = this.#catalogue.asset(event.baseAssetId);
      const quote = this.#catalogue.asset(event.quoteAssetId);
      if (base === undefined || quote === undefined)
        fail(`instrument ${event.definition.symbol} names an asset that was not defined before it`);
      this.#catalogue.putInstrument(defineInstrument({ ...event.definition, base, quote }));
    } else if (event.kind === EventKind.INSTRUMENT_UPDATED) {
      this.#catalogue.updateInstrument(event.instrumentId, event);
    }
  }

  /** @param definitions in their order, and @param markets what has changed since, as a snapshot has them */
  prime(definitions: readonly SnapshotDefinition[], markets: readonly SnapshotMarket[]): void {
    for (const definition of definitions) this.onEvent(definition);
    for (const market of markets) this.#catalogue.updateInstrument(market.instrumentId, market);
  }
}
