import type { Catalogue } from '../../core/money/catalogue.ts';
import { defineInstrument } from '../../core/money/instrument.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { EventKind } from '../../core/protocol/kinds.ts';

/** Puts what an event defines into a catalogue. Assets come before the instruments that name them. */
export function define(catalogue: Catalogue, event: ExchangeEvent): void {
  if (event.kind === EventKind.ASSET_DEFINED) catalogue.putAsset(event.asset);
  if (event.kind !== EventKind.INSTRUMENT_DEFINED) return;
  const base = catalogue.asset(event.baseAssetId)!;
  const quote = catalogue.asset(event.quoteAssetId)!;
  catalogue.putInstrument(defineInstrument({ ...event.definition, base, quote }));
}
