import type { Catalogue } from '../../core/money/catalogue.ts';
import type { Instrument } from '../../core/money/instrument.ts';
import type { CandleHub, CandleSubscription } from './candle-hub.ts';
import type { L2Hub } from './l2-hub.ts';
import { readWish } from './market-wish.ts';
import { CloseCode, type SocketLink } from './socket-link.ts';
import type { SocketEndpoint, SocketSession } from './socket-server.ts';

/** Messages that a client may send at once, and again in every heartbeat's time: each may ask for a whole book. */
const MAX_MESSAGES_PER_BEAT = 100;

export interface MarketHubs {
  readonly books: L2Hub;
  readonly candles: CandleHub;
}

/** `/v2/marketdata`: the client says what it wants to follow, books and candles, at any time. */
export function marketEndpoint(catalogue: Catalogue, hubs: MarketHubs): SocketEndpoint {
  return { pattern: '/v2/marketdata', accept: () => (link) => new MarketSession(link, catalogue, hubs) };
}

class MarketSession implements SocketSession {
  readonly #link: SocketLink;
  readonly #catalogue: Catalogue;
  readonly #hubs: MarketHubs;
  readonly #books = new Map<string, Instrument>(); // followed now
  readonly #candles = new Map<string, CandleSubscription>(); // followed now
  readonly #everFollowed = new Set<string>();
  #messagesLeft = MAX_MESSAGES_PER_BEAT;

  constructor(link: SocketLink, catalogue: Catalogue, hubs: MarketHubs) {
    this.#link = link;
    this.#catalogue = catalogue;
    this.#hubs = hubs;
  }

  onMessage(text: string): void {
    this.#messagesLeft -= 1;
    if (this.#messagesLeft < 0) {
      this.#link.end(CloseCode.POLICY, 'too many messages');
      return;
    }
    const wish = readWish(text, this.#catalogue);
    if ('reason' in wish) {
      this.#link.send(JSON.stringify({ result: 'error', ...wish }));
      return;
    }
    const { books, candles } = this.#hubs;
    for (const instrument of wish.books) {
      const key = `${instrument.instrumentId} l2`;
      if (!wish.isSubscribe) {
        if (this.#books.delete(key)) books.unfollow(this.#link, instrument.instrumentId);
        continue;
      }
      if (!this.#link.isOpen) return; // the snapshot before this one was too much for the client
      this.#books.set(key, instrument);
      books.follow(this.#link, instrument, this.#isFirst(key));
    }
    for (const subscription of wish.candles) {
      const key = `${subscription.instrument.instrumentId} ${subscription.name}`;
      if (!wish.isSubscribe) {
        if (this.#candles.delete(key)) candles.unfollow(this.#link, subscription);
        continue;
      }
      if (!this.#link.isOpen) return;
      this.#candles.set(key, subscription);
      candles.follow(this.#link, subscription, this.#isFirst(key));
    }
  }

  onHeartbeat(nowMs: number): void {
    this.#messagesLeft = MAX_MESSAGES_PER_BEAT;
    this.#link.send(`{"type":"heartbeat","timestamp":${nowMs}}`);
  }

  onClose(): void {
    for (const { instrumentId } of this.#books.values()) this.#hubs.books.unfollow(this.#link, instrumentId);
    for (const subscription of this.#candles.values()) this.#hubs.candles.unfollow(this.#link, subscription);
  }

  #isFirst(key: string): boolean {
    const isFirst = !this.#everFollowed.has(key);
    this.#everFollowed.add(key);
    return isFirst;
  }
}
