import type { SectionBytes } from '../protocol/state-sections.ts';

/** Room that is set aside at start. Full is a typed reject, never a resize. */
export interface EngineLimits {
  readonly maxOrders: number; // resting or waiting as stops, all instruments together: 92 bytes each
  readonly maxLevels: number; // price levels in use, all instruments together
  readonly maxInstruments: number; // instrument ids are 1 … this
}

export const DEFAULT_ENGINE_LIMITS: EngineLimits = { maxOrders: 2 ** 20, maxLevels: 2 ** 17, maxInstruments: 1_024 };

/** All that an engine is between two commands, and what one needs to know of it without an engine. */
export interface EngineState {
  readonly limits: EngineLimits; // they decide what is refused as full
  readonly commandSequence: number; // of the last command applied
  readonly eventSequence: number; // of its last event
  readonly timestampMs: number; // its time
  readonly restingOrders: number;
  readonly stateHash: string | null; // 16 hex digits; null when it was not computed
  readonly sections: readonly SectionBytes[];
}
