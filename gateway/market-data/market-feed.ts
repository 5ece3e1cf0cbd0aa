import { fail } from '../../core/assert.ts';
import type { Catalogue } from '../../core/money/catalogue.ts';
import type { Instrument } from '../../core/money/instrument.ts';
import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { EventKind } from '../../core/protocol/kinds.ts';
import type { EventListener } from '../orders/event-reader.ts';
import type { Depth, DepthChange } from './depth.ts';
import type { PublicTrade, TradeTape } from './trade-tape.ts';

export type ChangeReason = 'place' | 'trade' | 'cancel';

export type MarketEvent =
  | { readonly type: 'trade'; readonly trade: PublicTrade }
  | { readonly type: 'change'; readonly change: DepthChange; readonly reason: ChangeReason };

/** What happened to one instrument in one turn of the event loop, in order: a trade stands before what it changed. */
export interface MarketTurn {
  readonly instrument: Instrument;
  readonly eventSequence: number; // of the last event
  readonly timestampMs: number; // of the last event
  readonly events: readonly MarketEvent[];
}

type MutableTurn = { -readonly [Field in keyof MarketTurn]: MarketTurn[Field] } & { readonly events: MarketEvent[] };

export interface MarketListener {
  /** Whether anybody looks at this instrument: nothing is gathered for nobody. */
  isListening(instrumentId: number): boolean;
  /** Depth and tape are exactly at the end of the turn. */
  onTurn(turn: MarketTurn): void;
}

/**
 * Gathers what each instrument's trades and levels do and hands it on once per turn: whoever joins between two turns
 * gets a picture to which the next turn's changes fit.
 */
export class MarketFeed implements EventListener {
  readonly #catalogue: Catalogue;
  readonly #depth: Depth;
  readonly #tape: TradeTape;
  readonly #listeners: MarketListener[] = [];
  readonly #turns = new Map<number, MutableTurn>(); // by instrument id, of this turn
  readonly #versions = new Map<number, number>(); // by instrument id

  constructor(catalogue: Catalogue, depth: Depth, tape: TradeTape) {
    this.#catalogue = catalogue;
    this.#depth = depth;
    this.#tape = tape;
  }

  addListener(listener: MarketListener): void {
    this.#listeners.push(listener);
  }

  /** @returns sequence of the last event that changed the instrument's book or traded it; 0 for none */
  version(instrumentId: number): number {
    return this.#versions.get(instrumentId) ?? 0;
  }

  onEvent(event: ExchangeEvent): void {
    const { changes } = this.#depth;
    if (changes.length === 0 || !('instrumentId' in event)) return; // every trade changes a level, too
    const { instrumentId } = event;
    this.#versions.set(instrumentId, event.eventSequence);
    if (!this.#listeners.some((listener) => listener.isListening(instrumentId))) return;
    const turn = this.#turn(instrumentId);
    turn.eventSequence = event.eventSequence;
    turn.timestampMs = event.timestampMs;
    if (event.kind === EventKind.FILLED) {
      const trade = this.#tape.last(instrumentId) ?? fail(`trade ${event.eventSequence} is not on the tape`);
      turn.events.push({ type: 'trade', trade });
    }
    const reason = reasonOf(event);
    for (const change of changes) turn.events.push({ type: 'change', change, reason });
  }

  onTurnEnd(): void {
    for (const [instrumentId, turn] of this.#turns)
      for (const listener of this.#listeners) if (listener.isListening(instrumentId)) listener.onTurn(turn);
    this.#turns.clear();
  }

  #turn(instrumentId: number): MutableTurn {
    let turn = this.#turns.get(instrumentId);
    if (turn === undefined) {
      const instrument = this.#catalogue.instrument(instrumentId) ?? fail(`no instrument ${instrumentId}`);
      turn = { instrument, eventSequence: 0, timestampMs: 0, events: [] };
      this.#turns.set(instrumentId, turn);
    }
    return turn;
  }
}

function reasonOf(event: ExchangeEvent): ChangeReason {
  if (event.kind === EventKind.FILLED) return 'trade';
  return event.kind === EventKind.BOOKED ? 'place' : 'cancel';
}
