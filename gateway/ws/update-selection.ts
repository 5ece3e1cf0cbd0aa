import { Side } from '../../core/protocol/kinds.ts';
import type { MarketEvent } from '../market-data/market-feed.ts';

/** Which events a v1 market data socket wants, as its URL says. */
export interface UpdateSelection {
  readonly bids: boolean;
  readonly offers: boolean;
  readonly trades: boolean;
  readonly topOfBook: boolean;
  /** The same text for equal selections: what is written for one serves all. */
  readonly name: string;
}

const KINDS = ['bids', 'offers', 'trades', 'auctions'] as const;

/**
 * Two rules are in use for the kinds that a URL names. Where at least one of them is true, only those are meant; where
 * all that are named are false, all others are meant. A URL that names none means all.
 */
export function readSelection(query: URLSearchParams): UpdateSelection {
  const isTrue = (name: string): boolean => query.get(name) === 'true' || query.get(name) === '1';
  const isExclusive = KINDS.some(isTrue);
  const wants = (name: string): boolean => (isExclusive ? isTrue(name) : !query.has(name));
  const [bids, offers, trades] = [wants('bids'), wants('offers'), wants('trades')];
  const topOfBook = isTrue('top_of_book');
  return { bids, offers, trades, topOfBook, name: [bids, offers, trades, topOfBook].join() };
}

/** @returns whether an event of the whole book belongs to the selection; the top of the book is gathered apart */
export function isSelected(selection: UpdateSelection, event: MarketEvent): boolean {
  if (event.type === 'trade') return selection.trades;
  return !selection.topOfBook && (event.change.side === Side.BUY ? selection.bids : selection.offers);
}
