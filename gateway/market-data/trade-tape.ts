import type { ExchangeEvent } from '../../core/protocol/event-decoder.ts';
import { EventKind, type Side } from '../../core/protocol/kinds.ts';
import type { EventListener } from '../orders/event-reader.ts';

/** A trade as everybody may see it. */
export interface PublicTrade {
  readonly tradeId: number; // its event's sequence
  readonly instrumentId: number;
  readonly timestampMs: number;
  readonly takerSide: Side;
  readonly priceTicks: number;
  readonly quantityLots: number;
}

/** Trades kept of each instrument: what one answer may hold. */
export const TAPE_TRADES = 500;

/** The newest trades of every instrument, and the last one's price. */
export class TradeTape implements EventListener {
  readonly #trades = new Map<number, PublicTrade[]>(); // by instrument id, oldest first, up to twice as many as kept

  /** @returns at most `limit` (1 … TAPE_TRADES), newest first */
  newest(instrumentId: number, limit: number): PublicTrade[] {
    return (this.#trades.get(instrumentId) ?? []).slice(-limit).reverse();
  }

  last(instrumentId: number): PublicTrade | undefined {
    return this.#trades.get(instrumentId)?.at(-1);
  }

  /** @param trades of one instrument, oldest first, all before those of the events */
  prime(instrumentId: number, trades: readonly PublicTrade[]): void {
    this.#trades.set(instrumentId, [...trades.slice(-TAPE_TRADES), ...(this.#trades.get(instrumentId) ?? [])]);
  }

  onEvent(event: ExchangeEvent): void {
    if (event.kind !== EventKind.FILLED) return;
    const { eventSequence: tradeId, instrumentId, timestampMs, takerSide, priceTicks, quantityLots } = event;
    let trades = this.#trades.get(instrumentId);
    if (trades === undefined) {
      trades = [];
      this.#trades.set(instrumentId, trades);
    }
    trades.push({ tradeId, instrumentId, timestampMs, takerSide, priceTicks, quantityLots });
    if (trades.length >= 2 * TAPE_TRADES) trades.splice(0, trades.length - TAPE_TRADES);
  }
}
