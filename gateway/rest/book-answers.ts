import type { Instrument } from '../../core/money/instrument.ts';
import { jsonReply, type Reply } from '../http/reply.ts';
import type { DepthLevel } from '../market-data/depth.ts';
import type { MarketData } from '../market-data/market-data.ts';
import { formatPrice, formatQuantity } from './formatting.ts';

interface BookAnswer {
  readonly version: number;
  readonly limits: string;
  readonly reply: Reply;
}

/**
 * Books as answers. A whole book of 100,000 levels takes 0.1 s to write, so it is written once for all who ask before it
 * changes. The core's limit of levels bounds the size.
 */
export class BookAnswers {
  readonly #market: Pick<MarketData, 'depth' | 'feed'>;
  readonly #newest = new Map<number, BookAnswer>(); // by instrument id

  constructor(market: Pick<MarketData, 'depth' | 'feed'>) {
    this.#market = market;
  }

  /** @param bidLevels at most, best first, as askLevels; 0 for all */
  answer(instrument: Instrument, bidLevels: number, askLevels: number): Reply {
    const { depth, feed } = this.#market;
    const { instrumentId } = instrument;
    const version = feed.version(instrumentId);
    const limits = `${bidLevels} ${askLevels}`;
    const newest = this.#newest.get(instrumentId);
    if (newest?.version === version && newest.limits === limits) return newest.reply;
    const row = ({ priceTicks, lots }: DepthLevel) => ({
      price: formatPrice(instrument, priceTicks),
      amount: formatQuantity(instrument, lots),
      timestamp: '0', // a field that clients expect and that has no meaning here
    });
    const reply = jsonReply({
      bids: depth.bids(instrumentId, bidLevels).map(row),
      asks: depth.asks(instrumentId, askLevels).map(row),
    });
    this.#newest.set(instrumentId, { version, limits, reply });
    return reply;
  }
}
