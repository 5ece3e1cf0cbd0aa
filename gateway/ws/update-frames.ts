import type { Instrument } from '../../core/money/instrument.ts';
import { Side } from '../../core/protocol/kinds.ts';
import type { Depth, DepthLevel } from '../market-data/depth.ts';
import type { MarketEvent, MarketTurn } from '../market-data/market-feed.ts';
import { formatPrice, formatQuantity } from '../rest/formatting.ts';
import { isSelected, type UpdateSelection } from './update-selection.ts';

/**
 * Frames of v1 market data: `{"type":"update","eventId":…,"timestamp":…,"timestampms":…,"socket_sequence":…,"events":[…]}`.
 * The socket's own sequence stands in the middle, so a frame is kept in two parts and written once for many sockets.
 */
export interface FrameParts {
  readonly head: string; // up to the socket_sequence
  readonly tail: string; // from behind it
}

/** Best levels of a book, null for an empty side. */
export interface TopOfBook {
  readonly bid: DepthLevel | null;
  readonly ask: DepthLevel | null;
}

export function topOfBook(depth: Depth, instrumentId: number): TopOfBook {
  return { bid: depth.bids(instrumentId, 1)[0] ?? null, ask: depth.asks(instrumentId, 1)[0] ?? null };
}

export function frameText({ head, tail }: FrameParts, socketSequence: number): string {
  return head + socketSequence + tail;
}

/**
 * The book as it is, as far as selected.
 * @param isMulti events then carry their symbol, as on a socket of several instruments
 */
export function initialFrame(
  instrument: Instrument,
  depth: Depth,
  selection: UpdateSelection,
  isMulti: boolean,
  version: number,
): FrameParts {
  const { instrumentId } = instrument;
  const symbol = symbolField(instrument, isMulti);
  const limit = selection.topOfBook ? 1 : 0;
  const reason = selection.topOfBook ? 'top-of-book' : 'initial';
  const level = (side: 'bid' | 'ask', { priceTicks, lots }: DepthLevel) => {
    const amount = formatQuantity(instrument, lots);
    const delta = selection.topOfBook ? {} : { delta: amount };
    return {
      type: 'change',
      ...symbol,
      side,
      price: formatPrice(instrument, priceTicks),
      remaining: amount,
      ...delta,
      reason,
    };
  };
  const events = [
    ...(selection.bids ? depth.bids(instrumentId, limit).map((each) => level('bid', each)) : []),
    ...(selection.offers ? depth.asks(instrumentId, limit).map((each) => level('ask', each)) : []),
  ];
  return parts(`{"type":"update","eventId":${version}`, events);
}

/** @returns the turn's events as far as selected, or null when none is */
export function updateFrame(
  turn: MarketTurn,
  selection: UpdateSelection,
  isMulti: boolean,
  topBefore: TopOfBook,
  topNow: TopOfBook,
): FrameParts | null {
  const { instrument, timestampMs } = turn;
  const events = turn.events
    .filter((event) => isSelected(selection, event))
    .map((event) => eventJson(event, instrument, isMulti));
  if (selection.topOfBook) {
    if (selection.bids) events.push(...topChange(instrument, 'bid', topBefore.bid, topNow.bid, isMulti));
    if (selection.offers) events.push(...topChange(instrument, 'ask', topBefore.ask, topNow.ask, isMulti));
  }
  if (events.length === 0) return null;
  const seconds = Math.floor(timestampMs / 1_000);
  return parts(
    `{"type":"update","eventId":${turn.eventSequence},"timestamp":${seconds},"timestampms":${timestampMs}`,
    events,
  );
}

function parts(beginning: string, events: readonly unknown[]): FrameParts {
  return { head: `${beginning},"socket_sequence":`, tail: `,"events":${JSON.stringify(events)}}` };
}

function eventJson(event: MarketEvent, instrument: Instrument, isMulti: boolean): unknown {
  const symbol = symbolField(instrument, isMulti);
  if (event.type === 'trade') {
    const { tradeId, priceTicks, quantityLots, takerSide } = event.trade;
    return {
      type: 'trade',
      ...symbol,
      tid: isMulti ? `${tradeId}` : tradeId, // a text only there: such is the API
      price: formatPrice(instrument, priceTicks),
      amount: formatQuantity(instrument, quantityLots),
      makerSide: takerSide === Side.BUY ? 'ask' : 'bid',
    };
  }
  const { side, priceTicks, lots, deltaLots } = event.change;
  const sign = deltaLots < 0 ? '-' : '';
  return {
    type: 'change',
    ...symbol,
    side: side === Side.BUY ? 'bid' : 'ask',
    price: formatPrice(instrument, priceTicks),
    remaining: formatQuantity(instrument, lots),
    delta: sign + formatQuantity(instrument, Math.abs(deltaLots)),
    reason: event.reason,
  };
}

/** @returns the new best level, or that the last one is gone, or nothing when it is as before */
function topChange(
  instrument: Instrument,
  side: 'bid' | 'ask',
  before: DepthLevel | null,
  now: DepthLevel | null,
  isMulti: boolean,
): unknown[] {
  if (before?.priceTicks === now?.priceTicks && before?.lots === now?.lots) return [];
  const priceTicks = (now ?? before)!.priceTicks;
  return [
    {
      type: 'change',
      ...symbolField(instrument, isMulti),
      side,
      price: formatPrice(instrument, priceTicks),
      remaining: formatQuantity(instrument, now?.lots ?? 0),
      reason: 'top-of-book',
    },
  ];
}

function symbolField(instrument: Instrument, isMulti: boolean): { readonly symbol?: string } {
  return isMulti ? { symbol: instrument.symbol.toUpperCase() } : {};
}
