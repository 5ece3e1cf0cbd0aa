import type { Logger } from 'pino';
import { intervalStartMs, type KlineSize, shiftedStartMs } from '../../core/klines/kline-calendar.ts';
import type { Instrument } from '../../core/money/instrument.ts';
import type { Clock } from '../../core/ports/clock.ts';
import { MAX_KLINES } from '../../core/ports/klines.ts';
import type { CurrentCandles } from '../market-data/current-candles.ts';
import type { MarketFeed, MarketListener, MarketTurn } from '../market-data/market-feed.ts';
import { candleJson } from '../rest/candle-json.ts';
import { CloseCode, type SocketLink } from './socket-link.ts';

/** What a client follows: an instrument's candles of a size, under the name that it asked by. */
export interface CandleSubscription {
  readonly instrument: Instrument;
  readonly size: KlineSize;
  readonly name: string; // `candles_1hr`: answers repeat the client's own spelling
}

interface Joining {
  readonly link: SocketLink;
  readonly isFirst: boolean; // this socket never asked for it before
}

/** One subscription and everybody who has it. */
interface CandleFeed extends CandleSubscription {
  readonly followers: Set<SocketLink>;
  joining: Joining[]; // whose snapshot is still to be sent
  rows: ReadonlyMap<number, string>; // JSON of the newest candles as sent, by openMs: from the one before `openMs` on
  openMs: number; // of the newest one that no trade was missing of; 0 before any
  emptyAtMs: number; // while there is none: nothing had traded by then
  snapshot: Buffer | null; // null once anything has changed
  tradedFromMs: number; // of the oldest trade that its last look did not find; Infinity for none
  isDirty: boolean; // traded since it was looked at, or its last look did not find all trades
  isBusy: boolean;
}

/** How often changes are looked for while anybody follows: an update is never much later than that. */
const TICK_MS = 250;
const SNAPSHOT_CANDLES = 1_000;

/**
 * Candles as they grow. While somebody follows, a feed that has traded sends what has changed four times a second, and
 * when an interval ends its last state and the new one, whether or not anything was traded. A trade that reaches us after
 * the end of its interval sends that candle once more. While the store of candles lags, what it has is sent, and looked
 * at again until it has all.
 */
export class CandleHub implements MarketListener {
  readonly #candles: CurrentCandles;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #feeds = new Map<string, CandleFeed>(); // by instrument id and name
  readonly #listened = new Map<number, number>(); // by instrument id: how many feeds
  #timer: NodeJS.Timeout | null = null;

  constructor(candles: CurrentCandles, marketFeed: MarketFeed, clock: Clock, logger: Logger) {
    this.#candles = candles;
    this.#clock = clock;
    this.#logger = logger;
    marketFeed.addListener(this);
  }

  /** Sends the newest candles, and from then on every change. A follower that asks again gets them again. */
  follow(link: SocketLink, subscription: CandleSubscription, isFirst: boolean): void {
    const feed = this.#feed(subscription);
    feed.followers.delete(link); // updates go on behind the snapshot
    feed.joining.push({ link, isFirst });
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
    this.#look(feed);
  }

  unfollow(link: SocketLink, subscription: CandleSubscription): void {
    const feed = this.#feeds.get(keyOf(subscription));
    if (feed === undefined) return;
    feed.followers.delete(link);
    feed.joining = feed.joining.filter((joining) => joining.link !== link);
    this.#dropUnfollowed(feed);
  }

  isListening(instrumentId: number): boolean {
    return this.#listened.has(instrumentId);
  }

  onTurn({ instrument, events }: MarketTurn): void {
    if (!events.some(({ type }) => type === 'trade')) return;
    const timesMs = events.flatMap((event) => (event.type === 'trade' ? [event.trade.timestampMs] : []));
    for (const feed of this.#feeds.values()) {
      if (feed.instrument.instrumentId !== instrument.instrumentId) continue;
      feed.isDirty = true;
      feed.tradedFromMs = Math.min(feed.tradedFromMs, ...timesMs);
    }
  }

