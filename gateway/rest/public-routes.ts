import type { Catalogue } from '../../core/money/catalogue.ts';
import type { Instrument } from '../../core/money/instrument.ts';
import { InstrumentState } from '../../core/protocol/kinds.ts';
import { jsonReply } from '../http/reply.ts';
import type { MarketData } from '../market-data/market-data.ts';
import { BookAnswers } from './book-answers.ts';
import { formatPrice, formatQuantity } from './formatting.ts';
import { optionalWholeNumber, publicInstrument } from './query-fields.ts';
import type { PublicEndpoint } from './router.ts';

const DEFAULT_BOOK_LEVELS = 50;
const STATUS: Readonly<Record<InstrumentState, string>> = {
  [InstrumentState.TRADING]: 'open',
  [InstrumentState.HALTED]: 'closed',
  [InstrumentState.CANCEL_ONLY]: 'cancel_only',
  [InstrumentState.POST_ONLY]: 'post_only',
};

/** What everybody may see. */
export function publicRoutes(catalogue: Catalogue, market: MarketData): PublicEndpoint[] {
  const { states } = market;
  const books = new BookAnswers(market);
  const details = (instrument: Instrument) => detailsJson(instrument, states.state(instrument.instrumentId));

  return [
    {
      method: 'GET',
      pattern: '/v1/symbols',
      answer: () => jsonReply(catalogue.instruments().map(({ symbol }) => symbol)),
    },
    {
      method: 'GET',
      pattern: '/v1/symbols/details/all',
      answer: () => jsonReply(catalogue.instruments().map(details)),
    },
    {
      method: 'GET',
      pattern: '/v1/symbols/details/{symbol}',
      answer: ({ parameters }) => jsonReply(details(publicInstrument(catalogue, parameters[0]!))),
    },
    {
      method: 'GET',
      pattern: '/v1/book/{symbol}',
      answer({ parameters, query }) {
        const instrument = publicInstrument(catalogue, parameters[0]!);
        return books.answer(instrument, levelLimit(query, 'limit_bids'), levelLimit(query, 'limit_asks'));
      },
    },
  ];
}

/** The two steps are JSON numbers in this API: decimal text of a few digits, which a double carries exactly enough. */
function detailsJson(instrument: Instrument, state: InstrumentState) {
  return {
    symbol: instrument.symbol.toUpperCase(),
    base_currency: instrument.base.code,
    quote_currency: instrument.quote.code,
    tick_size: Number(formatQuantity(instrument, 1)),
    quote_increment: Number(formatPrice(instrument, 1)),
    min_order_size: formatQuantity(instrument, instrument.minQuantityLots),
    max_order_size: formatQuantity(instrument, instrument.maxQuantityLots), // ours, as are the two rates
    maker_fee_ppm: instrument.makerRatePpm,
    taker_fee_ppm: instrument.takerRatePpm,
    status: STATUS[state],
    wrap_enabled: false,
    product_type: 'spot',
    contract_type: 'vanilla',
  };
}

function levelLimit(query: URLSearchParams, name: string): number {
  return optionalWholeNumber(query.get(name) ?? undefined, name, 'Bad Request') ?? DEFAULT_BOOK_LEVELS;
}
