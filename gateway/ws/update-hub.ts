import type { Instrument } from '../../core/money/instrument.ts';
import type { MarketData } from '../market-data/market-data.ts';
import type { MarketListener, MarketTurn } from '../market-data/market-feed.ts';
import { type FrameParts, initialFrame, type TopOfBook, topOfBook, updateFrame } from './update-frames.ts';
import type { UpdateSelection } from './update-selection.ts';

/** A socket that follows instruments through v1 market data. */
export interface UpdateFollower {
  readonly selection: UpdateSelection;
  readonly isMulti: boolean;
  onFrame(frame: FrameParts): void;
}

interface CachedFrame {
  readonly version: number;
  readonly frame: FrameParts;
}

/** Who follows which instrument. Sockets that want the same events share what was written for the first of them. */
export class UpdateHub implements MarketListener {
  readonly #market: MarketData;
  readonly #followers = new Map<number, Set<UpdateFollower>>(); // by instrument id
  readonly #tops = new Map<number, TopOfBook>(); // by instrument id, of the followed ones, after the last turn
  readonly #initial = new Map<string, CachedFrame>(); // by instrument id and selection

  constructor(market: MarketData) {
    this.#market = market;
    market.feed.addListener(this);
  }

  follow(follower: UpdateFollower, instrumentId: number): void {
    const followers = this.#followers.get(instrumentId);
    if (followers !== undefined) {
      followers.add(follower);
      return;
    }
    this.#followers.set(instrumentId, new Set([follower]));
    this.#tops.set(instrumentId, topOfBook(this.#market.depth, instrumentId));
  }

  unfollow(follower: UpdateFollower, instrumentId: number): void {
    const followers = this.#followers.get(instrumentId);
    followers?.delete(follower);
    if (followers?.size !== 0) return;
    this.#followers.delete(instrumentId);
    this.#tops.delete(instrumentId);
  }

  /** @returns the instrument's book as the follower wants it */
  initialFrame({ selection, isMulti }: UpdateFollower, instrument: Instrument): FrameParts {
    const version = this.#market.feed.version(instrument.instrumentId);
    const name = `${instrument.instrumentId} ${selection.name} ${isMulti}`;
    const known = this.#initial.get(name);
    if (known?.version === version) return known.frame;
    const frame = initialFrame(instrument, this.#market.depth, selection, isMulti, version);
    this.#initial.set(name, { version, frame });
    return frame;
  }

  isListening(instrumentId: number): boolean {
    return this.#followers.has(instrumentId);
  }

  onTurn(turn: MarketTurn): void {
    const { instrumentId } = turn.instrument;
    const before = this.#tops.get(instrumentId)!;
    const now = topOfBook(this.#market.depth, instrumentId);
    this.#tops.set(instrumentId, now);
    const written = new Map<string, FrameParts | null>();
    for (const follower of [...this.#followers.get(instrumentId)!]) {
      const { selection, isMulti } = follower;
      const name = `${selection.name} ${isMulti}`;
      let frame = written.get(name);
      if (frame === undefined) {
        frame = updateFrame(turn, selection, isMulti, before, now);
        written.set(name, frame);
      }
      if (frame !== null) follower.onFrame(frame);
    }
  }
}