  #tick(): void {
    const nowMs = this.#clock.nowMs();
    for (const feed of this.#feeds.values()) {
      if (!feed.isDirty && !feed.isBusy) feed.emptyAtMs = nowMs;
      if (feed.isDirty || feed.joining.length > 0 || hasEnded(feed, nowMs)) this.#look(feed);
    }
  }

  #look(feed: CandleFeed): void {
    if (feed.isBusy) return; // looked at again with the next tick
    feed.isBusy = true;
    this.#send(feed)
      .catch((error: unknown) => {
        this.#logger.error({ err: error, feed: feed.name }, 'candles could not be sent');
        for (const { link } of feed.joining) feed.followers.add(link);
        for (const link of feed.followers) link.end(CloseCode.INTERNAL, 'internal error');
      })
      .finally(() => {
        feed.isBusy = false;
      });
  }

  async #send(feed: CandleFeed): Promise<void> {
    feed.isDirty = false;
    await this.#sendChanges(feed);
    if (feed.joining.length === 0) return;
    feed.snapshot ??= await this.#snapshot(feed);
    for (const { link, isFirst } of feed.joining.splice(0)) {
      feed.followers.add(link);
      if (isFirst) link.sendSnapshot(feed.snapshot);
      else link.send(feed.snapshot);
    }
  }

  async #sendChanges(feed: CandleFeed): Promise<void> {
    const { instrument, size, rows } = feed;
    const presentMs = intervalStartMs(size, this.#clock.nowMs());
    const { tradedFromMs } = feed;
    feed.tradedFromMs = Number.POSITIVE_INFINITY;
    // From the interval before the newest that was sent, or that of a trade which comes later still: its event may have
    // waited for a disk, or the host slept.
    const newestMs = feed.openMs === 0 ? intervalStartMs(size, feed.emptyAtMs) : Math.min(feed.openMs, presentMs);
    const wantedMs = Math.min(
      shiftedStartMs(size, newestMs, -1),
      intervalStartMs(size, Math.min(tradedFromMs, presentMs)),
    );
    const sinceMs = Math.max(wantedMs, shiftedStartMs(size, presentMs, 1 - MAX_KLINES));
    const { candles, isCurrent } = await this.#candles.since(instrument.instrumentId, size, sinceMs, MAX_KLINES);
    const isEnd = isCurrent && feed.openMs !== 0 && feed.openMs < presentMs;
    const texts = new Map(candles.map((candle) => [candle.openMs, candleJson(instrument, candle)]));
    const changes = [...texts].filter(
      ([openMs, text]) => rows.get(openMs) !== text || (isEnd && openMs === feed.openMs),
    );
    if (isCurrent) {
      feed.rows = new Map([...texts].slice(-2));
      feed.openMs = candles.at(-1)?.openMs ?? 0;
    } else {
      feed.rows = texts; // a trade that is missing may belong into any of them
      feed.isDirty = true;
      feed.tradedFromMs = Math.min(feed.tradedFromMs, tradedFromMs);
    }
    if (changes.length === 0) return;
    feed.snapshot = null;
    const message = messageOf(feed, changes.map(([, text]) => text).reverse());
    for (const link of [...feed.followers]) link.send(message);
  }

  async #snapshot(feed: CandleFeed): Promise<Buffer> {
    const { instrument, size } = feed;
    const { candles } = await this.#candles.newest(instrument.instrumentId, size, SNAPSHOT_CANDLES);
    return messageOf(feed, candles.map((candle) => candleJson(instrument, candle)).reverse());
  }

  #feed(subscription: CandleSubscription): CandleFeed {
    const key = keyOf(subscription);
    const known = this.#feeds.get(key);
    if (known !== undefined) return known;
    const emptyAtMs = this.#clock.nowMs();
    const looks = { emptyAtMs, tradedFromMs: Number.POSITIVE_INFINITY, isDirty: false, isBusy: false };
    const state = { joining: [], rows: new Map(), openMs: 0, snapshot: null, ...looks };
    const feed: CandleFeed = { ...subscription, followers: new Set(), ...state };
    this.#feeds.set(key, feed);
    const { instrumentId } = subscription.instrument;
    this.#listened.set(instrumentId, (this.#listened.get(instrumentId) ?? 0) + 1);
    return feed;
  }

  #dropUnfollowed(feed: CandleFeed): void {
    if (feed.followers.size > 0 || feed.joining.length > 0) return;
    this.#feeds.delete(keyOf(feed));
    const { instrumentId } = feed.instrument;
    const left = this.#listened.get(instrumentId)! - 1;
    if (left === 0) this.#listened.delete(instrumentId);
    else this.#listened.set(instrumentId, left);
    if (this.#feeds.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer); // an exchange at rest does not run
    this.#timer = null;
  }
}

function keyOf({ instrument, name }: CandleSubscription): string {
  return `${instrument.instrumentId} ${name}`;
}

function hasEnded({ size, openMs }: CandleFeed, nowMs: number): boolean {
  return openMs !== 0 && openMs < intervalStartMs(size, nowMs);
}

/** @param rows newest first */
function messageOf({ name, instrument }: CandleSubscription, rows: readonly string[]): Buffer {
  return Buffer.from(
    `{"type":"${name}_updates","symbol":"${instrument.symbol.toUpperCase()}","changes":[${rows.join(',')}]}`,
  );
}
