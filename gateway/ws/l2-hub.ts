import type { Instrument } from '../../core/money/instrument.ts';
import type { MarketData } from '../market-data/market-data.ts';
import type { MarketListener, MarketTurn } from '../market-data/market-feed.ts';
import { l2Snapshot, l2Update } from './l2-messages.ts';
import type { SocketLink } from './socket-link.ts';

interface Snapshot {
  readonly version: number;
  readonly message: Buffer;
}

/** Who follows which instrument's book. A message is written once, whoever gets it, and so is a snapshot. */
export class L2Hub implements MarketListener {
  readonly #market: MarketData;
  readonly #followers = new Map<number, Set<SocketLink>>(); // by instrument id
  readonly #snapshots = new Map<number, Snapshot>(); // by instrument id

  constructor(market: MarketData) {
    this.#market = market;
    market.feed.addListener(this);
  }

  /**
   * Sends the book as it is and from then on every change. A follower that asks again gets the book again.
   * @param isFirst whether this socket never asked for it before: only then its size is not held against the client
   */
  follow(link: SocketLink, instrument: Instrument, isFirst: boolean): void {
    const { instrumentId } = instrument;
    const followers = this.#followers.get(instrumentId);
    if (followers === undefined) this.#followers.set(instrumentId, new Set([link]));
    else followers.add(link);
    if (isFirst) link.sendSnapshot(this.#snapshot(instrument));
    else link.send(this.#snapshot(instrument));
  }

  unfollow(link: SocketLink, instrumentId: number): void {
    const followers = this.#followers.get(instrumentId);
    followers?.delete(link);
    if (followers?.size === 0) this.#followers.delete(instrumentId);
  }

  isListening(instrumentId: number): boolean {
    return this.#followers.has(instrumentId);
  }

  onTurn(turn: MarketTurn): void {
    const followers = this.#followers.get(turn.instrument.instrumentId);
    if (followers === undefined) return;
    const messages = l2Update(turn);
    for (const link of [...followers]) link.send(...messages);
  }

  #snapshot(instrument: Instrument): Buffer {
    const { instrumentId } = instrument;
    const version = this.#market.feed.version(instrumentId);
    const known = this.#snapshots.get(instrumentId);
    if (known?.version === version) return known.message;
    const message = l2Snapshot(instrument, this.#market);
    this.#snapshots.set(instrumentId, { version, message });
    return message;
  }
}
