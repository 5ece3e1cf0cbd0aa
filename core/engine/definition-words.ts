import { MAX_ASSET_ID } from '../money/asset.ts';
import { MAX_INSTRUMENT_ID } from '../money/instrument.ts';
import { EVENT } from '../protocol/event-record.ts';
import type { EventKind } from '../protocol/kinds.ts';
import { RecordWindow, SLOT_BYTES } from '../protocol/record-window.ts';
import type { SectionReader } from '../protocol/state-sections.ts';

/**
 * How accepted definitions are kept, for the state hash and in state section DEFINITIONS: per definition its event kind,
 * its instrument (0 for an asset) and bytes 40 … 127 of its record, as Int32 words.
 */
export const FIRST_DEFINED_BYTE = 40;
const DEFINITION_WORDS = 2 + (SLOT_BYTES - FIRST_DEFINED_BYTE) / 4;
/** Ids of both kinds, each of which is defined once: a bound for what a state may hold. */
const MAX_DEFINITIONS = MAX_ASSET_ID + MAX_INSTRUMENT_ID;

export interface DefinitionRecord {
  readonly kind: EventKind; // ASSET_DEFINED or INSTRUMENT_DEFINED in a state that makes sense
  readonly words: Int32Array;
  /** The definition as an event: kind, instrument and bytes 40 … 127; sequences, time and command id are 0. */
  readonly record: RecordWindow;
}

/** @throws StateFormatError */
export function* readDefinitions(section: SectionReader): Generator<DefinitionRecord> {
  const all = new Int32Array(section.integer('words', 0, MAX_DEFINITIONS * DEFINITION_WORDS));
  section.array(all);
  if (all.length % DEFINITION_WORDS !== 0) section.refuse(`${all.length} words are no whole definitions`);
  for (let first = 0; first < all.length; first += DEFINITION_WORDS) {
    const words = all.subarray(first, first + DEFINITION_WORDS);
    const record = new RecordWindow(new ArrayBuffer(SLOT_BYTES));
    record.u8[EVENT.KIND] = words[0]!;
    record.u16[EVENT.INSTRUMENT_ID >> 1] = words[1]!;
    record.i32.set(words.subarray(2), FIRST_DEFINED_BYTE >> 2);
    yield { kind: words[0] as EventKind, words, record };
  }
}
