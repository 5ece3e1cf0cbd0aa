import type { Catalogue } from '../../core/money/catalogue.ts';
import type { Instrument } from '../../core/money/instrument.ts';
import { jsonReply } from '../http/reply.ts';
import type { Depth, DepthLevel } from '../market-data/depth.ts';
import { ApiError, echo } from './errors.ts';
import { formatPrice, formatQuantity } from './formatting.ts';
import type { PublicEndpoint } from './router.ts';

const DEFAULT_BOOK_LEVELS = 50;
const WHOLE_NUMBER = /^[0-9]{1,9}$/;

/** What everybody may see. */
export function publicRoutes(catalogue: Catalogue, depth: Depth): PublicEndpoint[] {
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
      answer: ({ parameters }) => jsonReply(details(instrumentOf(catalogue, parameters[0]!))),
    },
    {
      method: 'GET',
      pattern: '/v1/book/{symbol}',
      answer({ parameters, query }) {
        const instrument = instrumentOf(catalogue, parameters[0]!);
        const { instrumentId } = instrument;
        const row = ({ priceTicks, lots }: DepthLevel) => ({
          price: formatPrice(instrument, priceTicks),
          amount: formatQuantity(instrument, lots),
          timestamp: '0', // a field that clients expect and that has no meaning here
        });
        return jsonReply({
          bids: depth.bids(instrumentId, levelLimit(query, 'limit_bids')).map(row),
          asks: depth.asks(instrumentId, levelLimit(query, 'limit_asks')).map(row),
        });
      },
    },
  ];
}

function instrumentOf(catalogue: Catalogue, symbol: string): Instrument {
  const instrument = catalogue.instrumentBySymbol(symbol.toLowerCase());
  if (instrument !== undefined) return instrument;
  const known = catalogue
    .instruments()
    .map((each) => each.symbol)
    .join(', ');
  throw new ApiError('Bad Request', `Supplied value '${echo(symbol)}' is not a valid symbol; valid are: ${known}`);
}

/** The two steps are JSON numbers in this API: decimal text of a few digits, which a double carries exactly enough. */
function details(instrument: Instrument) {
  return {
    symbol: instrument.symbol.toUpperCase(),
    base_currency: instrument.base.code,
    quote_currency: instrument.quote.code,
    tick_size: Number(formatQuantity(instrument, 1)),
    quote_increment: Number(formatPrice(instrument, 1)),
    min_order_size: formatQuantity(instrument, instrument.minQuantityLots),
    status: 'open',
    wrap_enabled: false,
    product_type: 'spot',
    contract_type: 'vanilla',
  };
}

function levelLimit(query: URLSearchParams, name: string): number {
  const text = query.get(name);
  if (text === null || text === '') return DEFAULT_BOOK_LEVELS;
  if (!WHOLE_NUMBER.test(text))
    throw new ApiError('Bad Request', `${name} must be a whole number, 0 for all levels, not '${echo(text)}'`);
  return Number(text);
}
